#include "irqchip/x86/saved_state.hpp"

#include <algorithm>

#include "irqchip/x86/ioapic.hpp"
#include "irqchip/x86/lapic.hpp"
#include "irqchip/x86/pic.hpp"
#include "irqchip/x86/pit.hpp"

// The controllers as saved state, and back.
namespace irqbench::irqchip::x86 {

namespace {

/// IRR, ISR and TMR have eight registers each.
template <class Visit>
void for_each_vector_word(std::uint16_t offset, Visit visit) {
    for (unsigned index = 0; index < 8; ++index)
        visit(index, static_cast<std::uint16_t>(offset + 16 * index));
}

}  // namespace

I8259AState I8259A::state() const {
    I8259AState state;
    state.drivers = drivers_;
    state.latched = latched_;
    state.isr = isr_;
    state.imr = imr();
    state.elcr = elcr_;
    state.base = base_;
    state.lowest_priority = lowest_priority_;
    state.init_step = static_cast<std::uint8_t>(init_step_);
    state.needs_icw4 = needs_icw4_;
    state.single = single_;
    state.auto_eoi = auto_eoi_;
    state.rotate_on_auto_eoi = rotates_on_auto_eoi_;
    state.special_mask = special_mask_;
    state.special_fully_nested = special_fully_nested_;
    state.poll = poll_;
    state.reads_isr = reads_isr_;
    return state;
}

I8259A::I8259A(Role role, const I8259AState& state) : role_(role) {
    drivers_ = state.drivers;
    // No wire of the outside leads to the cascade input.
    if (role == Role::master) drivers_[cascade_irq] = 0;
    for (unsigned irq = 0; irq < drivers_.size(); ++irq)
        if (drivers_[irq] != 0) lines_ |= static_cast<IrMask>(1U << irq);
    latched_ = state.latched;
    isr_ = state.isr;
    imr_ = Ocw1{state.imr};
    elcr_ = static_cast<std::uint8_t>(
        state.elcr & (role == Role::master ? Elcr1::writable_mask() : Elcr2::writable_mask()));
    base_ = static_cast<std::uint8_t>(state.base & Icw2::writable_mask());
    lowest_priority_ = state.lowest_priority & 7;
    init_step_ = static_cast<InitStep>(state.init_step & 3);
    needs_icw4_ = state.needs_icw4;
    single_ = state.single;
    auto_eoi_ = state.auto_eoi;
    rotates_on_auto_eoi_ = state.rotate_on_auto_eoi;
    special_mask_ = state.special_mask;
    special_fully_nested_ = state.special_fully_nested;
    poll_ = state.poll;
    reads_isr_ = state.reads_isr;
}

PicState Pic::state() const { return {master_.state(), slave_.state()}; }

Pic::Pic(const PicState& state)
    : master_(I8259A::Role::master, state[0]), slave_(I8259A::Role::slave, state[1]) {
    // Between two calls the wire follows the slave.
    cascade_ = slave_.request().has_value();
}

IoApicState IoApic::state() const {
    IoApicState state;
    state.select = static_cast<std::uint8_t>(select_.raw());
    state.id = id_.raw();
    state.irr = irr_;
    for (unsigned pin = 0; pin < pin_count; ++pin) state.entries[pin] = entries_[pin].raw();
    state.drivers = lines_;
    state.storm_counts = storm_counts_;
    return state;
}

// A level-triggered pin asks while its line is asserted, and only such a pin does; and only such an interrupt
// has a Remote IRR.
IoApic::IoApic(IoApicOptions options, const IoApicState& state) : options_(options) {
    select_ = restored<IoRegSel>(state.select);
    id_ = restored<IoApicId>(state.id);
    lines_ = state.drivers;
    for (unsigned pin = 0; pin < pin_count; ++pin) {
        RedirectionEntry& entry = entries_[pin];
        entry = restored<RedirectionEntry>(state.entries[pin]);
        entry.set(entry.delivery_status, false);
        if (!options.extended_destinations) entry.set(entry.extended_destination, FieldValue<7>{0});
        const bool level = is_level(entry);
        if (!level) entry.set(entry.remote_irr, false);
        set_pending(pin, level && asserted(pin) && (state.irr >> pin & 1) != 0);
        storm_counts_[pin] = std::min(state.storm_counts[pin], storm_threshold - 1);
    }
}

LapicState LocalApic::state(LapicTime now) const {
    LapicState state;
    for (const LapicRegister& row : lapic_registers)
        if (const auto word = peek(row.offset, now)) state.at(row.offset) = *word;
    state.apic_base = base_.raw();
    state.tsc_deadline = timer_.tsc_deadline(now.tsc);
    // One that has passed and has not been told yet is still to come.
    if (const auto next = timer_.deadline(); next && next->clock == TimerClock::tsc)
        state.tsc_deadline = next->deadline;
    state.errors = errors_.raw();
    state.ext_int = ext_int_latched_;
    return state;
}

Effects LocalApic::restore(const LapicState& state, bool lint0_high, LapicTime now) {
    const bool was_armed = awaited().has_value();
    base_ = restored<ApicBase>(state.apic_base).with(ApicBase::bootstrap, bootstrap_);
    const bool extended = mode() == ApicMode::x2apic;
    // These follow from the id in x2APIC mode (11.12.5.1).
    id_ = extended ? LapicId{}.with(LapicId::id, static_cast<std::uint8_t>(x2apic_id_))
                   : restored<LapicId>(state.at(lapic::id));
    ldr_ = extended ? Ldr{} : restored<Ldr>(state.at(lapic::ldr));
    tpr_ = restored<Tpr>(state.at(lapic::tpr));
    dfr_ = restored<Dfr>(state.at(lapic::dfr));
    svr_ = restored<Svr>(state.at(lapic::svr) & ~missing_bits(*find(lapic::svr)));
    esr_ = restored<Esr>(state.at(lapic::esr));
    errors_ = restored<Esr>(state.errors);
    icr_ = restored<X2apicIcr>(std::uint64_t{state.at(lapic::icr_high)} << 32 | state.at(lapic::icr));
    for_each_vector_word(lapic::isr, [&](unsigned i, std::uint16_t at) { isr_.set_word(i, state.at(at)); });
    for_each_vector_word(lapic::tmr, [&](unsigned i, std::uint16_t at) { tmr_.set_word(i, state.at(at)); });
    for_each_vector_word(lapic::irr, [&](unsigned i, std::uint16_t at) { irr_.set_word(i, state.at(at)); });
    for (const LapicRegister& row : lapic_registers)
        if (const auto which = lvt_at(row.offset); which && find(row.offset) != nullptr)
            lvt_[*which] = restored<LvtEntry>(state.at(row.offset) & ~missing_bits(row));
    lints_ = {lint0_high, false};
    ext_int_latched_ = state.ext_int;
    timer_ = LapicTimer(lvt_[timer].get(LvtEntry::timer_mode), state.at(lapic::timer_initial),
                        state.at(lapic::timer_divide), state.at(lapic::timer_current), state.tsc_deadline,
                        now.bus);
    if (const auto next = awaited()) return Effects{*next};
    return was_armed ? Effects{DisarmTimer{}} : Effects{};
}

LapicTimer::LapicTimer(TimerMode mode, std::uint32_t initial, std::uint32_t divide, std::uint32_t current,
                       std::uint64_t tsc_deadline, std::uint64_t bus)
    : mode_(mode), divide_(restored<TimerDivide>(divide)), start_(bus) {
    if (counts()) {
        initial_ = restored<TimerInitial>(initial);
        // A count that begins with nothing does not run.
        count_ = std::min(current, initial);
    } else if (mode == TimerMode::tsc_deadline) {
        tsc_deadline_ = tsc_deadline;
    }
}

PitChannelState PitChannel::state() const {
    PitChannelState state;
    state.mode = mode_;
    state.access = access_;
    state.bcd = bcd_;
    state.gate = gate_;
    state.out = out_;
    state.reload = count_register_;
    state.element = element_;
    state.low_byte = low_byte_;
    state.low_was_read = low_was_read_;
    if (count_latch_) state.latched_count = count_latch_->value;
    state.latched_low_was_read = count_latch_ && count_latch_->low_was_read;
    if (status_latch_) state.latched_status = status_latch_->raw();
    state.has_count = has_count_;
    state.null_count = null_count_;
    state.load_next = load_next_;
    state.counting = counting_;
    state.armed = armed_;
    state.odd = odd_;
    return state;
}

PitChannel::PitChannel(const PitChannelState& state)
    : mode_(std::min<std::uint8_t>(state.mode, 5)),
      access_(state.access == PitAccess::latch ? PitAccess::low_then_high : state.access),
      bcd_(state.bcd),
      gate_(state.gate),
      out_(state.out),
      count_register_(state.reload),
      low_byte_(state.low_byte),
      low_was_read_(state.low_was_read),
      has_count_(state.has_count),
      null_count_(state.null_count),
      load_next_(state.load_next),
      counting_(state.counting),
      armed_(state.armed && !periodic()),
      odd_(state.odd) {
    if (state.latched_count) count_latch_ = Latch{*state.latched_count, state.latched_low_was_read};
    if (state.latched_status) status_latch_ = PitStatus{*state.latched_status};
    // A counter that repeats, or is to end, has something left to count.
    constexpr std::uint32_t most = 0x1'0000;  // also in BCD, whose digits may be above 9
    element_ = std::min(state.element, most);
    if (element_ == 0 && (armed_ || (mode_ == 2 && counting_))) element_ = modulus();
}

PitState Pit::state(std::uint64_t now) const {
    Pit then = *this;
    Effects told;
    then.advance(now, told);
    PitState state;
    for (unsigned index = 0; index < channel_count; ++index)
        state.channels[index] = then.channels_[index].state();
    state.port_b = port_b_.raw();
    return state;
}

Effects Pit::restore(const PitState& state, std::uint64_t now) {
    for (unsigned index = 0; index < channel_count; ++index)
        channels_[index] = PitChannel(state.channels[index]);
    port_b_ = restored<SystemControlB>(state.port_b & SystemControlB::writable_mask());
    now_ = now;
    deadline_.reset();
    Effects effects;
    conclude(channels_[0].out(), effects);
    return effects;
}

}  // namespace irqbench::irqchip::x86
