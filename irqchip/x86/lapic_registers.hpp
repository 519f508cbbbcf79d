#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "irqchip/register.hpp"
#include "irqchip/x86/msi.hpp"

// Names, bits and addresses: Intel SDM vol. 3, tables 11-1 (xAPIC) and 11-6 (x2APIC) and the figures of
// chapter 11; AMD APM vol. 2, 16.3.2 to 16.3.5.
namespace irqbench::irqchip::x86 {

/// Figure 11-6. Bits 31:24 are writable, as in table 11-1; many processors ignore the write.
struct LapicId : Register<LapicId, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "id";
    static constexpr Field<LapicId, 31, 24> id{"id"};
    static constexpr auto fields = field_list(id);
};

/// Figure 11-6.
struct X2apicId : Register<X2apicId, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "id";
    static constexpr ReadOnlyField<X2apicId, 31, 0> id{"id"};
    static constexpr auto fields = field_list(id);
};

/// Figure 11-7. LapicOptions take away what an implementation does not have.
struct LapicVersion : Register<LapicVersion, std::uint32_t, 0x0106'0014> {
    using Register::Register;
    static constexpr std::string_view name = "version";
    static constexpr ReadOnlyField<LapicVersion, 24, 24> eoi_suppression{"eoi_suppression"};
    /// The number of LVT entries, less one.
    static constexpr ReadOnlyField<LapicVersion, 23, 16> maximum_lvt{"maximum_lvt"};
    static constexpr ReadOnlyField<LapicVersion, 7, 0> version{"version"};
    static constexpr auto fields = field_list(eoi_suppression, maximum_lvt, version);
};

/// Figures 11-18 (TPR), 11-15 (APR) and 11-19 (PPR): class in bits 7:4, sub-class in 3:0.
struct Tpr : Register<Tpr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "tpr";
    static constexpr Field<Tpr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

struct Apr : Register<Apr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "apr";
    static constexpr ReadOnlyField<Apr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

struct Ppr : Register<Ppr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "ppr";
    static constexpr ReadOnlyField<Ppr, 7, 0> priority{"priority"};
    static constexpr auto fields = field_list(priority);
};

struct LapicEoi : Register<LapicEoi, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "eoi";
    static constexpr WriteOnlyField<LapicEoi, 31, 0> value{"value"};
    static constexpr auto fields = field_list(value);
};

/// Figure 11-13.
struct Ldr : Register<Ldr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "ldr";
    static constexpr Field<Ldr, 31, 24> logical_id{"logical_id"};
    static constexpr auto fields = field_list(logical_id);
};

/// 11.12.10.2: made from the x2APIC id.
struct X2apicLdr : Register<X2apicLdr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "ldr";
    static constexpr ReadOnlyField<X2apicLdr, 31, 16> cluster{"cluster"};
    static constexpr ReadOnlyField<X2apicLdr, 15, 0> members{"members"};
    static constexpr auto fields = field_list(cluster, members);
};

/// Other values are reserved.
enum class DestinationModel : std::uint8_t { cluster = 0, flat = 15 };

/// Figure 11-14.
struct Dfr : Register<Dfr, std::uint32_t, 0xFFFF'FFFF> {
    using Register::Register;
    static constexpr std::string_view name = "dfr";
    static constexpr Field<Dfr, 31, 28, DestinationModel> model{"model"};
    static constexpr auto fields = field_list(model);
};

/// Figure 11-23.
struct Svr : Register<Svr, std::uint32_t, 0xFF> {
    using Register::Register;
    static constexpr std::string_view name = "svr";
    static constexpr Field<Svr, 12, 12> suppress_eoi_broadcast{"suppress_eoi_broadcast"};
    /// Kept for the guest: since the Pentium 4 no APIC looks for a focus processor.
    static constexpr Field<Svr, 9, 9> focus_check_disabled{"focus_check_disabled"};
    static constexpr Field<Svr, 8, 8> enabled{"enabled"};
    static constexpr Field<Svr, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(suppress_eoi_broadcast, focus_check_disabled, enabled, vector);
};

/// 32 vectors of IRR, ISR or TMR (figure 11-20).
struct VectorWord : Register<VectorWord, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "vectors";
    static constexpr ReadOnlyField<VectorWord, 31, 0> vectors{"vectors"};
    static constexpr auto fields = field_list(vectors);
};

/// Figure 11-9. Bits 3:0 are of processors before the Pentium 4.
struct Esr : Register<Esr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "esr";
    static constexpr ReadOnlyField<Esr, 7, 7> illegal_register{"illegal_register"};
    static constexpr ReadOnlyField<Esr, 6, 6> receive_illegal_vector{"receive_illegal_vector"};
    static constexpr ReadOnlyField<Esr, 5, 5> send_illegal_vector{"send_illegal_vector"};
    static constexpr ReadOnlyField<Esr, 4, 4> redirectable_ipi{"redirectable_ipi"};
    static constexpr auto fields =
        field_list(illegal_register, receive_illegal_vector, send_illegal_vector, redirectable_ipi);
};

/// Figure 11-12, low half.
struct Icr : Register<Icr, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "icr";
    static constexpr Field<Icr, 19, 18, Shorthand> shorthand{"shorthand"};
    static constexpr Field<Icr, 15, 15, Trigger> trigger{"trigger"};
    static constexpr Field<Icr, 14, 14> level{"level"};
    static constexpr ReadOnlyField<Icr, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<Icr, 11, 11, DestinationMode> destination_mode{"destination_mode"};
    static constexpr Field<Icr, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<Icr, 7, 0> vector{"vector"};
    static constexpr auto fields =
        field_list(shorthand, trigger, level, delivery_status, destination_mode, delivery_mode, vector);
};

struct IcrHigh : Register<IcrHigh, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "icr_high";
    static constexpr Field<IcrHigh, 31, 24> destination{"destination"};
    static constexpr auto fields = field_list(destination);
};

/// Figure 11-28. Has no delivery status.
struct X2apicIcr : Register<X2apicIcr, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "icr";
    static constexpr Field<X2apicIcr, 63, 32> destination{"destination"};
    static constexpr Field<X2apicIcr, 19, 18, Shorthand> shorthand{"shorthand"};
    static constexpr Field<X2apicIcr, 15, 15, Trigger> trigger{"trigger"};
    static constexpr Field<X2apicIcr, 14, 14> level{"level"};
    static constexpr Field<X2apicIcr, 11, 11, DestinationMode> destination_mode{"destination_mode"};
    static constexpr Field<X2apicIcr, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<X2apicIcr, 7, 0> vector{"vector"};
    static constexpr auto fields =
        field_list(destination, shorthand, trigger, level, destination_mode, delivery_mode, vector);
};

enum class TimerMode : std::uint8_t { one_shot = 0, periodic = 1, tsc_deadline = 2, reserved = 3 };

/// The fields of all LVT entries together (figure 11-8). Which of them an entry has is said by its own type
/// below.
struct LvtEntry : Register<LvtEntry, std::uint32_t, 0x1'0000> {
    using Register::Register;
    static constexpr std::string_view name = "lvt";
    static constexpr Field<LvtEntry, 18, 17, TimerMode> timer_mode{"timer_mode"};
    static constexpr Field<LvtEntry, 16, 16> masked{"masked"};
    static constexpr Field<LvtEntry, 15, 15, Trigger> trigger{"trigger"};
    static constexpr ReadOnlyField<LvtEntry, 14, 14> remote_irr{"remote_irr"};
    static constexpr Field<LvtEntry, 13, 13> active_low{"active_low"};
    static constexpr ReadOnlyField<LvtEntry, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<LvtEntry, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<LvtEntry, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(timer_mode, masked, trigger, remote_irr, active_low,
                                              delivery_status, delivery_mode, vector);
};

struct LvtTimer : Register<LvtTimer, std::uint32_t, 0x1'0000> {
    using Register::Register;
    static constexpr std::string_view name = "lvt_timer";
    static constexpr Field<LvtTimer, 18, 17, TimerMode> timer_mode{"timer_mode"};
    static constexpr Field<LvtTimer, 16, 16> masked{"masked"};
    static constexpr ReadOnlyField<LvtTimer, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<LvtTimer, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(timer_mode, masked, delivery_status, vector);
};

/// CMCI, thermal sensor and performance counters.
struct LvtLocal : Register<LvtLocal, std::uint32_t, 0x1'0000> {
    using Register::Register;
    static constexpr std::string_view name = "lvt_local";
    static constexpr Field<LvtLocal, 16, 16> masked{"masked"};
    static constexpr ReadOnlyField<LvtLocal, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<LvtLocal, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<LvtLocal, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(masked, delivery_status, delivery_mode, vector);
};

struct LvtLint : Register<LvtLint, std::uint32_t, 0x1'0000> {
    using Register::Register;
    static constexpr std::string_view name = "lvt_lint";
    static constexpr Field<LvtLint, 16, 16> masked{"masked"};
    static constexpr Field<LvtLint, 15, 15, Trigger> trigger{"trigger"};
    static constexpr ReadOnlyField<LvtLint, 14, 14> remote_irr{"remote_irr"};
    static constexpr Field<LvtLint, 13, 13> active_low{"active_low"};
    static constexpr ReadOnlyField<LvtLint, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<LvtLint, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<LvtLint, 7, 0> vector{"vector"};
    static constexpr auto fields =
        field_list(masked, trigger, remote_irr, active_low, delivery_status, delivery_mode, vector);
};

struct LvtError : Register<LvtError, std::uint32_t, 0x1'0000> {
    using Register::Register;
    static constexpr std::string_view name = "lvt_error";
    static constexpr Field<LvtError, 16, 16> masked{"masked"};
    static constexpr ReadOnlyField<LvtError, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<LvtError, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(masked, delivery_status, vector);
};

/// Figure 11-11.
struct TimerInitial : Register<TimerInitial, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "timer_initial";
    static constexpr Field<TimerInitial, 31, 0> count{"count"};
    static constexpr auto fields = field_list(count);
};

struct TimerCurrent : Register<TimerCurrent, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "timer_current";
    static constexpr ReadOnlyField<TimerCurrent, 31, 0> count{"count"};
    static constexpr auto fields = field_list(count);
};

/// Figure 11-10: three bits with a hole.
struct TimerDivide : Register<TimerDivide, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "timer_divide";
    static constexpr Field<TimerDivide, 3, 3> high{"divide_high"};
    static constexpr Field<TimerDivide, 1, 0> low{"divide_low"};
    static constexpr auto fields = field_list(high, low);
};

/// Figure 11-30.
struct SelfIpi : Register<SelfIpi, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "self_ipi";
    static constexpr WriteOnlyField<SelfIpi, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(vector);
};

/// 11.4.4, figure 11-26. LapicOptions say how wide an address is.
struct ApicBase : Register<ApicBase, std::uint64_t, 0xFEE0'0800> {
    using Register::Register;
    static constexpr std::string_view name = "IA32_APIC_BASE";
    static constexpr Field<ApicBase, 51, 12> page{"page"};
    static constexpr Field<ApicBase, 11, 11> enabled{"enabled"};
    static constexpr Field<ApicBase, 10, 10> extended{"extended"};
    static constexpr Field<ApicBase, 8, 8> bootstrap{"bootstrap"};
    static constexpr auto fields = field_list(page, enabled, extended, bootstrap);
};

/// 11.5.4.1.
struct TscDeadline : Register<TscDeadline, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "IA32_TSC_DEADLINE";
    static constexpr Field<TscDeadline, 63, 0> deadline{"deadline"};
    static constexpr auto fields = field_list(deadline);
};

/// Offsets into the xAPIC page.
namespace lapic {
inline constexpr std::uint16_t id = 0x020, version = 0x030, tpr = 0x080, apr = 0x090, remote_read = 0x0C0,
                               ppr = 0x0A0, eoi = 0x0B0, ldr = 0x0D0, dfr = 0x0E0, svr = 0x0F0, isr = 0x100,
                               tmr = 0x180, irr = 0x200, esr = 0x280, lvt_cmci = 0x2F0, icr = 0x300,
                               icr_high = 0x310, lvt_timer = 0x320, lvt_thermal = 0x330, lvt_perf = 0x340,
                               lvt_lint0 = 0x350, lvt_lint1 = 0x360, lvt_error = 0x370, timer_initial = 0x380,
                               timer_current = 0x390, timer_divide = 0x3E0, self_ipi = 0x3F0;
}  // namespace lapic

namespace msr {
inline constexpr std::uint32_t apic_base = 0x1B, tsc_deadline = 0x6E0, x2apic = 0x800, x2apic_end = 0x900;
}

/// A register of the local APIC: what it is in each mode, nothing where the mode does not have it.
struct LapicRegister {
    std::string_view name;
    /// Into the xAPIC page; the x2APIC register is MSR 0x800 plus a sixteenth of it.
    std::uint16_t offset = 0;
    std::optional<RegisterInfo> xapic;
    std::optional<RegisterInfo> x2apic;
    /// Bits whose writing raises #GP in x2APIC mode (11.12.1.3).
    std::uint64_t x2apic_reserved = 0;
};

namespace detail {

constexpr std::uint32_t x2apic_msr(std::uint16_t offset) { return msr::x2apic + offset / 16U; }

template <class Reg>
constexpr LapicRegister xapic_only(std::string_view name, std::uint16_t offset) {
    LapicRegister row{name, offset, describe<Reg>(offset), std::nullopt, 0};
    row.xapic->name = name;
    return row;
}

template <class Reg>
constexpr LapicRegister x2apic_only(std::string_view name, std::uint16_t offset) {
    LapicRegister row{name, offset, std::nullopt, describe<Reg>(x2apic_msr(offset)), ~Reg::fields.all};
    row.x2apic->name = name;
    return row;
}

template <class XapicReg, class X2apicReg = XapicReg>
constexpr LapicRegister both(std::string_view name, std::uint16_t offset) {
    LapicRegister row = x2apic_only<X2apicReg>(name, offset);
    row.xapic = xapic_only<XapicReg>(name, offset).xapic;
    return row;
}

/// A register whose write is a command: in x2APIC mode only zero may be written.
template <class Reg>
constexpr LapicRegister command(std::string_view name, std::uint16_t offset, Access access) {
    LapicRegister row = both<Reg>(name, offset);
    row.xapic->access = row.x2apic->access = access;
    row.x2apic->writable = 0;
    row.x2apic_reserved = std::numeric_limits<std::uint64_t>::max();
    return row;
}

constexpr LapicRegister vectors(std::string_view name, std::uint16_t offset) {
    return both<VectorWord>(name, offset);
}

}  // namespace detail

/// Every register, by offset.
inline constexpr std::array lapic_register_table{
    detail::both<LapicId, X2apicId>("id", lapic::id),
    detail::both<LapicVersion>("version", lapic::version),
    detail::both<Tpr>("tpr", lapic::tpr),
    detail::xapic_only<Apr>("apr", lapic::apr),
    detail::both<Ppr>("ppr", lapic::ppr),
    detail::command<LapicEoi>("eoi", lapic::eoi, Access::write_only),
    detail::both<Ldr, X2apicLdr>("ldr", lapic::ldr),
    detail::xapic_only<Dfr>("dfr", lapic::dfr),
    detail::both<Svr>("svr", lapic::svr),
    detail::vectors("isr0", 0x100),
    detail::vectors("isr1", 0x110),
    detail::vectors("isr2", 0x120),
    detail::vectors("isr3", 0x130),
    detail::vectors("isr4", 0x140),
    detail::vectors("isr5", 0x150),
    detail::vectors("isr6", 0x160),
    detail::vectors("isr7", 0x170),
    detail::vectors("tmr0", 0x180),
    detail::vectors("tmr1", 0x190),
    detail::vectors("tmr2", 0x1A0),
    detail::vectors("tmr3", 0x1B0),
    detail::vectors("tmr4", 0x1C0),
    detail::vectors("tmr5", 0x1D0),
    detail::vectors("tmr6", 0x1E0),
    detail::vectors("tmr7", 0x1F0),
    detail::vectors("irr0", 0x200),
    detail::vectors("irr1", 0x210),
    detail::vectors("irr2", 0x220),
    detail::vectors("irr3", 0x230),
    detail::vectors("irr4", 0x240),
    detail::vectors("irr5", 0x250),
    detail::vectors("irr6", 0x260),
    detail::vectors("irr7", 0x270),
    detail::command<Esr>("esr", lapic::esr, Access::read_write),
    detail::both<LvtLocal>("lvt_cmci", lapic::lvt_cmci),
    detail::both<Icr, X2apicIcr>("icr", lapic::icr),
    detail::xapic_only<IcrHigh>("icr_high", lapic::icr_high),
    detail::both<LvtTimer>("lvt_timer", lapic::lvt_timer),
    detail::both<LvtLocal>("lvt_thermal", lapic::lvt_thermal),
    detail::both<LvtLocal>("lvt_perf", lapic::lvt_perf),
    detail::both<LvtLint>("lvt_lint0", lapic::lvt_lint0),
    detail::both<LvtLint>("lvt_lint1", lapic::lvt_lint1),
    detail::both<LvtError>("lvt_error", lapic::lvt_error),
    detail::both<TimerInitial>("timer_initial", lapic::timer_initial),
    detail::both<TimerCurrent>("timer_current", lapic::timer_current),
    detail::both<TimerDivide>("timer_divide", lapic::timer_divide),
    detail::x2apic_only<SelfIpi>("self_ipi", lapic::self_ipi),
};

/// The registers of the xAPIC page: the words scenarios use.
inline constexpr auto lapic_registers = [] {
    std::array<LapicRegister, lapic_register_table.size() - 1> rows{};
    std::size_t count = 0;
    for (const LapicRegister& row : lapic_register_table)
        if (row.xapic) rows[count++] = row;
    return rows;
}();

/// MSRs that are no register of the x2APIC block.
inline constexpr std::array lapic_msrs{
    describe<ApicBase>(msr::apic_base),
    describe<TscDeadline>(msr::tsc_deadline),
};

/// The offset of the register of this name.
constexpr std::optional<std::uint16_t> lapic_offset(std::string_view name) {
    for (const LapicRegister& row : lapic_registers)
        if (row.name == name) return row.offset;
    return std::nullopt;
}

}  // namespace irqbench::irqchip::x86
