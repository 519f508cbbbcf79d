#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// What is over and needs not be run again, by file and irqchip mode.
using EarlierResults = std::map<std::pair<std::string, std::string>, Result>;

/// What an earlier run has said.
struct EarlierRun {
    std::vector<Result> results;  ///< of tasks that were completed, in the order of the file
    std::uint64_t tasks = 0;      ///< that it had
    bool ended = false;           ///< by itself

    /// Whether there would be more results.
    [[nodiscard]] bool is_cut() const { return !ended || results.size() < tasks; }
};

/// Reads the records of an earlier run. Its last line may be cut.
/// @param argument of the command line that names the file
/// @throws CLI::ValidationError that names the argument and the line, when this is no such file
EarlierRun read_run(const std::string& file, const std::string& argument);

/// Says of a run that is cut that it is.
void warn_of_cut(const EarlierRun& run, const std::string& file);

/// Those that are of one kernel, of several of the same task the last. It is told when none is.
EarlierResults earlier_results(std::vector<Result> results, const std::string& kernel);

}  // namespace irqbench::tools
