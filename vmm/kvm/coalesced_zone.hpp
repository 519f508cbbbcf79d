#pragma once

#include <cstdint>

#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// A range whose writes KVM collects in a ring instead of exiting for each: KVM_REGISTER_COALESCED_MMIO. Read
/// them with Vcpu::next_coalesced_write(). Unregistered on destruction, which waits for every reader in the
/// kernel: about 8 ms.
class CoalescedZone {
  public:
    enum class Space { mmio, port };

    /// Needs KVM_CAP_COALESCED_MMIO, and for ports KVM_CAP_COALESCED_PIO.
    CoalescedZone(Vm& vm, Space space, std::uint64_t address, std::uint32_t bytes);
    CoalescedZone(CoalescedZone&& other) noexcept;
    CoalescedZone& operator=(CoalescedZone&& other) noexcept;
    ~CoalescedZone();

    /// Leaves it registered: the kernel gets rid of it when the VM goes.
    void abandon() { vm_ = nullptr; }

  private:
    Vm* vm_;  ///< null if not registered
    kvm_coalesced_mmio_zone zone_;
};

}  // namespace irqbench::vmm::kvm
