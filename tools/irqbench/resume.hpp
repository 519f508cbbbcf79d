#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// What is over and needs not be run again, by file and irqchip mode.
using EarlierResults = std::map<std::pair<std::string, std::string>, Result>;

/// Reads the records of an earlier run: the results of tasks that were completed, in the order of the file.
/// Its last line may be cut.
/// @param argument of the command line that names the file
/// @throws CLI::ValidationError that names the argument and the line, when this is no such file
std::vector<Result> read_results(const std::string& file, const std::string& argument);

/// Those that are of one kernel, of several of the same task the last. It is told when none is.
EarlierResults earlier_results(std::vector<Result> results, const std::string& kernel);

}  // namespace irqbench::tools
