#pragma once

#include <cstdint>
#include <optional>

#include "vmm/kvm/eventfd.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// What a guest has to write where to ring a doorbell.
struct Doorbell {
    std::uint64_t address = 0;  ///< guest physical address, or port
    bool port = false;
    std::uint32_t bytes = 0;  ///< 1, 2, 4 or 8, or 0 for a write of any length
    std::optional<std::uint64_t> datamatch;
};

/// An eventfd that KVM signals when the guest writes to a doorbell, instead of exiting: KVM_IOEVENTFD.
/// Deassigned on destruction, which waits for every reader in the kernel: about 8 ms.
///
/// It remembers the eventfd by number: it must outlive this, and may be moved. The VM must outlive it too.
class Ioeventfd {
  public:
    /// Fails with EEXIST if the same doorbell is there already, with EINVAL for another length or datamatch
    /// on length 0.
    Ioeventfd(Vm& vm, const EventFd& event, const Doorbell& doorbell);
    [[nodiscard]] static Attempt<Ioeventfd> try_assign(Vm& vm, const EventFd& event,
                                                       const Doorbell& doorbell);
    Ioeventfd(Ioeventfd&& other) noexcept;
    Ioeventfd& operator=(Ioeventfd&& other) noexcept;
    ~Ioeventfd();

    /// Deassigns now, with the kernel's answer. It must be assigned.
    [[nodiscard]] Outcome try_deassign();
    /// Deassigns the ioeventfd of this event and doorbell; ENOENT if there is none.
    [[nodiscard]] static Outcome try_deassign(Vm& vm, const EventFd& event, const Doorbell& doorbell);
    /// Leaves it assigned: the kernel gets rid of it when the VM goes.
    void abandon() { vm_ = nullptr; }

  private:
    Ioeventfd(Vm& vm, const kvm_ioeventfd& request) : vm_(&vm), request_(request) {}

    [[nodiscard]] kvm_ioeventfd deassign_request() const;

    Vm* vm_;  ///< null if not assigned
    kvm_ioeventfd request_;
};

}  // namespace irqbench::vmm::kvm
