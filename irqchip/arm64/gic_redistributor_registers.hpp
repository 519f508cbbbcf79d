#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/arm64/gic_register.hpp"

// A redistributor of a GICv3: the frame RD_base and, from 0x10000 on, the frame SGI_base. Register names and
// bit numbers: IHI 0069, "The GIC Redistributor register map" and the descriptions that follow it.
namespace irqbench::irqchip::arm64 {

/// Which bits are there goes by Gicv3Options.
struct GicrCtlr : Register<GicrCtlr, std::uint32_t, 0x6> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_CTLR";
    static constexpr ReadOnlyField<GicrCtlr, 31, 31> upstream_write_pending{"upstream_write_pending"};
    static constexpr Field<GicrCtlr, 25, 25> stay_out_group1{"stay_out_group1"};
    static constexpr Field<GicrCtlr, 24, 24> stay_out_group0{"stay_out_group0"};
    static constexpr ReadOnlyField<GicrCtlr, 3, 3> write_pending{"write_pending"};
    static constexpr ReadOnlyField<GicrCtlr, 2, 2> invalidate_registers{"invalidate_registers"};
    static constexpr ReadOnlyField<GicrCtlr, 1, 1> clear_enable{"clear_enable"};
    static constexpr Field<GicrCtlr, 0, 0> enable_lpis{"enable_lpis"};
    static constexpr auto fields = field_list(upstream_write_pending, stay_out_group1, stay_out_group0,
                                              write_pending, invalidate_registers, clear_enable, enable_lpis);
};

struct GicrIidr : Implementer<GicrIidr, 0x4B00'043B> {
    using Implementer::Implementer;
    static constexpr std::string_view name = "GICR_IIDR";
};

struct GicrTyper : Register<GicrTyper, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_TYPER";
    static constexpr ReadOnlyField<GicrTyper, 63, 32> affinity{"affinity"};
    static constexpr ReadOnlyField<GicrTyper, 25, 24> common_lpi_affinity{"common_lpi_affinity"};
    static constexpr ReadOnlyField<GicrTyper, 23, 8> cpu{"cpu"};
    static constexpr ReadOnlyField<GicrTyper, 5, 5> stay_out{"stay_out"};
    static constexpr ReadOnlyField<GicrTyper, 4, 4> last{"last"};
    static constexpr ReadOnlyField<GicrTyper, 3, 3> direct_lpis{"direct_lpis"};
    static constexpr ReadOnlyField<GicrTyper, 1, 1> virtual_lpis{"virtual_lpis"};
    static constexpr ReadOnlyField<GicrTyper, 0, 0> lpis{"lpis"};
    static constexpr auto fields =
        field_list(affinity, common_lpi_affinity, cpu, stay_out, last, direct_lpis, virtual_lpis, lpis);
};

/// A CPU is never asleep here: ProcessorSleep cannot be set.
struct GicrWaker : Register<GicrWaker, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_WAKER";
    static constexpr ReadOnlyField<GicrWaker, 2, 2> children_asleep{"children_asleep"};
    static constexpr ReadOnlyField<GicrWaker, 1, 1> processor_sleep{"processor_sleep"};
    static constexpr auto fields = field_list(children_asleep, processor_sleep);
};

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

/// One byte per LPI in the configuration table (IHI 0069, 5.1.1). Bit 1 is RES1.
struct LpiConfiguration : Register<LpiConfiguration, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "LPI_CONFIG";
    /// Bits 7:2 of the priority; its other bits are zero.
    static constexpr Field<LpiConfiguration, 7, 2> priority{"priority"};
    static constexpr Field<LpiConfiguration, 0, 0> enabled{"enabled"};
    static constexpr auto fields = field_list(priority, enabled);
};

struct GicrInvlpir : Register<GicrInvlpir, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_INVLPIR";
    static constexpr WriteOnlyField<GicrInvlpir, 31, 0> intid{"intid"};
    static constexpr auto fields = field_list(intid);
};

/// Any write is the command.
struct GicrInvallr : Register<GicrInvallr, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_INVALLR";
    static constexpr WriteOnlyField<GicrInvallr, 31, 0> any{"any"};
    static constexpr auto fields = field_list(any);
};

struct GicrSyncr : Register<GicrSyncr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICR_SYNCR";
    static constexpr ReadOnlyField<GicrSyncr, 0, 0> busy{"busy"};
    static constexpr auto fields = field_list(busy);
};

struct GicrPidr2 : PeripheralId2<GicrPidr2, 0x3B> {
    using PeripheralId2::PeripheralId2;
    static constexpr std::string_view name = "GICR_PIDR2";
};

/// Offsets into the two frames.
namespace gicr {
inline constexpr std::uint32_t ctlr = 0x0000, iidr = 0x0004, typer = 0x0008, waker = 0x0014,
                               propbaser = 0x0070, pendbaser = 0x0078, invlpir = 0x00A0, invallr = 0x00B0,
                               syncr = 0x00C0, pidr2 = 0xFFE8, sgi_base = 0x10000,
                               frames_size = 0x20000;  // RD_base and SGI_base
}  // namespace gicr

inline constexpr std::array gic_redistributor_registers{
    gic_register<GicrCtlr>(gicr::ctlr),
    gic_register<GicrIidr>(gicr::iidr),
    gic_register<GicrTyper>(gicr::typer),
    gic_register<GicrWaker>(gicr::waker),
    gic_register<GicrPropbaser>(gicr::propbaser),
    gic_register<GicrPendbaser>(gicr::pendbaser),
    gic_register<GicrInvlpir>(gicr::invlpir),
    gic_register<GicrInvallr>(gicr::invallr),
    gic_register<GicrSyncr>(gicr::syncr),
    gic_register<GicrPidr2>(gicr::pidr2),
    banked<IntidBits>("GICR_IGROUPR0", Bank::group, gicr::sgi_base + 0x080, 1),
    banked<IntidBits>("GICR_ISENABLER0", Bank::set_enable, gicr::sgi_base + 0x100, 1),
    banked<IntidBits>("GICR_ICENABLER0", Bank::clear_enable, gicr::sgi_base + 0x180, 1),
    banked<IntidBits>("GICR_ISPENDR0", Bank::set_pending, gicr::sgi_base + 0x200, 1),
    banked<IntidBits>("GICR_ICPENDR0", Bank::clear_pending, gicr::sgi_base + 0x280, 1),
    banked<IntidBits>("GICR_ISACTIVER0", Bank::set_active, gicr::sgi_base + 0x300, 1),
    banked<IntidBits>("GICR_ICACTIVER0", Bank::clear_active, gicr::sgi_base + 0x380, 1),
    banked<IntidPriorities>("GICR_IPRIORITYR", Bank::priority, gicr::sgi_base + 0x400, 8),
    banked<IntidConfigs>("GICR_ICFGR", Bank::config, gicr::sgi_base + 0xC00, 2),
};

}  // namespace irqbench::irqchip::arm64
