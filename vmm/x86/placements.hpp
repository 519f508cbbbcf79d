#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"

namespace irqbench::vmm::x86 {

/// The placements by name, best known first.
std::vector<std::string> placement_names(const kvm::System& system);

/// @throws std::invalid_argument for a name that placement_names() does not have
std::unique_ptr<Placement> make_placement(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                                          Recorder& recorder);

}  // namespace irqbench::vmm::x86
