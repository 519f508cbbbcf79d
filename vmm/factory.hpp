#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// Every placement make_machine() knows, whether this host has it or not.
std::vector<std::string> placements();

/// Every capability a Host lists, by the names `requires` uses: lower case, without KVM_CAP_.
std::span<const std::string_view> capability_names();

/// What this host offers. Probes the traits of its KVM with small machines; takes some milliseconds.
Host probe_host();

/// A host of which nothing is known yet but that it has a KVM, of that architecture.
Host presumed_host(std::string_view arch);

/// Builds the machine of `config.placement`. The trace must outlive it.
/// @throws std::system_error when the host refuses to build it, std::invalid_argument for an unknown
/// placement
std::unique_ptr<Machine> make_machine(const MachineConfig& config, Trace& trace);

}  // namespace irqbench::vmm
