#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/memory_slots.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::perf {

/// The yardstick: one vCPU with the same guest agent, and nothing of the bench around it. Its step() is a few
/// bare ioctl() calls.
class RawMachine {
  public:
    /// With a split irqchip; a step sends the message.
    explicit RawMachine(const kvm_msi& message);
    /// Without any; a step injects the vector by KVM_INTERRUPT, and the guest's EOI goes nowhere.
    explicit RawMachine(std::uint32_t vector);

    /// Injects and runs the vCPU until it is idle twice: the exits that a stepped machine makes too.
    void step();
    /// Interrupts the guest has written down so far.
    [[nodiscard]] std::uint32_t taken() const;
    /// Exits to this process so far.
    [[nodiscard]] std::uint64_t exits() const { return exits_; }

  private:
    void load();
    void inject();
    void run();
    void run_to_idle();

    vmm::kvm::System system_;
    vmm::kvm::GuestMemory memory_;
    vmm::kvm::Vm vm_;
    vmm::kvm::MemorySlots slots_;
    std::vector<vmm::kvm::Vcpu> vcpu_;
    std::optional<kvm_msi> message_;
    kvm_interrupt interrupt_{};
    std::uint64_t exits_ = 0;
};

}  // namespace irqbench::perf
