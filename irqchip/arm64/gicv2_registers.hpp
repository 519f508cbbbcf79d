#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/arm64/gic_register.hpp"

// Register names and bit numbers: IHI 0048B.b, 4.3 (distributor) and 4.4 (CPU interface). The sections of
// the registers are beside them.
namespace irqbench::irqchip::arm64 {

/// 4.3.1, without Security Extensions.
struct GicdCtlrV2 : Register<GicdCtlrV2, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_CTLR";
    static constexpr Field<GicdCtlrV2, 1, 1> enable_group1{"enable_group1"};
    static constexpr Field<GicdCtlrV2, 0, 0> enable_group0{"enable_group0"};
    static constexpr auto fields = field_list(enable_group1, enable_group0);
};

/// 4.3.2.
struct GicdTyperV2 : Register<GicdTyperV2, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_TYPER";
    static constexpr ReadOnlyField<GicdTyperV2, 15, 11> lockable_spis{"lockable_spis"};
    static constexpr ReadOnlyField<GicdTyperV2, 10, 10> security{"security"};
    static constexpr ReadOnlyField<GicdTyperV2, 7, 5> cpus{"cpus"};
    static constexpr ReadOnlyField<GicdTyperV2, 4, 0> lines{"lines"};
    static constexpr auto fields = field_list(lockable_spis, security, cpus, lines);
};

/// 4.3.3.
struct GicdIidrV2 : Implementer<GicdIidrV2, 0x4B00'343B> {
    using Implementer::Implementer;
    static constexpr std::string_view name = "GICD_IIDR";
};

/// 4.3.12: a set of CPUs per INTID.
struct GicdItargetsr : Register<GicdItargetsr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_ITARGETSR";
    static constexpr Field<GicdItargetsr, 31, 24> cpus3{"cpus3"};
    static constexpr Field<GicdItargetsr, 23, 16> cpus2{"cpus2"};
    static constexpr Field<GicdItargetsr, 15, 8> cpus1{"cpus1"};
    static constexpr Field<GicdItargetsr, 7, 0> cpus0{"cpus0"};
    static constexpr auto fields = field_list(cpus3, cpus2, cpus1, cpus0);
};

enum class SgiTargets : std::uint8_t { listed = 0, all_others = 1, self = 2, reserved = 3 };

/// 4.3.15. NSATT is reserved without Security Extensions.
struct GicdSgir : Register<GicdSgir, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICD_SGIR";
    static constexpr WriteOnlyField<GicdSgir, 25, 24, SgiTargets> filter{"filter"};
    static constexpr WriteOnlyField<GicdSgir, 23, 16> targets{"targets"};
    static constexpr WriteOnlyField<GicdSgir, 3, 0> intid{"intid"};
    static constexpr auto fields = field_list(filter, targets, intid);
};

/// 4.3.16 and 4.3.17: a set of source CPUs per SGI.
struct SgiSources : Register<SgiSources, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "sources";
    static constexpr Field<SgiSources, 31, 24> sources3{"sources3"};
    static constexpr Field<SgiSources, 23, 16> sources2{"sources2"};
    static constexpr Field<SgiSources, 15, 8> sources1{"sources1"};
    static constexpr Field<SgiSources, 7, 0> sources0{"sources0"};
    static constexpr auto fields = field_list(sources3, sources2, sources1, sources0);
};

/// 4.3.18.
struct Icpidr2V2 : PeripheralId2<Icpidr2V2, 0x2B> {
    using PeripheralId2::PeripheralId2;
    static constexpr std::string_view name = "ICPIDR2";
};

/// 4.4.1, without Security Extensions and without the bypass of interrupts around the GIC.
struct GiccCtlr : Register<GiccCtlr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICC_CTLR";
    static constexpr Field<GiccCtlr, 9, 9> eoi_mode{"eoi_mode"};
    static constexpr Field<GiccCtlr, 4, 4> common_binary_point{"common_binary_point"};
    static constexpr Field<GiccCtlr, 3, 3> fiq_enable{"fiq_enable"};
    static constexpr Field<GiccCtlr, 2, 2> acknowledge_control{"acknowledge_control"};
    static constexpr Field<GiccCtlr, 1, 1> enable_group1{"enable_group1"};
    static constexpr Field<GiccCtlr, 0, 0> enable_group0{"enable_group0"};
    static constexpr auto fields = field_list(eoi_mode, common_binary_point, fiq_enable, acknowledge_control,
                                              enable_group1, enable_group0);
};

/// 4.4.2; GICs implement the upper bits.
struct GiccPmr : Register<GiccPmr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GICC_PMR";
    static constexpr Field<GiccPmr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

/// 4.4.3 and 4.4.8; the reset value is the minimum, which goes by the number of priority bits.
struct GiccBpr : Register<GiccBpr, std::uint32_t, 2> {
    using Register::Register;
    static constexpr std::string_view name = "GICC_BPR";
    static constexpr Field<GiccBpr, 2, 0> binary_point{"binary_point"};
    static constexpr auto fields = field_list(binary_point);
};
struct GiccAbpr : Register<GiccAbpr, std::uint32_t, 3> {
    using Register::Register;
    static constexpr std::string_view name = "GICC_ABPR";
    static constexpr Field<GiccAbpr, 2, 0> binary_point{"binary_point"};
    static constexpr auto fields = field_list(binary_point);
};

/// 4.4.4 and 4.4.7, and their aliases for group 1, 4.4.9 and 4.4.11.
struct GiccInterrupt : Register<GiccInterrupt, std::uint32_t, spurious> {
    using Register::Register;
    static constexpr std::string_view name = "interrupt";
    static constexpr ReadOnlyField<GiccInterrupt, 12, 10> source{"source"};
    static constexpr ReadOnlyField<GiccInterrupt, 9, 0> intid{"intid"};
    static constexpr auto fields = field_list(source, intid);
};

/// 4.4.5, 4.4.10 and 4.4.15: what EOIR, AEOIR and DIR take.
struct GiccEnd : Register<GiccEnd, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "end";
    static constexpr WriteOnlyField<GiccEnd, 12, 10> source{"source"};
    static constexpr WriteOnlyField<GiccEnd, 9, 0> intid{"intid"};
    static constexpr auto fields = field_list(source, intid);
};

/// 4.4.6.
struct GiccRpr : Register<GiccRpr, std::uint32_t, 0xFF> {
    using Register::Register;
    static constexpr std::string_view name = "GICC_RPR";
    static constexpr ReadOnlyField<GiccRpr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

/// 4.4.12 and 4.4.13: a bit per level of preemption.
struct ActiveLevels : Register<ActiveLevels, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "active";
    static constexpr Field<ActiveLevels, 31, 0> levels{"levels"};
    static constexpr auto fields = field_list(levels);
};

/// 4.4.14.
struct GiccIidr : Register<GiccIidr, std::uint32_t, 0x04B2'043B> {
    using Register::Register;
    static constexpr std::string_view name = "GICC_IIDR";
    static constexpr ReadOnlyField<GiccIidr, 31, 20> product{"product"};
    static constexpr ReadOnlyField<GiccIidr, 19, 16> architecture{"architecture"};
    static constexpr ReadOnlyField<GiccIidr, 15, 12> revision{"revision"};
    static constexpr ReadOnlyField<GiccIidr, 11, 0> implementer{"implementer"};
    static constexpr auto fields = field_list(product, architecture, revision, implementer);
};

/// Offsets into the distributor.
namespace gicd {
inline constexpr std::uint32_t ctlr = 0x000, typer = 0x004, iidr = 0x008, igroupr = 0x080, isenabler = 0x100,
                               icenabler = 0x180, ispendr = 0x200, icpendr = 0x280, isactiver = 0x300,
                               icactiver = 0x380, ipriorityr = 0x400, itargetsr = 0x800, icfgr = 0xC00,
                               sgir = 0xF00, cpendsgir = 0xF10, spendsgir = 0xF20, icpidr2 = 0xFE8;
}  // namespace gicd

/// Offsets into the CPU interface, whose second page holds DIR alone.
namespace gicc {
inline constexpr std::uint32_t ctlr = 0x00, pmr = 0x04, bpr = 0x08, iar = 0x0C, eoir = 0x10, rpr = 0x14,
                               hppir = 0x18, abpr = 0x1C, aiar = 0x20, aeoir = 0x24, ahppir = 0x28,
                               apr = 0xD0, nsapr = 0xE0, iidr = 0xFC, dir = 0x1000;
}  // namespace gicc

namespace detail {

inline constexpr std::array<std::string_view, 4> apr_names{"GICC_APR0", "GICC_APR1", "GICC_APR2",
                                                           "GICC_APR3"};
inline constexpr std::array<std::string_view, 4> nsapr_names{"GICC_NSAPR0", "GICC_NSAPR1", "GICC_NSAPR2",
                                                             "GICC_NSAPR3"};

constexpr GicRegister intid_bits(std::string_view name, Bank bank, std::uint32_t offset) {
    return banked<IntidBits>(name, bank, offset, 32);
}

template <class Reg>
constexpr GicRegister named(std::string_view name, std::uint32_t offset, std::uint32_t count = 1) {
    return banked<Reg>(name, Bank::none, offset, count);
}

template <class Reg>
constexpr GicRegister run(std::string_view name, std::uint32_t offset, RunNames names) {
    GicRegister row = named<Reg>(name, offset, static_cast<std::uint32_t>(names.size()));
    row.run = names;
    return row;
}

template <class Reg>
constexpr GicRegister bytewise(std::string_view name, std::uint32_t offset, std::uint32_t count) {
    GicRegister row = named<Reg>(name, offset, count);
    row.bytes = true;
    return row;
}

}  // namespace detail

inline constexpr std::array gicv2_distributor_registers{
    gic_register<GicdCtlrV2>(gicd::ctlr),
    gic_register<GicdTyperV2>(gicd::typer),
    gic_register<GicdIidrV2>(gicd::iidr),
    detail::intid_bits("GICD_IGROUPR", Bank::group, gicd::igroupr),
    detail::intid_bits("GICD_ISENABLER", Bank::set_enable, gicd::isenabler),
    detail::intid_bits("GICD_ICENABLER", Bank::clear_enable, gicd::icenabler),
    detail::intid_bits("GICD_ISPENDR", Bank::set_pending, gicd::ispendr),
    detail::intid_bits("GICD_ICPENDR", Bank::clear_pending, gicd::icpendr),
    detail::intid_bits("GICD_ISACTIVER", Bank::set_active, gicd::isactiver),
    detail::intid_bits("GICD_ICACTIVER", Bank::clear_active, gicd::icactiver),
    banked<IntidPriorities>("GICD_IPRIORITYR", Bank::priority, gicd::ipriorityr, 255),
    detail::bytewise<GicdItargetsr>("GICD_ITARGETSR", gicd::itargetsr, 255),
    banked<IntidConfigs>("GICD_ICFGR", Bank::config, gicd::icfgr, 64),
    gic_register<GicdSgir>(gicd::sgir),
    detail::bytewise<SgiSources>("GICD_CPENDSGIR", gicd::cpendsgir, 4),
    detail::bytewise<SgiSources>("GICD_SPENDSGIR", gicd::spendsgir, 4),
    gic_register<Icpidr2V2>(gicd::icpidr2),
};

inline constexpr std::array gicv2_cpu_registers{
    gic_register<GiccCtlr>(gicc::ctlr),
    gic_register<GiccPmr>(gicc::pmr),
    gic_register<GiccBpr>(gicc::bpr),
    detail::named<GiccInterrupt>("GICC_IAR", gicc::iar),
    detail::named<GiccEnd>("GICC_EOIR", gicc::eoir),
    gic_register<GiccRpr>(gicc::rpr),
    detail::named<GiccInterrupt>("GICC_HPPIR", gicc::hppir),
    gic_register<GiccAbpr>(gicc::abpr),
    detail::named<GiccInterrupt>("GICC_AIAR", gicc::aiar),
    detail::named<GiccEnd>("GICC_AEOIR", gicc::aeoir),
    detail::named<GiccInterrupt>("GICC_AHPPIR", gicc::ahppir),
    detail::run<ActiveLevels>("GICC_APR", gicc::apr, detail::apr_names),
    detail::run<ActiveLevels>("GICC_NSAPR", gicc::nsapr, detail::nsapr_names),
    gic_register<GiccIidr>(gicc::iidr),
    detail::named<GiccEnd>("GICC_DIR", gicc::dir),
};

}  // namespace irqbench::irqchip::arm64
