#pragma once

#include <filesystem>
#include <string>

#include "scenarios/engine/document.hpp"
#include "scenarios/engine/fields.hpp"

/// Scenario files as values that can be taken apart, and their text.
namespace irqbench::tools::shrinking {

using scenarios::Json;

/// On one line, with the spaces that scenario files have.
std::string on_one_line(const Json& value);

/// The text of a scenario file: a step a line, and what is too long for one on several.
std::string file_text(const Json& document);

/// The file as it was read, without its comments.
Json to_json(const scenarios::Node& node);

/// The same file without `groups` and `use`: their steps stand where they are done.
/// @param file the name of the document; those that it uses are beside it
/// @throws scenarios::ScenarioError for a used file that cannot be read
Json without_groups(Json document, const std::filesystem::path& file);

/// Whether the verb of a step holds steps of its own.
bool is_block(const std::string& verb);

}  // namespace irqbench::tools::shrinking
