#include "scenarios/verbs/x86/lapic.hpp"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "irqchip/register.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs::x86 {

namespace {

using irqchip::Field;

constexpr std::uint16_t offset_of(std::string_view name) { return irqchip::x86::lapic_offset(name).value(); }

/// The ICR in its x2APIC form (SDM vol. 3, figure 11-28).
struct Icr : irqchip::Register<Icr, std::uint64_t> {
    using Register::Register;
    static constexpr Field<Icr, 63, 32> destination{"destination"};
    static constexpr Field<Icr, 19, 18> shorthand{"shorthand"};
    static constexpr Field<Icr, 15, 15, Trigger> trigger{"trigger"};
    static constexpr Field<Icr, 14, 14> level{"level"};
    static constexpr Field<Icr, 11, 11, DestinationMode> destination_mode{"destination_mode"};
    static constexpr Field<Icr, 10, 8, IpiMode> delivery_mode{"delivery_mode"};
    static constexpr Field<Icr, 7, 0> vector{"vector"};
};

/// SDM vol. 3, figure 11-8.
struct LvtTimer : irqchip::Register<LvtTimer, std::uint32_t> {
    using Register::Register;
    static constexpr Field<LvtTimer, 18, 17, TimerMode> mode{"mode"};
    static constexpr Field<LvtTimer, 16, 16> masked{"masked"};
    static constexpr Field<LvtTimer, 7, 0> vector{"vector"};
};

/// IA32_APIC_BASE (SDM vol. 3, figure 11-5).
struct ApicBase : irqchip::Register<ApicBase, std::uint64_t, 0xFEE0'0000> {
    using Register::Register;
    static constexpr Field<ApicBase, 11, 11> enabled{"enabled"};
    static constexpr Field<ApicBase, 10, 10> x2apic{"x2apic"};
    static constexpr Field<ApicBase, 8, 8> bootstrap{"bootstrap"};
};

constexpr std::uint32_t msr_apic_base = 0x1B;
constexpr std::uint32_t msr_tsc_deadline = 0x6E0;

/// SDM vol. 3, figure 11-10: 1 is 1011b; 2 to 128 count up in bits 3, 1 and 0.
std::uint32_t divide_configuration(std::uint64_t divide) {
    if (divide == 1) return 0b1011;
    const auto code = static_cast<std::uint32_t>(std::countr_zero(divide)) - 1;
    return (code & 3) | (code & 4) << 1;
}

/// The guest's time stamp counter as the host sees it.
std::uint64_t guest_tsc(vmm::Machine& machine, std::uint32_t vcpu) {
    for (const vmm::NamedValue& value : machine.inspect("tsc", vcpu)) return value.value;
    return 0;
}

}  // namespace

std::string TprVerb::explain() const {
    return fmt::format("{} writes {:#04x} to its TPR.", who(), arguments_.value);
}

Facts TprVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    return facts;
}

std::vector<vmm::GuestOp> TprVerb::operations(Stage&) const {
    return {lapic_write(offset_of("tpr"), arguments_.value)};
}

std::string Cr8Verb::explain() const { return fmt::format("{} writes {} to CR8.", who(), arguments_.value); }

Facts Cr8Verb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    return facts;
}

std::vector<vmm::GuestOp> Cr8Verb::operations(Stage&) const {
    return {operation(OP_CR8_WRITE, 0, arguments_.value, 8, "write cr8")};
}

void LapicArguments::check(const LapicArguments& arguments, const Cursor& at) {
    if (arguments.value > std::numeric_limits<std::uint32_t>::max() && arguments.register_.name != "icr")
        at.fail(fmt::format("{:#x} does not fit '{}', which has 32 bits", arguments.value,
                            arguments.register_.name));
}

std::string LapicVerb::explain() const {
    return fmt::format("{} writes {:#x} to its LAPIC's {}.", who(), arguments_.value,
                       arguments_.register_.name);
}

Facts LapicVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    facts.wakes = facts.starts_any = arguments_.register_.name == "icr";
    return facts;
}

std::vector<vmm::GuestOp> LapicVerb::operations(Stage&) const {
    return {lapic_write(arguments_.register_.offset, arguments_.value)};
}

std::string X2apicVerb::explain() const { return who() + " switches its LAPIC to x2APIC mode."; }

std::vector<vmm::GuestOp> X2apicVerb::operations(Stage& stage) const {
    ApicBase base;
    base.set(ApicBase::enabled, true);
    base.set(ApicBase::x2apic, true);
    // KVM's bootstrap processor is the vCPU with the id 0 (KVM_SET_BOOT_CPU_ID).
    base.set(ApicBase::bootstrap, stage.config.vcpu_ids.at(vcpu()) == 0);
    return {operation(OP_MSR_WRITE, msr_apic_base, base.raw(), 8, "write msr 0x1b")};
}

void IpiArguments::check(const IpiArguments& arguments, const Cursor& at) {
    const bool needs_vector = arguments.mode == IpiMode::fixed ||
                              arguments.mode == IpiMode::lowest_priority ||
                              arguments.mode == IpiMode::startup;
    if (needs_vector && !arguments.vector)
        at.fail(fmt::format("a {} IPI needs the key 'vector'", word_of(arguments.mode)));
    // The vector is the number of the page a processor starts in (SDM vol. 3, 9.4.4); only one of them has
    // code.
    constexpr std::uint32_t start_page = AGENT_TRAMPOLINE >> 12;
    if (arguments.mode == IpiMode::startup && arguments.vector != start_page)
        at.at("vector", *at.node().find("vector"))
            .fail(fmt::format("a startup IPI must have the vector {:#04x}, where the agent's trampoline is",
                              start_page),
                  ScenarioError::Kind::invalid);
}

std::string IpiVerb::explain() const {
    std::string text = fmt::format("{} sends a {} IPI", who(), word_of(arguments_.mode));
    if (arguments_.vector) text += fmt::format(" with vector {}", vmm::vector_text(*arguments_.vector));
    if (arguments_.shorthand_)
        text += *arguments_.shorthand_ == Shorthand::self  ? " to itself"
                : *arguments_.shorthand_ == Shorthand::all ? " to all"
                                                           : " to all others";
    else
        text +=
            fmt::format(" to {} {:#x}",
                        arguments_.dest_mode == DestinationMode::physical ? "APIC id" : "logical destination",
                        *arguments_.to);
    if (arguments_.trigger == Trigger::level) text += ", level-triggered";
    if (!arguments_.level) text += ", de-asserted";
    return text + ".";
}

Facts IpiVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    facts.wakes = arguments_.mode != IpiMode::fixed && arguments_.mode != IpiMode::lowest_priority;
    // An INIT alone has the bootstrap processor begin anew (SDM vol. 3, 9.4.4).
    facts.starts_any = arguments_.mode == IpiMode::startup || arguments_.mode == IpiMode::init;
    return facts;
}

std::vector<vmm::GuestOp> IpiVerb::operations(Stage&) const {
    Icr icr;
    icr.set(Icr::vector, static_cast<std::uint8_t>(arguments_.vector.value_or(0)));
    icr.set(Icr::delivery_mode, arguments_.mode);
    icr.set(Icr::destination_mode, arguments_.dest_mode);
    icr.set(Icr::level, arguments_.level);
    icr.set(Icr::trigger, arguments_.trigger);
    if (arguments_.shorthand_) icr.set(Icr::shorthand, static_cast<std::uint8_t>(*arguments_.shorthand_));
    icr.set(Icr::destination, arguments_.to.value_or(0));
    return {lapic_write(offset_of("icr"), icr.raw())};
}

void TimerArguments::check(const TimerArguments& arguments, const Cursor& at) {
    const bool off = arguments.mode == TimerMode::off;
    if (off && (arguments.vector || arguments.count))
        at.fail("a timer that is off takes neither 'vector' nor 'count'");
    if (!off && !arguments.vector) at.fail("needs the key 'vector'");
    if (!off && !arguments.count) at.fail("needs the key 'count'");
    const bool wide = arguments.count.value_or(0) > std::numeric_limits<std::uint32_t>::max();
    if (wide && arguments.mode != TimerMode::tsc_deadline)
        at.fail("'count' is more than the initial count's 32 bits: use 'divide'");
}

std::string TimerVerb::explain() const {
    if (arguments_.mode == TimerMode::off) return who() + " turns its LAPIC timer off.";
    const std::string vector = vmm::vector_text(arguments_.vector.value_or(0));
    if (arguments_.mode == TimerMode::tsc_deadline)
        return fmt::format("{} sets its TSC deadline {} cycles ahead, with vector {}.", who(),
                           arguments_.count.value_or(0), vector);
    return fmt::format("{} starts its LAPIC timer: {}, count {}, divided by {}, vector {}.", who(),
                       word_of(arguments_.mode), arguments_.count.value_or(0), arguments_.divide.value,
                       vector);
}

Facts TimerVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = arguments_.mode != TimerMode::off;
    facts.apart = arguments_.mode == TimerMode::tsc_deadline;
    return facts;
}

std::vector<vmm::GuestOp> TimerVerb::operations(Stage& stage) const {
    LvtTimer lvt;
    constexpr std::uint16_t lvt_timer = offset_of("lvt_timer");
    constexpr std::uint16_t initial_count = offset_of("timer_initial");
    constexpr std::uint16_t divide = offset_of("timer_divide");
    if (arguments_.mode == TimerMode::off) {
        // Leaving the mode disarms a deadline that is set (SDM vol. 3, 11.5.4.1).
        lvt.set(LvtTimer::masked, true);
        return {lapic_write(lvt_timer, lvt.raw()), lapic_write(initial_count, 0)};
    }
    lvt.set(LvtTimer::mode, arguments_.mode);
    lvt.set(LvtTimer::vector, static_cast<std::uint8_t>(arguments_.vector.value_or(0)));
    const std::uint64_t count = arguments_.count.value_or(0);
    if (arguments_.mode == TimerMode::tsc_deadline) {
        const std::uint64_t deadline = guest_tsc(stage.machine, vcpu()) + count;
        return {lapic_write(lvt_timer, lvt.raw()),
                operation(OP_MSR_WRITE, msr_tsc_deadline, deadline, 8, "write msr 0x6e0")};
    }
    return {lapic_write(lvt_timer, lvt.raw()),
            lapic_write(divide, divide_configuration(arguments_.divide.value)),
            lapic_write(initial_count, count)};
}

}  // namespace irqbench::scenarios::verbs::x86
