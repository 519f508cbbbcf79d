#pragma once

#include <map>
#include <string>
#include <utility>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// What is over and needs not be run again, by file and irqchip mode.
using EarlierResults = std::map<std::pair<std::string, std::string>, Result>;

/// Reads the records of an earlier run: the results of tasks that were completed, of several the last. The
/// last line may be cut.
/// @param kernel what the results must be of
/// @throws CLI::ValidationError that names the line, when this is no such file
EarlierResults read_earlier_results(const std::string& file, const std::string& kernel);

}  // namespace irqbench::tools
