#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/register.hpp"

// The system registers of a GICv3 CPU interface, as EL1 sees them. Names and bit numbers: IHI 0069, "AArch64
// System register descriptions".
namespace irqbench::irqchip::arm64 {

struct IccPmr : Register<IccPmr, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "ICC_PMR_EL1";
    static constexpr Field<IccPmr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

/// What IAR and HPPIR read.
struct IccInterrupt : Register<IccInterrupt, std::uint64_t, spurious> {
    using Register::Register;
    static constexpr std::string_view name = "interrupt";
    static constexpr ReadOnlyField<IccInterrupt, 23, 0> intid{"intid"};
    static constexpr auto fields = field_list(intid);
};

/// What EOIR and DIR take.
struct IccEnd : Register<IccEnd, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "end";
    static constexpr WriteOnlyField<IccEnd, 23, 0> intid{"intid"};
    static constexpr auto fields = field_list(intid);
};

/// The reset value is the minimum, which goes by the number of priority bits.
struct IccBpr0 : Register<IccBpr0, std::uint64_t, 2> {
    using Register::Register;
    static constexpr std::string_view name = "ICC_BPR0_EL1";
    static constexpr Field<IccBpr0, 2, 0> binary_point{"binary_point"};
    static constexpr auto fields = field_list(binary_point);
};
struct IccBpr1 : Register<IccBpr1, std::uint64_t, 3> {
    using Register::Register;
    static constexpr std::string_view name = "ICC_BPR1_EL1";
    static constexpr Field<IccBpr1, 2, 0> binary_point{"binary_point"};
    static constexpr auto fields = field_list(binary_point);
};

/// A bit per level of preemption.
struct IccActive : Register<IccActive, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "active";
    static constexpr Field<IccActive, 31, 0> levels{"levels"};
    static constexpr auto fields = field_list(levels);
};

struct IccRpr : Register<IccRpr, std::uint64_t, 0xFF> {
    using Register::Register;
    static constexpr std::string_view name = "ICC_RPR_EL1";
    static constexpr ReadOnlyField<IccRpr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

struct IccSgi : Register<IccSgi, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "sgi";
    static constexpr WriteOnlyField<IccSgi, 55, 48> aff3{"aff3"};
    static constexpr WriteOnlyField<IccSgi, 40, 40> all_others{"all_others"};
    static constexpr WriteOnlyField<IccSgi, 39, 32> aff2{"aff2"};
    static constexpr WriteOnlyField<IccSgi, 27, 24> intid{"intid"};
    static constexpr WriteOnlyField<IccSgi, 23, 16> aff1{"aff1"};
    static constexpr WriteOnlyField<IccSgi, 15, 0> targets{"targets"};
    static constexpr auto fields = field_list(aff3, all_others, aff2, intid, aff1, targets);

    /// Whether a CPU of this affinity is in the list. RS is reserved without the range selector.
    constexpr bool names(Affinity affinity) const {
        const Affinity cluster =
            Affinity{get(aff3)} << 24 | Affinity{get(aff2)} << 16 | Affinity{get(aff1)} << 8;
        const Affinity last = affinity & 0xFF;
        return (affinity & ~Affinity{0xFF}) == cluster && last < 16 && (get(targets) >> last & 1) != 0;
    }
};

/// PRIbits and A3V go by Gicv3Options.
struct IccCtlr : Register<IccCtlr, std::uint64_t, 0x400> {
    using Register::Register;
    static constexpr std::string_view name = "ICC_CTLR_EL1";
    static constexpr ReadOnlyField<IccCtlr, 18, 18> range_selector{"range_selector"};
    static constexpr ReadOnlyField<IccCtlr, 15, 15> affinity3{"affinity3"};
    static constexpr ReadOnlyField<IccCtlr, 14, 14> local_serrors{"local_serrors"};
    static constexpr ReadOnlyField<IccCtlr, 13, 11> id_bits{"id_bits"};
    static constexpr ReadOnlyField<IccCtlr, 10, 8> priority_bits{"priority_bits"};
    static constexpr ReadOnlyField<IccCtlr, 6, 6> mask_hint{"mask_hint"};
    static constexpr Field<IccCtlr, 1, 1> eoi_mode{"eoi_mode"};
    static constexpr Field<IccCtlr, 0, 0> common_binary_point{"common_binary_point"};
    static constexpr auto fields = field_list(range_selector, affinity3, local_serrors, id_bits,
                                              priority_bits, mask_hint, eoi_mode, common_binary_point);
};

/// System registers only, and no bypass.
struct IccSre : Register<IccSre, std::uint64_t, 7> {
    using Register::Register;
    static constexpr std::string_view name = "ICC_SRE_EL1";
    static constexpr ReadOnlyField<IccSre, 2, 2> disable_irq_bypass{"disable_irq_bypass"};
    static constexpr ReadOnlyField<IccSre, 1, 1> disable_fiq_bypass{"disable_fiq_bypass"};
    static constexpr ReadOnlyField<IccSre, 0, 0> system_registers{"system_registers"};
    static constexpr auto fields = field_list(disable_irq_bypass, disable_fiq_bypass, system_registers);
};

struct IccIgrpen : Register<IccIgrpen, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "group_enable";
    static constexpr Field<IccIgrpen, 0, 0> enabled{"enabled"};
    static constexpr auto fields = field_list(enabled);
};

/// The number of a system register: op0, op1, CRn, CRm and op2 packed as KVM's register ids have them.
constexpr std::uint32_t sysreg(std::uint32_t op0, std::uint32_t op1, std::uint32_t crn, std::uint32_t crm,
                               std::uint32_t op2) {
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
}

namespace icc {
inline constexpr std::uint32_t pmr = sysreg(3, 0, 4, 6, 0), iar0 = sysreg(3, 0, 12, 8, 0),
                               eoir0 = sysreg(3, 0, 12, 8, 1), hppir0 = sysreg(3, 0, 12, 8, 2),
                               bpr0 = sysreg(3, 0, 12, 8, 3), ap0r = sysreg(3, 0, 12, 8, 4),
                               ap1r = sysreg(3, 0, 12, 9, 0), dir = sysreg(3, 0, 12, 11, 1),
                               rpr = sysreg(3, 0, 12, 11, 3), sgi1r = sysreg(3, 0, 12, 11, 5),
                               asgi1r = sysreg(3, 0, 12, 11, 6), sgi0r = sysreg(3, 0, 12, 11, 7),
                               iar1 = sysreg(3, 0, 12, 12, 0), eoir1 = sysreg(3, 0, 12, 12, 1),
                               hppir1 = sysreg(3, 0, 12, 12, 2), bpr1 = sysreg(3, 0, 12, 12, 3),
                               ctlr = sysreg(3, 0, 12, 12, 4), sre = sysreg(3, 0, 12, 12, 5),
                               igrpen0 = sysreg(3, 0, 12, 12, 6), igrpen1 = sysreg(3, 0, 12, 12, 7);
}  // namespace icc

namespace detail {

inline constexpr std::array<std::string_view, 4> ap0r_names{"ICC_AP0R0_EL1", "ICC_AP0R1_EL1", "ICC_AP0R2_EL1",
                                                            "ICC_AP0R3_EL1"};
inline constexpr std::array<std::string_view, 4> ap1r_names{"ICC_AP1R0_EL1", "ICC_AP1R1_EL1", "ICC_AP1R2_EL1",
                                                            "ICC_AP1R3_EL1"};

template <class Reg>
constexpr GicRegister icc_register(std::uint32_t number, std::string_view name = Reg::name) {
    GicRegister row{describe<Reg>(number), field_table<Reg>()};
    row.info.name = name;
    return row;
}

constexpr GicRegister active_levels(std::string_view name, std::uint32_t number, RunNames names) {
    GicRegister row = icc_register<IccActive>(number, name);
    row.info.count = static_cast<std::uint32_t>(names.size());
    row.run = names;
    return row;
}

/// Writes are ignored where EL1 has no say, and do not trap.
constexpr GicRegister icc_sre() {
    GicRegister row = icc_register<IccSre>(icc::sre);
    row.info.access = Access::read_write;
    return row;
}

}  // namespace detail

/// Every register, by number.
inline constexpr std::array icc_registers{
    detail::icc_register<IccPmr>(icc::pmr),
    detail::icc_register<IccInterrupt>(icc::iar0, "ICC_IAR0_EL1"),
    detail::icc_register<IccEnd>(icc::eoir0, "ICC_EOIR0_EL1"),
    detail::icc_register<IccInterrupt>(icc::hppir0, "ICC_HPPIR0_EL1"),
    detail::icc_register<IccBpr0>(icc::bpr0),
    detail::active_levels("ICC_AP0R_EL1", icc::ap0r, detail::ap0r_names),
    detail::active_levels("ICC_AP1R_EL1", icc::ap1r, detail::ap1r_names),
    detail::icc_register<IccEnd>(icc::dir, "ICC_DIR_EL1"),
    detail::icc_register<IccRpr>(icc::rpr),
    detail::icc_register<IccSgi>(icc::sgi1r, "ICC_SGI1R_EL1"),
    detail::icc_register<IccSgi>(icc::asgi1r, "ICC_ASGI1R_EL1"),
    detail::icc_register<IccSgi>(icc::sgi0r, "ICC_SGI0R_EL1"),
    detail::icc_register<IccInterrupt>(icc::iar1, "ICC_IAR1_EL1"),
    detail::icc_register<IccEnd>(icc::eoir1, "ICC_EOIR1_EL1"),
    detail::icc_register<IccInterrupt>(icc::hppir1, "ICC_HPPIR1_EL1"),
    detail::icc_register<IccBpr1>(icc::bpr1),
    detail::icc_register<IccCtlr>(icc::ctlr),
    detail::icc_sre(),
    detail::icc_register<IccIgrpen>(icc::igrpen0, "ICC_IGRPEN0_EL1"),
    detail::icc_register<IccIgrpen>(icc::igrpen1, "ICC_IGRPEN1_EL1"),
};

/// The number of the register of this name.
constexpr std::optional<std::uint32_t> icc_number(std::string_view name) {
    for (const GicRegister& row : icc_registers) {
        if (row.run.empty() && row.info.name == name) return row.info.offset;
        for (std::uint32_t i = 0; i < row.run.size(); ++i)
            if (row.run[i] == name) return row.info.offset + i;
    }
    return std::nullopt;
}

}  // namespace irqbench::irqchip::arm64
