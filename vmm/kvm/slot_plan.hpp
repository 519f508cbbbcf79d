#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/kvm/address_map.hpp"

namespace irqbench::vmm::kvm {

/// A memory slot as the kernel holds it. All numbers but the id are multiples of the page size.
struct Slot {
    std::uint32_t id = 0;
    std::uint64_t guest_address = 0;
    std::uint64_t bytes = 0;
    std::uint64_t userspace_address = 0;
    bool read_only = false;
    bool log_dirty = false;

    [[nodiscard]] std::uint64_t guest_end() const { return guest_address + bytes; }
    bool operator==(const Slot&) const = default;
};

/// What the kernel does with KVM_SET_USER_MEMORY_REGION (virt/kvm/kvm_main.c tells them apart by comparing
/// the slot with the request): anything else is refused with EINVAL, an overlap with EEXIST.
enum class SlotChange {
    create,      ///< the id was unused
    move,        ///< another guest address, all else the same; the bits of its dirty log stay
    flags_only,  ///< dirty logging on or off; the bits are lost when it goes off
    remove,      ///< size 0; the bits of its dirty log are lost
    harvest,  ///< no change: read the dirty log, because the next operation would lose or re-assign its bits
};

struct SlotOperation {
    SlotChange change;
    Slot slot;  ///< as it is afterwards; for remove and harvest as it is before
    bool operator==(const SlotOperation&) const = default;
};

/// The operations, in order, that lead from the slots `current` to what `wanted` describes. The kernel
/// accepts each.
///
/// Only whole pages can be mapped: a page is, if all of it is mapped to one page of this process with one
/// kind of access; it is logged if any part of it is. A slot that already maps what is wanted at its
/// addresses stays, so that running vCPUs do not lose their memory for a moment. What else is in the way is
/// removed, and what is missing is created from as few slots as possible: a slot that is cut comes back as
/// prefix and suffix, a slot that becomes read-only is removed and created again, since the kernel refuses to
/// toggle that. A slot that only changes its address is moved.
/// @param max_slots KVM_CAP_NR_MEMSLOTS
/// @throws std::length_error if more slots are needed
[[nodiscard]] std::vector<SlotOperation> plan_slots(std::span<const Slot> current, const AddressMap& wanted,
                                                    std::uint32_t max_slots);

/// Carries the operation out on a table of slots, which is kept sorted by guest address.
/// @throws std::logic_error where the kernel would refuse it, or would take it for another change
void apply(std::vector<Slot>& slots, const SlotOperation& operation);

}  // namespace irqbench::vmm::kvm
