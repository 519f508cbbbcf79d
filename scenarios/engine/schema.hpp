#pragma once

#include <string>

#include "scenarios/engine/fields.hpp"

namespace irqbench::scenarios {

/// The format as a JSON Schema (draft-07), made from the same tables as the reader. It accepts every file
/// that the reader accepts. The other way round it cannot see duplicate keys, what a comment hides, and what
/// only the whole file tells: names, numbers of steps, reachability. scenarios/schema/scenario.schema.json is
/// a copy for editors.
Json schema();

/// The same of state files. scenarios/schema/state.schema.json is a copy.
Json state_schema();

/// JSON for people to read: what fits one line stays on one.
std::string pretty(const Json& value);

/// Every verb with its arguments, types, ranges and defaults, as Markdown. scenarios/schema/verbs.md is a
/// copy.
std::string verb_reference();

}  // namespace irqbench::scenarios
