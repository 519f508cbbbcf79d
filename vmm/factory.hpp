#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// Every placement make_machine() knows, whether this host has it or not.
std::vector<std::string> placements();

/// What this host offers. Probes the traits of its KVM with small machines; takes some milliseconds.
Host probe_host();

/// Builds the machine of `config.placement`. The trace must outlive it.
/// @throws std::system_error when the host refuses to build it, std::invalid_argument for an unknown placement
std::unique_ptr<Machine> make_machine(const MachineConfig& config, Trace& trace);

}  // namespace irqbench::vmm
