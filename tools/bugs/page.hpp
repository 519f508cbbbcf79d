#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/scenario.hpp"
#include "tools/report/result.hpp"

/// docs/bugs.md: which bugs of released kernels and VMMs have a scenario, and what became of it where.
namespace irqbench::tools::bugs {

/// A bug, as docs/bugs.json has it.
struct Row {
    std::string name;       ///< `X01`, as scenarios name it in `reference`
    std::string bug;        ///< in a few words
    std::string where;      ///< whose it was
    std::string reference;  ///< its commits, issues or messages
    std::string without;    ///< why it has no scenario; empty if it has one
    std::string
        control{};  ///< what shows that its scenarios would notice: the bug that is put back, or why none is
    std::string alike{};  ///< why the kernels do not tell it apart; empty if they do, or if nobody has said
};

/// @throws std::invalid_argument for what is not an array of rows, and for two rows of one name
std::vector<Row> read_rows(const scenarios::Json& rows);

/// Gives each row that has patches in the folder, ROW.patch or ROW_name.patch, their first lines as its
/// control.
/// @throws std::invalid_argument for a patch of no row, or of one that says why it has none
void add_controls(std::vector<Row>& rows, const std::filesystem::path& folder);

/// The oldest Linux that a scenario can be judged on, or passes on: `6.9`, `6.13, 6.12.95, 6.1.176`; empty if
/// it names none.
std::string oldest_kernel(const scenarios::Scenario& scenario);

/// The page: bugs that some of the kernels have and others have not, all that have a scenario with its
/// verdict on each kernel and mode, why kernels do not tell some of them apart, and the others with the
/// reason.
/// @param results of one or more runs, on any kernels and in any modes; those that name no row do not count
/// @param oldest what oldest_kernel() says of a file; files that are not in it name none
/// @throws std::invalid_argument if a result names a row that there is not, or that is said to have no
/// scenario, or if kernels differ in a row that is said to be alike in all of them
std::string page(std::span<const Row> rows, std::span<const Result> results,
                 const std::map<std::string, std::string>& oldest = {});

}  // namespace irqbench::tools::bugs
