#pragma once

#include "routing/table.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// KVM_SET_GSI_ROUTING with the entries of `table`.
[[nodiscard]] Outcome try_set_routing(kvm::Vm& vm, const routing::RoutingTable& table);

/// KVM_SIGNAL_MSI.
[[nodiscard]] Outcome try_signal(kvm::Vm& vm, const MsiMessage& message);

}  // namespace irqbench::vmm
