#pragma once

#include <memory>
#include <string>

#include "scenarios/engine/fields.hpp"
#include "vmm/state.hpp"

/// An arm64 machine's saved state as a JSON file: scenarios/README.md, "State in a file".
namespace irqbench::scenarios::verbs::arm64 {

/// @throws std::logic_error for a state that is no vmm::PortableState
[[nodiscard]] std::string state_text(const vmm::MachineState& state);

/// What state_text() writes, as a JSON Schema: what a reader would find in a file by its fields alone.
[[nodiscard]] Json state_schema();

/// @throws ScenarioError (malformed) with the place in that file
[[nodiscard]] std::shared_ptr<const vmm::MachineState> read_state(const Document& document);

}  // namespace irqbench::scenarios::verbs::arm64
