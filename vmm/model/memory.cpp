#include "vmm/model/memory.hpp"

#include <algorithm>
#include <span>

namespace irqbench::vmm::model {

Memory::Memory(const Memory& other) : regions_(other.regions_) {
    for (const auto& [number, page] : other.pages_) pages_.emplace(number, std::make_unique<Page>(*page));
}

std::map<std::uint64_t, std::vector<std::byte>> Memory::pages() const {
    std::map<std::uint64_t, std::vector<std::byte>> pages;
    for (const auto& [number, page] : pages_) {
        const auto bytes = std::as_bytes(std::span(*page));
        pages.emplace(number * page_size, std::vector<std::byte>(bytes.begin(), bytes.end()));
    }
    return pages;
}

bool Memory::contains(std::uint64_t address, unsigned size) const {
    return std::any_of(regions_.begin(), regions_.end(), [&](const auto& region) {
        const auto& [begin, bytes] = region;
        // Differences, because sums of guest-chosen numbers wrap.
        return address >= begin && address - begin < bytes && size <= bytes - (address - begin);
    });
}

std::uint64_t Memory::read(std::uint64_t address, unsigned size) const {
    std::uint64_t value = 0;
    for (unsigned byte = 0; byte < size; ++byte) {
        const auto page = pages_.find((address + byte) / page_size);
        if (page == pages_.end()) continue;
        value |= std::uint64_t{(*page->second)[(address + byte) % page_size]} << (8 * byte);
    }
    return value;
}

void Memory::write(std::uint64_t address, unsigned size, std::uint64_t value) {
    for (unsigned byte = 0; byte < size; ++byte) {
        auto& page = pages_[(address + byte) / page_size];
        if (!page) page = std::make_unique<Page>();
        (*page)[(address + byte) % page_size] = static_cast<std::uint8_t>(value >> (8 * byte));
    }
}

}  // namespace irqbench::vmm::model
