#include "irqchip/arm64/its_tables.hpp"

#include <array>

namespace irqbench::irqchip::arm64 {

namespace {

/// Bits of an offset in a page. The reserved encoding is treated as 64 KiB (IHI 0069, GITS_BASER<n>).
constexpr unsigned page_bits(TablePage page) {
    switch (page) {
        case TablePage::size_4k: return 12;
        case TablePage::size_16k: return 14;
        case TablePage::size_64k:
        case TablePage::reserved: break;
    }
    return 16;
}

/// Bits 51 to `low`.
constexpr std::uint64_t address_mask(unsigned low) {
    return ((std::uint64_t{1} << 52) - 1) & ~((std::uint64_t{1} << low) - 1);
}

std::uint64_t base_of(GitsBaser baser, unsigned low) {
    const std::uint64_t address = baser.get(baser.address) << 12;
    const std::uint64_t top = low == 16 ? (address >> 12 & 0xF) << 48 : 0;
    return (address & address_mask(low)) | top;
}

}  // namespace

TableLocation::TableLocation(GitsBaser baser)
    : indirect_(baser.get(baser.indirect)),
      base_(base_of(baser, page_bits(baser.get(baser.page_size)))),
      page_size_(std::uint64_t{1} << page_bits(baser.get(baser.page_size))),
      pages_(baser.get(baser.size) + 1U) {}

std::optional<std::uint64_t> TableLocation::second_level_page(std::uint32_t index,
                                                              const TableMemory& memory) const {
    constexpr std::uint64_t descriptor_valid = std::uint64_t{1} << 63;
    const auto descriptor = memory.read64(first_level_entry(index));
    if (!descriptor || (*descriptor & descriptor_valid) == 0) return std::nullopt;
    return *descriptor & address_mask(0) & ~(page_size_ - 1);
}

std::optional<std::uint64_t> TableLocation::entry(std::uint32_t id, const TableMemory& memory) const {
    const std::uint32_t index = indirect_ ? id / entries_per_page() : id;
    if (index >= first_level_size()) return std::nullopt;
    if (!indirect_) return first_level_entry(index);
    const auto page = second_level_page(index, memory);
    if (!page) return std::nullopt;
    return *page + std::uint64_t{id % entries_per_page()} * its_entry_size;
}

std::optional<std::uint32_t> CollectionTable::target(std::uint16_t collection) const {
    const auto found = places_.find(collection);
    if (found == places_.end()) return std::nullopt;
    return found->second.target;
}

bool CollectionTable::map(std::uint16_t collection, std::uint32_t processor_number,
                          const TableLocation& table, TableMemory& memory) {
    const auto known = places_.find(collection);
    const std::uint32_t index = known == places_.end() ? size() : known->second.index;
    const auto entry = table.entry(index, memory);
    if (!entry) return false;
    if (index == size() && !end_collections(index + 1, table, memory)) return false;
    if (!memory.write64(*entry, CollectionEntry::of(collection, processor_number).raw())) return false;
    places_[collection] = {processor_number, index};
    if (index == size()) order_.push_back(collection);
    return true;
}

void CollectionTable::unmap(std::uint16_t collection, const TableLocation& table, TableMemory& memory) {
    const auto found = places_.find(collection);
    if (found == places_.end()) return;
    const std::uint32_t hole = found->second.index;
    places_.erase(found);
    const std::uint16_t last = order_.back();
    order_.pop_back();
    if (last != collection) {
        order_[hole] = last;
        places_[last].index = hole;
        if (const auto entry = table.entry(hole, memory))
            static_cast<void>(memory.write64(*entry, CollectionEntry::of(last, places_[last].target).raw()));
    }
    static_cast<void>(end_collections(size(), table, memory));
}

bool CollectionTable::save(const TableLocation& table, TableMemory& memory) const {
    for (std::uint32_t index = 0; index < size(); ++index) {
        const std::uint16_t collection = order_[index];
        const auto entry = table.entry(index, memory);
        const auto raw = CollectionEntry::of(collection, places_.at(collection).target).raw();
        if (!entry || !memory.write64(*entry, raw)) return false;
    }
    return end_collections(size(), table, memory);
}

void CollectionTable::clear() {
    places_.clear();
    order_.clear();
}

bool end_collections(std::uint32_t size, const TableLocation& table, TableMemory& memory) {
    const auto entry = table.entry(size, memory);
    return !entry || memory.write64(*entry, 0);
}

}  // namespace irqbench::irqchip::arm64
