#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <vector>

#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/memory_slots.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::perf {

/// The yardstick: one vCPU with the same guest agent, a split irqchip, and nothing of the bench around it.
/// Its step() is two or three bare ioctl() calls.
class RawMachine {
  public:
    explicit RawMachine(const kvm_msi& message);

    /// Injects the message and runs the vCPU until it is idle twice: the exits that a stepped machine makes
    /// too.
    void step();
    /// Interrupts the guest has written down so far.
    [[nodiscard]] std::uint32_t taken() const;
    /// Exits to this process so far.
    [[nodiscard]] std::uint64_t exits() const { return exits_; }

  private:
    void run();

    vmm::kvm::System system_;
    vmm::kvm::GuestMemory memory_;
    vmm::kvm::Vm vm_;
    vmm::kvm::MemorySlots slots_;
    std::vector<vmm::kvm::Vcpu> vcpu_;
    kvm_msi message_;
    std::uint64_t exits_ = 0;
};

}  // namespace irqbench::perf
