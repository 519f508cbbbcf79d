#pragma once

#include <cstdint>

#include "vmm/kvm/eventfd.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// An eventfd whose signals KVM turns into interrupts of one GSI: KVM_IRQFD. Deassigned on destruction.
///
/// It remembers the eventfds by number: they must outlive it, and may be moved. The VM must outlive it too.
class Irqfd {
  public:
    /// @param resample if not null, KVM_IRQFD_FLAG_RESAMPLE: the GSI stays asserted after a signal until the
    /// guest's
    ///        EOI, which deasserts it and signals this eventfd
    /// Fails with EINVAL without irqchip, for resample on a split irqchip and for a trigger that is no
    /// eventfd; with EBUSY if the trigger is in use by an irqfd; with EBADF if it is closed. An unknown GSI
    /// is no error.
    Irqfd(Vm& vm, const EventFd& trigger, std::uint32_t gsi, const EventFd* resample = nullptr);
    [[nodiscard]] static Attempt<Irqfd> try_assign(Vm& vm, const EventFd& trigger, std::uint32_t gsi,
                                                   const EventFd* resample = nullptr);
    Irqfd(Irqfd&& other) noexcept;
    Irqfd& operator=(Irqfd&& other) noexcept;
    ~Irqfd();

    /// Waits until the kernel has injected what was signalled. Signals that need a pin or the resampler are
    /// injected by a kernel workqueue; deassigning flushes it (virt/kvm/eventfd.c, kvm_irqfd_deassign). So
    /// this deassigns the irqfd and assigns it again, and empties its trigger in between.
    /// @throws std::system_error "KVM_IRQFD"; the irqfd is then not assigned
    void drain(const EventFd& trigger);

    /// Deassigns now, with the kernel's answer. It must be assigned.
    [[nodiscard]] Outcome try_deassign();
    /// Deassigns the irqfd of this trigger and GSI, if there is one; to the kernel that is no condition.
    [[nodiscard]] static Outcome try_deassign(Vm& vm, const EventFd& trigger, std::uint32_t gsi);
    /// Leaves it assigned: the kernel gets rid of it when the VM goes.
    void abandon() { vm_ = nullptr; }

    [[nodiscard]] std::uint32_t gsi() const { return request_.gsi; }

  private:
    Irqfd(Vm& vm, const kvm_irqfd& request) : vm_(&vm), request_(request) {}

    [[nodiscard]] kvm_irqfd deassign_request() const;

    Vm* vm_;  ///< null if not assigned
    kvm_irqfd request_;
};

}  // namespace irqbench::vmm::kvm
