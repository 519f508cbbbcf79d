#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/arm64/gic_register.hpp"

// The distributor of a GICv3 with one security state and affinity routing. Register names and bit numbers:
// IHI 0069, "The GIC Distributor register map" and the descriptions that follow it.
namespace irqbench::irqchip::arm64 {

/// With DS set.
struct GicdCtlr : Register<GicdCtlr, std::uint32_t, 0x50> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_CTLR";
    static constexpr ReadOnlyField<GicdCtlr, 31, 31> write_pending{"write_pending"};
    static constexpr ReadOnlyField<GicdCtlr, 6, 6> security_disabled{"security_disabled"};
    static constexpr ReadOnlyField<GicdCtlr, 4, 4> affinity_routing{"affinity_routing"};
    static constexpr Field<GicdCtlr, 1, 1> enable_group1{"enable_group1"};
    static constexpr Field<GicdCtlr, 0, 0> enable_group0{"enable_group0"};
    static constexpr auto fields =
        field_list(write_pending, security_disabled, affinity_routing, enable_group1, enable_group0);
};

struct GicdTyper : Register<GicdTyper, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_TYPER";
    static constexpr ReadOnlyField<GicdTyper, 26, 26> range_selector{"range_selector"};
    static constexpr ReadOnlyField<GicdTyper, 25, 25> no_one_of_n{"no_one_of_n"};
    static constexpr ReadOnlyField<GicdTyper, 24, 24> affinity3{"affinity3"};
    static constexpr ReadOnlyField<GicdTyper, 23, 19> id_bits{"id_bits"};
    static constexpr ReadOnlyField<GicdTyper, 18, 18> direct_virtual_lpis{"direct_virtual_lpis"};
    static constexpr ReadOnlyField<GicdTyper, 17, 17> lpis{"lpis"};
    static constexpr ReadOnlyField<GicdTyper, 16, 16> message_spis{"message_spis"};
    static constexpr ReadOnlyField<GicdTyper, 15, 11> lpi_count{"lpi_count"};
    static constexpr ReadOnlyField<GicdTyper, 10, 10> security{"security"};
    static constexpr ReadOnlyField<GicdTyper, 7, 5> cpus{"cpus"};
    static constexpr ReadOnlyField<GicdTyper, 4, 0> lines{"lines"};
    static constexpr auto fields =
        field_list(range_selector, no_one_of_n, affinity3, id_bits, direct_virtual_lpis, lpis, message_spis,
                   lpi_count, security, cpus, lines);
};

struct GicdIidr : Implementer<GicdIidr, 0x4B00'343B> {
    using Implementer::Implementer;
    static constexpr std::string_view name = "GICD_IIDR";
};

/// GICv4.1 features, of which there are none.
struct GicdTyper2 : Register<GicdTyper2, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_TYPER2";
    static constexpr ReadOnlyField<GicdTyper2, 8, 8> no_active_sgis{"no_active_sgis"};
    static constexpr auto fields = field_list(no_active_sgis);
};

/// An affinity, as GICR_TYPER and MPIDR_EL1 pack it: Aff3 to Aff0 from the top.
using Affinity = std::uint32_t;

struct GicdIrouter : Register<GicdIrouter, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_IROUTER";
    static constexpr Field<GicdIrouter, 39, 32> aff3{"aff3"};
    static constexpr Field<GicdIrouter, 31, 31> any{"any"};
    static constexpr Field<GicdIrouter, 23, 0> aff2_to_0{"aff2_to_0"};
    static constexpr auto fields = field_list(aff3, any, aff2_to_0);

    constexpr Affinity affinity() const { return Affinity{get(aff3)} << 24 | get(aff2_to_0); }
};

struct GicdPidr2 : PeripheralId2<GicdPidr2, 0x3B> {
    using PeripheralId2::PeripheralId2;
    static constexpr std::string_view name = "GICD_PIDR2";
};

/// Offsets into the distributor; those GICv2 has too are in namespace gicd of gicv2_registers.hpp.
namespace gicd3 {
inline constexpr std::uint32_t ctlr = 0x0000, typer = 0x0004, iidr = 0x0008, typer2 = 0x000C,
                               irouter = 0x6100, pidr2 = 0xFFE8;
}

/// Registers of INTIDs 0 to 31 read zero here: those are the redistributors'.
inline constexpr std::array gic_distributor_registers{
    gic_register<GicdCtlr>(gicd3::ctlr),
    gic_register<GicdTyper>(gicd3::typer),
    gic_register<GicdIidr>(gicd3::iidr),
    gic_register<GicdTyper2>(gicd3::typer2),
    banked<IntidBits>("GICD_IGROUPR", Bank::group, 0x0080, 32),
    banked<IntidBits>("GICD_ISENABLER", Bank::set_enable, 0x0100, 32),
    banked<IntidBits>("GICD_ICENABLER", Bank::clear_enable, 0x0180, 32),
    banked<IntidBits>("GICD_ISPENDR", Bank::set_pending, 0x0200, 32),
    banked<IntidBits>("GICD_ICPENDR", Bank::clear_pending, 0x0280, 32),
    banked<IntidBits>("GICD_ISACTIVER", Bank::set_active, 0x0300, 32),
    banked<IntidBits>("GICD_ICACTIVER", Bank::clear_active, 0x0380, 32),
    banked<IntidPriorities>("GICD_IPRIORITYR", Bank::priority, 0x0400, 255),
    banked<IntidConfigs>("GICD_ICFGR", Bank::config, 0x0C00, 64),
    gic_register<GicdIrouter>(gicd3::irouter, maximum_spis),
    gic_register<GicdPidr2>(gicd3::pidr2),
};

}  // namespace irqbench::irqchip::arm64
