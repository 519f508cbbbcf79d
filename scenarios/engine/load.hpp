#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// Reads one scenario file and checks that it can mean something. The format: scenarios/README.md.
/// @throws ScenarioError malformed when the file does not follow the format (or cannot be read), invalid when
/// it
///         does and still makes no sense
/// @param reads gets the files that it goes on to read (groups, saved states), also those that cannot be
Scenario load(const std::filesystem::path& path, std::vector<std::filesystem::path>* reads = nullptr);

/// The same for text that is in memory already; `file` is what messages call it.
Scenario load_text(std::string_view text, const std::filesystem::path& file);

}  // namespace irqbench::scenarios
