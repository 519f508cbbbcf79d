#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "irqchip/arm64/interrupt_block.hpp"
#include "irqchip/register.hpp"

// What the register tables of all GICs are made of.
namespace irqbench::irqchip::arm64 {

inline constexpr std::uint32_t sgi_count = 16;
/// The bits of the SGIs in the first block.
inline constexpr std::uint32_t sgis = (std::uint32_t{1} << sgi_count) - 1;
/// SGIs and PPIs: every CPU has its own.
inline constexpr std::uint32_t private_count = 32;
/// INTIDs 1020 to 1023 have special meanings (IHI 0069, 2.2).
inline constexpr std::uint32_t first_special = 1020;
inline constexpr std::uint32_t group1_pending = 1022;
inline constexpr std::uint32_t spurious = 1023;
inline constexpr std::uint32_t maximum_spis = first_special - private_count;
inline constexpr std::uint32_t first_lpi = 8192;
/// Bits of an INTID where there are LPIs: GICD_TYPER.IDbits plus one. KVM has 16.
inline constexpr unsigned minimum_lpi_id_bits = 14, default_lpi_id_bits = 16, maximum_lpi_id_bits = 24;

constexpr bool is_special(std::uint32_t intid) { return intid >= first_special && intid <= spurious; }

/// Names of the registers of a run that is not one of a field per INTID.
using RunNames = std::span<const std::string_view>;

/// A register of a GIC: in memory, where offsets and strides are bytes, or of the system.
struct GicRegister {
    RegisterInfo info;
    std::span<const FieldInfo> fields;
    Bank bank = Bank::none;
    /// Whether single bytes of it may be read and written; words always may, and of 64-bit registers also
    /// the whole (IHI 0048B.b, 4.1.4).
    bool bytes = false;
    RunNames run{};
};

/// The row of a register with a name of its own.
template <class Reg>
constexpr GicRegister gic_register(std::uint32_t offset, std::uint32_t count = 1) {
    constexpr std::uint32_t stride = std::numeric_limits<typename Reg::word>::digits / 8;
    return {describe<Reg>(offset, count, stride), field_table<Reg>()};
}

/// The row of registers that hold a field per INTID.
template <class Reg>
constexpr GicRegister banked(std::string_view name, Bank bank, std::uint32_t offset, std::uint32_t count) {
    GicRegister row = gic_register<Reg>(offset, count);
    row.info.name = name;
    row.bank = bank;
    row.bytes = bank == Bank::priority;
    return row;
}

/// An access that a register takes.
struct GicAccess {
    const GicRegister* row;
    /// Which of the run.
    std::uint32_t index;
    /// Where the accessed bits are in the register.
    unsigned shift;
    std::uint64_t lanes;

    constexpr std::uint64_t extract(std::uint64_t value) const { return (value & lanes) >> shift; }
};

/// Nothing for accesses of a size, an alignment or an offset that is no register's: they read zero and write
/// nothing.
constexpr std::optional<GicAccess> decode(std::span<const GicRegister> table, std::uint32_t offset,
                                          unsigned size) {
    for (const GicRegister& row : table) {
        if (offset < row.info.offset || offset >= row.info.end()) continue;
        const bool allowed = size == 4 || (size == 1 && row.bytes) || (size == 8 && row.info.bits == 64);
        if (!allowed || offset % size != 0) return std::nullopt;
        const std::uint32_t inside = offset - row.info.offset;
        const unsigned shift = 8 * (inside % row.info.stride);
        const std::uint64_t ones = std::numeric_limits<std::uint64_t>::max() >> (64 - 8 * size);
        return GicAccess{&row, inside / row.info.stride, shift, ones << shift};
    }
    return std::nullopt;
}

/// A bit per INTID.
struct IntidBits : Register<IntidBits, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "intids";
    static constexpr Field<IntidBits, 31, 0> intids{"intids"};
    static constexpr auto fields = field_list(intids);
};

/// A priority per INTID; GICs implement the upper bits of each byte.
struct IntidPriorities : Register<IntidPriorities, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "priorities";
    static constexpr Field<IntidPriorities, 31, 24> priority3{"priority3"};
    static constexpr Field<IntidPriorities, 23, 16> priority2{"priority2"};
    static constexpr Field<IntidPriorities, 15, 8> priority1{"priority1"};
    static constexpr Field<IntidPriorities, 7, 0> priority0{"priority0"};
    static constexpr auto fields = field_list(priority3, priority2, priority1, priority0);
};

/// Two bits per INTID, of which the upper one is set for an edge-triggered interrupt.
struct IntidConfigs : Register<IntidConfigs, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "configs";
    template <unsigned bit>
    using Edge = Field<IntidConfigs, bit, bit>;
    static constexpr Edge<31> edge15{"edge15"};
    static constexpr Edge<29> edge14{"edge14"};
    static constexpr Edge<27> edge13{"edge13"};
    static constexpr Edge<25> edge12{"edge12"};
    static constexpr Edge<23> edge11{"edge11"};
    static constexpr Edge<21> edge10{"edge10"};
    static constexpr Edge<19> edge9{"edge9"};
    static constexpr Edge<17> edge8{"edge8"};
    static constexpr Edge<15> edge7{"edge7"};
    static constexpr Edge<13> edge6{"edge6"};
    static constexpr Edge<11> edge5{"edge5"};
    static constexpr Edge<9> edge4{"edge4"};
    static constexpr Edge<7> edge3{"edge3"};
    static constexpr Edge<5> edge2{"edge2"};
    static constexpr Edge<3> edge1{"edge1"};
    static constexpr Edge<1> edge0{"edge0"};
    static constexpr auto fields = field_list(edge15, edge14, edge13, edge12, edge11, edge10, edge9, edge8,
                                              edge7, edge6, edge5, edge4, edge3, edge2, edge1, edge0);
};

/// How a guest is to reach a table: normal memory, inner shareable, read-allocate and write-back. KVM's
/// registers of tables start so.
inline constexpr std::uint64_t lpi_table_attributes = 0x580;

/// The attributes KVM lets a guest have for a table: never outer shareable, never without an inner cache,
/// and no outer cache of its own. Works on the fields of any of the registers that locate a table.
template <class Table>
constexpr Table with_possible_attributes(Table table) {
    constexpr std::uint8_t outer_shareable = 2, inner_shareable = 1;
    constexpr std::uint8_t same_as_inner = 0, non_cacheable = 1, read_allocate_write_back = 3;
    if (table.get(Table::shareability) == outer_shareable) table.set(Table::shareability, inner_shareable);
    if (table.get(Table::inner_cache) <= non_cacheable)
        table.set(Table::inner_cache, read_allocate_write_back);
    if (table.get(Table::outer_cache) != same_as_inner) table.set(Table::outer_cache, non_cacheable);
    return table;
}

/// ArchRev says which architecture; the rest is the identification scheme of JEDEC.
template <class Self, std::uint32_t reset>
struct PeripheralId2 : Register<Self, std::uint32_t, reset> {
    using Register<Self, std::uint32_t, reset>::Register;
    static constexpr ReadOnlyField<Self, 7, 4> architecture{"architecture"};
    static constexpr ReadOnlyField<Self, 3, 3> jedec{"jedec"};
    static constexpr ReadOnlyField<Self, 2, 0> designer{"designer"};
    static constexpr auto fields = field_list(architecture, jedec, designer);
};

/// Who made it (IHI 0069, GICD_IIDR). KVM calls itself product 0x4B of Arm; the revision counts what guests
/// can tell apart.
template <class Self, std::uint32_t reset>
struct Implementer : Register<Self, std::uint32_t, reset> {
    using Register<Self, std::uint32_t, reset>::Register;
    static constexpr ReadOnlyField<Self, 31, 24> product{"product"};
    static constexpr ReadOnlyField<Self, 19, 16> variant{"variant"};
    static constexpr ReadOnlyField<Self, 15, 12> revision{"revision"};
    static constexpr ReadOnlyField<Self, 11, 0> implementer{"implementer"};
    static constexpr auto fields = field_list(product, variant, revision, implementer);
};

}  // namespace irqbench::irqchip::arm64
