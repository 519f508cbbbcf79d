#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/scenario.hpp"

/// Random scenarios, and what two irqchip modes make of them.
namespace irqbench::tools::fuzz {

using scenarios::Json;

struct Architecture;

/// A scenario that can be taken apart and put together again: the machine, and steps as a file has them.
struct Case {
    const Architecture* architecture = nullptr;
    std::uint32_t vcpus = 1;
    Json head =
        Json::object();  ///< the file's `machine`, and what else it says before its steps because of it
    std::vector<Json> steps;

    bool operator==(const Case&) const = default;
};

/// What a file says besides its steps.
struct Heading {
    std::string name;
    std::string source;
    std::vector<std::string> comment;  ///< lines
};

/// The number that an argument has under this key, in digits or as text in hexadecimal; none if it has none.
std::optional<std::uint64_t> number_at(const Json& argument, const char* key);

/// The text of a scenario file.
std::string text_of(const Case& each, const Heading& heading);

/// A scenario whose first steps are those of the case. Stimuli alone claim nothing, so that some steps behind
/// them let it be loaded, which are not to be performed.
/// @throws scenarios::ScenarioError if the steps can mean nothing
scenarios::Scenario load_stimuli(const Case& each);

}  // namespace irqbench::tools::fuzz
