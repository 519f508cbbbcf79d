#include "vmm/kvm/address_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "vmm/kvm/memory.hpp"

namespace irqbench::vmm::kvm {
namespace {

/// @throws std::invalid_argument if the range ends beyond the last address, or just there, where KVM refuses
/// it too
void require_no_wrap(std::uint64_t guest_address, std::uint64_t bytes) {
    if (guest_address + bytes < guest_address) {
        throw std::invalid_argument(fmt::format(
            "memory range {:#x}+{:#x}: reaches the end of the address space", guest_address, bytes));
    }
}

/// The part of `range` from `begin` to `end`.
MemoryRange part(MemoryRange range, std::uint64_t begin, std::uint64_t end) {
    range.userspace_address += begin - range.guest_address;
    range.guest_address = begin;
    range.bytes = end - begin;
    return range;
}

bool continues(const MemoryRange& low, const MemoryRange& high) {
    return low.guest_end() == high.guest_address &&
           low.userspace_address + low.bytes == high.userspace_address && low.access == high.access &&
           low.log_dirty == high.log_dirty;
}

}  // namespace

void AddressMap::add(const MemoryRange& range) {
    if (range.bytes == 0) {
        throw std::invalid_argument(fmt::format("memory range {:#x}: empty", range.guest_address));
    }
    require_no_wrap(range.guest_address, range.bytes);
    if ((range.guest_address - range.userspace_address) % GuestMemory::page_size != 0) {
        throw std::invalid_argument(
            fmt::format("memory range {:#x}: not at the same offset within a page as {:#x}",
                        range.guest_address, range.userspace_address));
    }
    cut(range.guest_address, range.guest_end());
    insert(range);
}

void AddressMap::remove(std::uint64_t guest_address, std::uint64_t bytes) {
    require_no_wrap(guest_address, bytes);
    cut(guest_address, guest_address + bytes);
}

void AddressMap::set_dirty_logging(std::uint64_t guest_address, std::uint64_t bytes, bool on) {
    require_no_wrap(guest_address, bytes);
    for (MemoryRange range : cut(guest_address, guest_address + bytes)) {
        range.log_dirty = on;
        insert(range);
    }
}

const MemoryRange* AddressMap::find(std::uint64_t guest_address) const {
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), guest_address,
        [](std::uint64_t address, const MemoryRange& range) { return address < range.guest_address; });
    if (after == ranges_.begin()) return nullptr;
    const MemoryRange& range = *std::prev(after);
    return guest_address < range.guest_end() ? &range : nullptr;
}

/// Takes [begin, end) out of the map, and returns what was there.
std::vector<MemoryRange> AddressMap::cut(std::uint64_t begin, std::uint64_t end) {
    std::vector<MemoryRange> removed;
    if (begin == end) return removed;
    const auto first = std::partition_point(
        ranges_.begin(), ranges_.end(), [&](const MemoryRange& range) { return range.guest_end() <= begin; });
    const auto last = std::partition_point(
        first, ranges_.end(), [&](const MemoryRange& range) { return range.guest_address < end; });
    std::vector<MemoryRange> kept;
    for (const MemoryRange& range : std::span(first, last)) {
        const std::uint64_t from = std::max(range.guest_address, begin);
        const std::uint64_t to = std::min(range.guest_end(), end);
        removed.push_back(part(range, from, to));
        if (range.guest_address < from) kept.push_back(part(range, range.guest_address, from));
        if (to < range.guest_end()) kept.push_back(part(range, to, range.guest_end()));
    }
    ranges_.insert(ranges_.erase(first, last), kept.begin(), kept.end());
    return removed;
}

/// Puts a range into a gap of the map.
void AddressMap::insert(MemoryRange range) {
    auto next = std::partition_point(ranges_.begin(), ranges_.end(), [&](const MemoryRange& other) {
        return other.guest_address < range.guest_address;
    });
    if (next != ranges_.end() && continues(range, *next)) {
        range.bytes += next->bytes;
        next = ranges_.erase(next);
    }
    if (next != ranges_.begin() && continues(*std::prev(next), range)) {
        std::prev(next)->bytes += range.bytes;
    } else {
        ranges_.insert(next, range);
    }
}

}  // namespace irqbench::vmm::kvm
