#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/register.hpp"

// The registers of a redistributor that say where its LPI tables are, and an entry of the configuration
// table (IHI 0069, 12.11 and 5.1.1).
namespace irqbench::irqchip::arm64 {

/// INTIDs below are no LPIs.
inline constexpr std::uint32_t first_lpi = 8192;

/// Reset values are those of KVM: normal memory, inner shareable, read-allocate and write-back.
inline constexpr std::uint64_t lpi_table_attributes = 0x580;

struct GicrPropbaser : Register<GicrPropbaser, std::uint64_t, lpi_table_attributes> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_PROPBASER";
    static constexpr Field<GicrPropbaser, 58, 56> outer_cache{"outer_cache"};
    static constexpr Field<GicrPropbaser, 51, 12> address{"address"};
    static constexpr Field<GicrPropbaser, 11, 10> shareability{"shareability"};
    static constexpr Field<GicrPropbaser, 9, 7> inner_cache{"inner_cache"};
    /// Bits of an INTID, minus one.
    static constexpr Field<GicrPropbaser, 4, 0> id_bits{"id_bits"};
    static constexpr auto fields = field_list(outer_cache, address, shareability, inner_cache, id_bits);
};

struct GicrPendbaser : Register<GicrPendbaser, std::uint64_t, lpi_table_attributes> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_PENDBASER";
    static constexpr WriteOnlyField<GicrPendbaser, 62, 62> pending_table_zero{"pending_table_zero"};
    static constexpr Field<GicrPendbaser, 58, 56> outer_cache{"outer_cache"};
    static constexpr Field<GicrPendbaser, 51, 16> address{"address"};
    static constexpr Field<GicrPendbaser, 11, 10> shareability{"shareability"};
    static constexpr Field<GicrPendbaser, 9, 7> inner_cache{"inner_cache"};
    static constexpr auto fields =
        field_list(pending_table_zero, outer_cache, address, shareability, inner_cache);
};

/// One byte per LPI in the configuration table. Bit 1 is RES1.
struct LpiConfiguration : Register<LpiConfiguration, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "LPI_CONFIG";
    /// Bits 7:2 of the priority; its other bits are zero.
    static constexpr Field<LpiConfiguration, 7, 2> priority{"priority"};
    static constexpr Field<LpiConfiguration, 0, 0> enabled{"enabled"};
    static constexpr auto fields = field_list(priority, enabled);
};

/// Offsets from RD_base, in bytes.
namespace gicr {
inline constexpr std::uint32_t propbaser = 0x0070, pendbaser = 0x0078;
}

inline constexpr std::array lpi_registers{
    describe<GicrPropbaser>(gicr::propbaser, 1, 8),
    describe<GicrPendbaser>(gicr::pendbaser, 1, 8),
};

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

}  // namespace irqbench::irqchip::arm64
