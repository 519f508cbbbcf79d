#include "vmm/kvm/memory_slots.hpp"

#include <algorithm>
#include <utility>

namespace irqbench::vmm::kvm {
namespace {

/// The request that makes the kernel do `operation`.
kvm_userspace_memory_region request_for(const SlotOperation& operation) {
    const Slot& slot = operation.slot;
    kvm_userspace_memory_region region{};
    region.slot = slot.id;
    region.flags = (slot.read_only ? std::uint32_t{KVM_MEM_READONLY} : 0u) |
                   (slot.log_dirty ? std::uint32_t{KVM_MEM_LOG_DIRTY_PAGES} : 0u);
    region.guest_phys_addr = slot.guest_address;
    region.memory_size = operation.change == SlotChange::remove ? 0 : slot.bytes;
    region.userspace_addr = slot.userspace_address;
    return region;
}

}  // namespace

MemorySlots::MemorySlots(Vm& vm, DirtyLog::Clearing clearing)
    : vm_(vm),
      dirty_log_(vm, clearing),
      max_slots_(static_cast<std::uint32_t>(vm.check_extension(KVM_CAP_NR_MEMSLOTS))) {}

void MemorySlots::add(const MemoryRange& range) {
    update([&](AddressMap& map) { map.add(range); });
}

void MemorySlots::add(const GuestMemory& memory, std::uint64_t guest_address, std::uint64_t bytes,
                      Access access) {
    add({guest_address, bytes, memory.userspace_address(guest_address, bytes), access, false});
}

void MemorySlots::remove(std::uint64_t guest_address, std::uint64_t bytes) {
    update([&](AddressMap& map) { map.remove(guest_address, bytes); });
}

void MemorySlots::set_dirty_logging(std::uint64_t guest_address, std::uint64_t bytes, bool on) {
    update([&](AddressMap& map) { map.set_dirty_logging(guest_address, bytes, on); });
}

void MemorySlots::update(const std::function<void(AddressMap&)>& requests) {
    AddressMap wanted = map_;
    requests(wanted);
    for (const SlotOperation& operation : plan_slots(slots_, wanted, max_slots_)) {
        if (operation.change == SlotChange::harvest) {
            harvest(operation.slot);
        } else {
            vm_.set_user_memory_region(request_for(operation));
        }
        apply(slots_, operation);
    }
    map_ = std::move(wanted);
}

std::vector<DirtyPage> MemorySlots::take_dirty_pages() {
    for (const Slot& slot : slots_) {
        if (slot.log_dirty) harvest(slot);
    }
    std::sort(harvested_.begin(), harvested_.end());
    harvested_.erase(std::unique(harvested_.begin(), harvested_.end()), harvested_.end());
    return std::exchange(harvested_, {});
}

void MemorySlots::harvest(const Slot& slot) {
    for (const std::uint64_t page : dirty_log_.take(slot.id, slot.bytes / GuestMemory::page_size)) {
        const std::uint64_t offset = page * GuestMemory::page_size;
        harvested_.push_back({slot.guest_address + offset, slot.userspace_address + offset});
    }
}

}  // namespace irqbench::vmm::kvm
