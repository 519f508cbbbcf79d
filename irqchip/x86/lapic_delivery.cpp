#include <cassert>

#include "irqchip/x86/lapic.hpp"

// How interrupts arrive, from the bus, the pins and the LVT; how they end; which errors are logged.
namespace irqbench::irqchip::x86 {

namespace {

/// Vectors 0 to 15 exist for nobody (11.5.2).
constexpr unsigned first_legal_vector = 16;

}  // namespace

LocalApic::Received LocalApic::deliver(const Message& message) {
    if (mode() == ApicMode::disabled) return {false, {}};
    const bool deasserts = message.trigger == Trigger::level && !message.level;
    switch (message.delivery_mode) {
        case DeliveryMode::fixed:
        case DeliveryMode::lowest_priority:
            // 11.4.7.2: what comes while it is software-disabled is lost, not kept.
            if (!software_enabled() || deasserts) return {false, {}};
            return {accept(message.vector, message.trigger), {}};
        case DeliveryMode::smi: return {true, {SignalCpu{CpuSignal::smi}}};
        case DeliveryMode::nmi: return {true, {SignalCpu{CpuSignal::nmi}}};
        case DeliveryMode::init:
            // INIT level de-assert sets arbitration ids, which nobody has had since the P6 (11.6.1).
            if (deasserts) return {false, {}};
            return {true, {SignalCpu{CpuSignal::init}}};
        case start_up: return {true, {SignalCpu{CpuSignal::start_up, message.vector}}};
        case DeliveryMode::ext_int:
            if (!software_enabled()) return {false, {}};
            ext_int_latched_ = true;
            return {true, {}};
        case DeliveryMode::reserved_3: break;
    }
    return {false, {}};
}

bool LocalApic::accept(std::uint8_t vector, Trigger trigger) {
    if (vector < first_legal_vector) {
        log(Esr{}.with(Esr::receive_illegal_vector, true));
        return false;
    }
    irr_.set(vector);
    tmr_.assign(vector, trigger == Trigger::level);
    return true;
}

Effects LocalApic::eoi() {
    Effects effects;
    const auto vector = isr_.highest();
    if (!vector) return effects;
    isr_.clear(*vector);
    if (!tmr_.test(*vector)) return effects;
    if (!svr_.get(svr_.suppress_eoi_broadcast)) effects.add(EoiBroadcast{*vector});
    for (unsigned pin = 0; pin < lint_count; ++pin) {
        LvtEntry& entry = lvt_[lint0 + pin];
        if (!entry.get(entry.remote_irr) || entry.get(entry.vector) != *vector) continue;
        entry.set(entry.remote_irr, false);
        evaluate_lint(pin);
    }
    return effects;
}

bool LocalApic::is_level(Lvt which) const {
    const LvtEntry& entry = lvt_[which];
    return entry.get(entry.delivery_mode) == DeliveryMode::fixed &&
           entry.get(entry.trigger) == Trigger::level;
}

void LocalApic::evaluate_lint(unsigned pin) {
    const auto which = static_cast<Lvt>(lint0 + pin);
    LvtEntry& entry = lvt_[which];
    if (!is_level(which)) {
        entry.set(entry.remote_irr, false);
        return;
    }
    if (!lints_[pin] || entry.get(entry.masked) || entry.get(entry.remote_irr)) return;
    entry.set(entry.remote_irr, accept(entry.get(entry.vector), Trigger::level));
}

Effects LocalApic::set_lint(unsigned pin, bool level) {
    assert(pin < lint_count);
    const bool rises = level && !lints_[pin];
    lints_[pin] = level;
    Effects effects;
    if (mode() == ApicMode::disabled) {
        // 11.4.3: the pins are INTR and NMI of a CPU without an APIC.
        if (rises && pin == 1) effects.add(SignalCpu{CpuSignal::nmi});
        return effects;
    }
    const auto which = static_cast<Lvt>(lint0 + pin);
    if (is_level(which))
        evaluate_lint(pin);
    else if (rises)
        deliver_local(which, effects);
    return effects;
}

Effects LocalApic::raise(LocalEvent event) {
    Effects effects;
    if (mode() == ApicMode::disabled) return effects;
    switch (event) {
        case LocalEvent::cmci:
            if (options_.cmci) deliver_local(cmci, effects);
            break;
        case LocalEvent::thermal: deliver_local(thermal, effects); break;
        case LocalEvent::performance:
            deliver_local(performance, effects);
            if (options_.perf_masks_itself) lvt_[performance].set(LvtEntry::masked, true);
            break;
    }
    return effects;
}

void LocalApic::deliver_local(Lvt which, Effects& effects) {
    const LvtEntry& entry = lvt_[which];
    if (entry.get(entry.masked)) return;
    switch (entry.get(entry.delivery_mode)) {
        case DeliveryMode::fixed: accept(entry.get(entry.vector), Trigger::edge); break;
        case DeliveryMode::smi: effects.add(SignalCpu{CpuSignal::smi}); break;
        case DeliveryMode::nmi: effects.add(SignalCpu{CpuSignal::nmi}); break;
        case DeliveryMode::init:
            if (which == lint0 || which == lint1) effects.add(SignalCpu{CpuSignal::init});
            break;
        default: break;  // ExtINT is a level, see ext_int(); the others are reserved
    }
}

Effects LocalApic::write_lvt(Lvt which, std::uint32_t value, std::uint32_t writable, LapicTime now) {
    LvtEntry& entry = lvt_[which];
    const std::uint32_t next = (entry.raw() & ~writable) | (value & writable);
    const auto change = [&] {
        entry = LvtEntry{next};
        // 11.4.7.2: while the APIC is software-disabled no entry can be unmasked.
        if (!svr_.get(svr_.enabled)) entry.set(entry.masked, true);
    };
    if (which == timer)
        return change_timer(now, [&] {
            timer_.set_mode(LvtEntry{next}.get(LvtEntry::timer_mode));
            change();
        });
    change();
    if (which == lint0 || which == lint1) evaluate_lint(static_cast<unsigned>(which - lint0));
    return {};
}

Effects LocalApic::write_svr(std::uint32_t value, LapicTime now) {
    svr_.write(value);
    if (svr_.get(svr_.enabled)) return {};
    return change_timer(now, [&] {
        for (LvtEntry& entry : lvt_) entry.set(entry.masked, true);
    });
}

void LocalApic::log(Esr errors) {
    // 11.5.3: the error interrupt comes once, until a write to ESR rearms it.
    const bool armed = errors_ == Esr{};
    errors_ = Esr{errors_.raw() | errors.raw()};
    const LvtEntry& entry = lvt_[error];
    if (!armed || entry.get(entry.masked)) return;
    const std::uint8_t vector = entry.get(entry.vector);
    if (vector >= first_legal_vector)
        accept(vector, Trigger::edge);
    else
        errors_.set(Esr::receive_illegal_vector, true);
}

void LocalApic::latch_errors() {
    esr_ = errors_;
    errors_ = {};
}

std::optional<ArmTimer> LocalApic::awaited() const {
    if (lvt_[timer].get(LvtEntry::masked)) return std::nullopt;
    return timer_.deadline();
}

void LocalApic::fire_timer(LapicTime now) {
    if (!timer_.expire(now)) return;
    Effects none;  // the entry has no delivery mode but fixed
    deliver_local(timer, none);
}

Effects LocalApic::expired(LapicTime now) {
    fire_timer(now);
    const auto next = awaited();
    return next ? Effects{*next} : Effects{};
}

std::optional<Effects> LocalApic::write_tsc_deadline(std::uint64_t value, LapicTime now) {
    if (!options_.tsc_deadline) return std::nullopt;
    if (mode() == ApicMode::disabled) return Effects{};
    return change_timer(now, [&] { timer_.set_tsc_deadline(value); });
}

}  // namespace irqbench::irqchip::x86
