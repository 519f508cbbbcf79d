#include "vmm/kvm/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace irqbench::vmm::kvm {

void GuestMemory::add(std::uint64_t address, std::uint64_t bytes) {
    const auto refuse = [&](const char* why) {
        throw std::invalid_argument(fmt::format("guest memory {:#x}+{:#x}: {}", address, bytes, why));
    };
    if (bytes == 0) refuse("empty");
    if (address % page_size != 0 || bytes % page_size != 0) refuse("not page-aligned");
    if (address + bytes - 1 < address) refuse("wraps around");
    const auto next = std::find_if(regions_.begin(), regions_.end(),
                                   [&](const Region& region) { return region.address > address; });
    if (next != regions_.end() && next->address - address < bytes) refuse("overlaps other memory");
    if (next != regions_.begin()) {
        const Region& before = *std::prev(next);
        if (address - before.address < before.mapping.bytes().size()) refuse("overlaps other memory");
    }
    regions_.insert(next, Region{address, Mapping::anonymous(bytes)});
}

void GuestMemory::read_bytes(std::uint64_t address, std::span<std::byte> to) const {
    const auto from = at(address, to.size());
    if (!to.empty()) std::memcpy(to.data(), from.data(), to.size());
}

void GuestMemory::write_bytes(std::uint64_t address, std::span<const std::byte> from) {
    const auto to = at(address, from.size());
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

void GuestMemory::fill(std::uint64_t address, std::uint64_t bytes, std::byte value) {
    const auto to = at(address, bytes);
    std::fill(to.begin(), to.end(), value);
}

GuestMemory::Pages GuestMemory::pages() const {
    static constexpr std::array<std::byte, page_size> zero{};
    Pages result;
    for (const Region& region : regions_) {
        const auto bytes = region.mapping.bytes();
        for (std::size_t offset = 0; offset < bytes.size(); offset += page_size) {
            const auto page = bytes.subspan(offset, page_size);
            if (std::memcmp(page.data(), zero.data(), page_size) != 0)
                result.emplace(region.address + offset, std::vector<std::byte>(page.begin(), page.end()));
        }
    }
    return result;
}

void GuestMemory::set_pages(const Pages& pages) {
    const Pages former = this->pages();
    for (const auto& [address, content] : former)
        if (!pages.contains(address)) fill(address, page_size, std::byte{0});
    for (const auto& [address, content] : pages) write_bytes(address, content);
}

bool GuestMemory::contains(std::uint64_t address, std::uint64_t bytes) const {
    return region_of(address, bytes) != nullptr;
}

std::uint64_t GuestMemory::userspace_address(std::uint64_t address, std::uint64_t bytes) const {
    return reinterpret_cast<std::uintptr_t>(at(address, bytes).data());
}

const GuestMemory::Region* GuestMemory::region_of(std::uint64_t address, std::uint64_t bytes) const {
    for (const Region& region : regions_) {
        const std::uint64_t size = region.mapping.bytes().size();
        // Differences, because sums of guest-chosen numbers wrap.
        if (address >= region.address && address - region.address <= size &&
            bytes <= size - (address - region.address)) {
            return &region;
        }
    }
    return nullptr;
}

std::span<std::byte> GuestMemory::at(std::uint64_t address, std::uint64_t bytes) const {
    const Region* region = region_of(address, bytes);
    if (region == nullptr) {
        throw std::out_of_range(fmt::format("guest memory {:#x}+{:#x}: no such memory", address, bytes));
    }
    return region->mapping.bytes().subspan(address - region->address, bytes);
}

std::byte* GuestMemory::aligned(std::uint64_t address, std::uint64_t bytes) const {
    if (address % bytes != 0) {
        throw std::invalid_argument(
            fmt::format("guest memory {:#x}: not aligned to {} bytes", address, bytes));
    }
    return at(address, bytes).data();
}

}  // namespace irqbench::vmm::kvm
