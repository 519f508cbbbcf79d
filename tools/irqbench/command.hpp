#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::tools {

/// No two outcomes of the command share a number. Where several apply, the first of this order is returned:
/// malformed, invalid, host_error, failed, nothing_executed.
enum class Status {
    passed = 0,
    failed = 1,
    malformed = 2,  ///< input or usage
    host_error = 3,
    invalid = 4,
    nothing_executed = 5,
    interrupted = 130,  ///< SIGINT, after the results so far
};

/// A subcommand: declares its options on the parser and returns what to do when it was chosen.
using Command = std::function<Status()>;
Command add_run(CLI::App& app);
Command add_list(CLI::App& app);
Command add_check(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_caps(CLI::App& app);
Command add_schema(CLI::App& app);
Command add_completion(CLI::App& app, const CLI::App& whole);

/// The scenario files that the paths mean: a file itself, and every *.json below a folder, sorted. Folders
/// called `schema` are passed over.
/// @throws std::invalid_argument for a path that is not there
std::vector<std::filesystem::path> scenario_files(const std::vector<std::string>& paths);

/// Loads every file; prints why to standard error for those that cannot be used.
struct Loaded {
    std::vector<scenarios::Scenario> scenarios;
    Status status = Status::passed;  ///< malformed or invalid if a file could not be used
};
Loaded load_files(const std::vector<std::string>& paths);

/// Which scenarios a command is about.
struct Selection {
    std::vector<std::string> paths;
    std::string filter;
    std::vector<std::string> tags;
};
void add_selection(CLI::App& app, Selection& selection);
/// Whether the scenario's name or file holds `filter`, and it has one of the tags.
bool selects(const Selection& selection, const scenarios::Scenario& scenario);

/// The graver of two outcomes, in the order of Status.
Status worse(Status a, Status b);

/// Whether colour may be used on this stream: a terminal, and NO_COLOR is not set (no-color.org).
bool colour_allowed(int descriptor);

/// Becomes true when the user presses Ctrl-C. The first call installs the handler; a second Ctrl-C ends the
/// process.
const std::atomic<bool>& interrupted();

}  // namespace irqbench::tools
