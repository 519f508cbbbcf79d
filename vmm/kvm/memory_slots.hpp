#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "vmm/kvm/address_map.hpp"
#include "vmm/kvm/dirty_log.hpp"
#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/slot_plan.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// A page the guest wrote to: where it wrote, and the memory of this process that has changed. The two are
/// kept together because a page that is mapped elsewhere afterwards is still dirty.
struct DirtyPage {
    std::uint64_t guest_address;
    std::uint64_t userspace_address;
    auto operator<=>(const DirtyPage&) const = default;
};

/// A VM's memory slots. Takes any sequence of overlapping requests and does with the slots what plan_slots()
/// says is needed for it: KVM_SET_USER_MEMORY_REGION. On destruction the slots stay, until the VM goes.
///
/// Where a slot has to be cut, its memory is gone for a moment, and writes between the reading of its dirty
/// log and its removal are not noticed: keep vCPUs out of Vcpu::run() during a request. The memory must
/// outlive its slots.
///
/// All requests throw std::invalid_argument or std::length_error, as AddressMap and plan_slots() say, before
/// anything is changed, and std::system_error "KVM_SET_USER_MEMORY_REGION" if the kernel refuses an
/// operation: then map() is as it was, and the next request sets right what was done halfway.
class MemorySlots {
  public:
    /// @param clearing how the VM's dirty log is cleared from now on
    explicit MemorySlots(Vm& vm, DirtyLog::Clearing clearing = DirtyLog::Clearing::by_get);

    void add(const MemoryRange& range);
    /// Maps a part of `memory` at its own addresses.
    void add(const GuestMemory& memory, std::uint64_t guest_address, std::uint64_t bytes,
             Access access = Access::ram);
    void remove(std::uint64_t guest_address, std::uint64_t bytes);
    void set_dirty_logging(std::uint64_t guest_address, std::uint64_t bytes, bool on);
    /// Several requests as one: the guest sees only their result, and a range that is removed and added
    /// elsewhere is moved.
    void update(const std::function<void(AddressMap&)>& requests);

    /// The pages written to since logging was turned on or since they were last taken, also in slots that are
    /// gone. Sorted. Writes of the host are not among them.
    [[nodiscard]] std::vector<DirtyPage> take_dirty_pages();

    [[nodiscard]] const AddressMap& map() const { return map_; }
    /// By guest address.
    [[nodiscard]] std::span<const Slot> slots() const { return slots_; }

  private:
    void harvest(const Slot& slot);

    Vm& vm_;
    DirtyLog dirty_log_;
    std::uint32_t max_slots_;
    AddressMap map_;
    std::vector<Slot> slots_;
    std::vector<DirtyPage> harvested_;
};

}  // namespace irqbench::vmm::kvm
