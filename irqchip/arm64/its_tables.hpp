#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "irqchip/arm64/its_registers.hpp"
#include "irqchip/arm64/lpi_memory.hpp"
#include "irqchip/register.hpp"

// The tables of an ITS in guest memory, in KVM's format (arm-vgic-its.rst, "ITS Table ABI REV0"). IHI 0069
// leaves the format to the implementation.
namespace irqbench::irqchip::arm64 {

/// At index DeviceID of the device table. `next` is the distance to the next valid entry, as far as it has
/// room, zero in the last; only save() writes it and only restore() reads it.
struct DeviceEntry : Register<DeviceEntry, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "DTE";
    static constexpr Field<DeviceEntry, 63, 63> valid{"valid"};
    static constexpr Field<DeviceEntry, 62, 49> next{"next"};
    /// Address bits 51:8 of the interrupt translation table.
    static constexpr Field<DeviceEntry, 48, 5> itt{"itt"};
    /// Bits of an EventID, minus one.
    static constexpr Field<DeviceEntry, 4, 0> size{"size"};
    static constexpr auto fields = field_list(valid, next, itt, size);

    static constexpr std::uint32_t max_next = (1U << 14) - 1;

    std::uint64_t itt_address() const { return get(itt) << 8; }
    unsigned event_bits() const { return get(size) + 1U; }
};

/// At index EventID of a device's interrupt translation table; valid if `intid` is not zero. `next` as
/// above.
struct InterruptEntry : Register<InterruptEntry, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "ITE";
    static constexpr Field<InterruptEntry, 63, 48> next{"next"};
    static constexpr Field<InterruptEntry, 47, 16> intid{"intid"};
    static constexpr Field<InterruptEntry, 15, 0> collection{"collection"};
    static constexpr auto fields = field_list(next, intid, collection);

    static constexpr std::uint32_t max_next = (1U << 16) - 1;
};

/// Anywhere in the collection table, before the first entry that is not valid. Collections that are mapped
/// to nothing, but to which interrupts are mapped, have `no_target` in a saved table.
struct CollectionEntry : Register<CollectionEntry, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "CTE";
    static constexpr std::uint32_t no_target = 0xFFFF'FFFF;
    static constexpr Field<CollectionEntry, 63, 63> valid{"valid"};
    static constexpr Field<CollectionEntry, 47, 16> target{"target"};
    static constexpr Field<CollectionEntry, 15, 0> collection{"collection"};
    static constexpr auto fields = field_list(valid, target, collection);

    static CollectionEntry of(std::uint16_t id, std::uint32_t processor_number) {
        return CollectionEntry{}.with(valid, true).with(target, processor_number).with(collection, id);
    }
};

/// Where a valid GITS_BASER says a table is.
class TableLocation {
  public:
    explicit TableLocation(GitsBaser baser);

    bool indirect() const { return indirect_; }
    std::uint64_t page_size() const { return page_size_; }
    std::uint32_t entries_per_page() const { return static_cast<std::uint32_t>(page_size_ / its_entry_size); }
    /// Entries of a flat table, descriptors of pages in the first level of another.
    std::uint32_t first_level_size() const {
        return static_cast<std::uint32_t>(pages_ * page_size_ / its_entry_size);
    }
    /// Address of entry or descriptor `index`, which is below first_level_size().
    std::uint64_t first_level_entry(std::uint32_t index) const {
        return base_ + std::uint64_t{index} * its_entry_size;
    }
    /// The page of entries that descriptor `index` names, if it is valid and can be read.
    std::optional<std::uint64_t> second_level_page(std::uint32_t index, const TableMemory& memory) const;

    /// Where the entry for `id` is, if the table has room for it and a page is there. The address may lie
    /// outside memory.
    std::optional<std::uint64_t> entry(std::uint32_t id, const TableMemory& memory) const;

  private:
    bool indirect_;
    std::uint64_t base_;
    std::uint64_t page_size_;
    std::uint32_t pages_;
};

/// The collections that are mapped, and their entries in the collection table, which has no holes. What is
/// in the table is never read again, except by a restore.
class CollectionTable {
  public:
    /// The processor number of the redistributor that a collection is mapped to.
    std::optional<std::uint32_t> target(std::uint16_t collection) const;

    /// Maps a collection for which the table has room, anew or again. @returns false if the table is outside
    /// memory, and nothing changed
    bool map(std::uint16_t collection, std::uint32_t processor_number, const TableLocation& table,
             TableMemory& memory);
    void unmap(std::uint16_t collection, const TableLocation& table, TableMemory& memory);

    /// Writes the whole table again, for a guest may have written into it.
    bool save(const TableLocation& table, TableMemory& memory) const;

    /// Forgets all, and leaves the table in memory as it is.
    void clear();
    std::uint32_t size() const { return static_cast<std::uint32_t>(order_.size()); }

    friend bool operator==(const CollectionTable&, const CollectionTable&) = default;

  private:
    struct Place {
        std::uint32_t target;
        std::uint32_t index;
        friend bool operator==(const Place&, const Place&) = default;
    };

    std::map<std::uint16_t, Place> places_;
    /// By index in the table.
    std::vector<std::uint16_t> order_;
};

/// Ends a collection table of `size` entries with one that is not valid, if there is room for one.
bool end_collections(std::uint32_t size, const TableLocation& table, TableMemory& memory);

}  // namespace irqbench::irqchip::arm64
