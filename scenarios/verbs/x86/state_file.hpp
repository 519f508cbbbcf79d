#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "vmm/state.hpp"

/// A PC's saved state as a JSON file: scenarios/README.md, "State in a file".
namespace irqbench::scenarios::verbs::x86 {

/// @throws std::logic_error for a state that is no vmm::PortableState
[[nodiscard]] std::string state_text(const vmm::MachineState& state);

/// @throws ScenarioError (malformed) with the place in that file, also when it cannot be read
[[nodiscard]] std::shared_ptr<const vmm::MachineState> read_state(const std::filesystem::path& path);

}  // namespace irqbench::scenarios::verbs::x86
