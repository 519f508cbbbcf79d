#include "irqchip/x86/pic.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <variant>

namespace irqbench::irqchip::x86 {

namespace {

constexpr IrMask bit(unsigned irq) { return static_cast<IrMask>(1U << irq); }
constexpr IrMask without(IrMask inputs, IrMask removed) { return static_cast<IrMask>(inputs & ~removed); }

}  // namespace

void I8259A::set_line(unsigned irq, bool asserted, LineSource source) {
    std::uint32_t& drivers = drivers_[irq];
    const std::uint32_t driver = std::uint32_t{1} << static_cast<unsigned>(source);
    drivers = asserted ? drivers | driver : drivers & ~driver;
    const IrMask before = lines_;
    lines_ = drivers != 0 ? lines_ | bit(irq) : without(lines_, bit(irq));
    latched_ |= without(without(lines_, before), elcr_);
}

LineStatus I8259A::status_if_raised(unsigned irq) const {
    if ((imr() & bit(irq)) != 0) return LineStatus::ignored;
    return (irr() & bit(irq)) != 0 ? LineStatus::coalesced : LineStatus::delivered;
}

std::optional<unsigned> I8259A::highest(IrMask inputs) const {
    if (inputs == 0) return std::nullopt;
    const unsigned first = lowest_priority_ + 1U;
    const IrMask by_rank = std::rotr(inputs, static_cast<int>(first));
    return (first + static_cast<unsigned>(std::countr_zero(by_rank))) & 7;
}

std::optional<unsigned> I8259A::request() const {
    const auto irq = highest(without(irr(), imr()));
    if (!irq) return std::nullopt;
    // In special mask mode only levels that are not masked keep others out.
    const auto in_service = highest(special_mask_ ? without(isr_, imr()) : isr_);
    if (!in_service || rank(*irq) < rank(*in_service)) return irq;
    // In special fully nested mode the slave may interrupt its own interrupt in service.
    const bool slave_again = special_fully_nested_ && role_ == Role::master && *irq == cascade_irq;
    return slave_again && *in_service == cascade_irq ? irq : std::nullopt;
}

I8259A::Acknowledged I8259A::acknowledge() {
    const auto irq = request();
    if (!irq) return {7, 0};
    latched_ = without(latched_, bit(*irq));
    isr_ |= bit(*irq);
    return {*irq, auto_eoi_ ? end(*irq, rotates_on_auto_eoi_) : IrMask{0}};
}

IrMask I8259A::write_command(std::uint8_t value) {
    if (Icw1{value}.get(Icw1::is_icw1)) return initialize(Icw1{value});
    if (!Ocw3{value}.get(Ocw3::is_ocw3)) return operate(Ocw2{value});
    select(Ocw3{value});
    return 0;
}

IrMask I8259A::write_data(std::uint8_t value) {
    switch (init_step_) {
        case InitStep::done: imr_.write(value); break;
        case InitStep::icw2:
            base_ = static_cast<std::uint8_t>(value & Icw2::writable_mask());
            init_step_ = !single_ ? InitStep::icw3 : needs_icw4_ ? InitStep::icw4 : InitStep::done;
            break;
        case InitStep::icw3: init_step_ = needs_icw4_ ? InitStep::icw4 : InitStep::done; break;
        case InitStep::icw4:
            special_fully_nested_ = Icw4{value}.get(Icw4::special_fully_nested);
            auto_eoi_ = Icw4{value}.get(Icw4::auto_eoi);
            init_step_ = InitStep::done;
            break;
    }
    return 0;
}

IrMask I8259A::initialize(Icw1 icw1) {
    // Requests that are dropped and services that are cut short count as ended, or a device that waits to be
    // told waits for ever (rows P11 and P14). Level-triggered inputs keep asking through irr() (row P04).
    const IrMask ended = isr_ | without(latched_, elcr_);
    latched_ = 0;
    isr_ = 0;
    imr_ = {};
    lowest_priority_ = 7;
    special_mask_ = false;
    reads_isr_ = false;
    poll_ = false;
    rotates_on_auto_eoi_ = false;
    single_ = icw1.get(icw1.single);
    needs_icw4_ = icw1.get(icw1.needs_icw4);
    if (!needs_icw4_) {
        special_fully_nested_ = false;
        auto_eoi_ = false;
    }
    init_step_ = InitStep::icw2;
    return ended;
}

IrMask I8259A::operate(Ocw2 ocw2) {
    const unsigned irq = ocw2.get(ocw2.irq);
    switch (ocw2.get(ocw2.command)) {
        case Ocw2Command::clear_rotate_in_auto_eoi: rotates_on_auto_eoi_ = false; break;
        case Ocw2Command::set_rotate_in_auto_eoi: rotates_on_auto_eoi_ = true; break;
        case Ocw2Command::non_specific_eoi: return end_highest(false);
        case Ocw2Command::rotate_on_non_specific_eoi: return end_highest(true);
        case Ocw2Command::specific_eoi: return end(irq, false);
        case Ocw2Command::rotate_on_specific_eoi: return end(irq, true);
        case Ocw2Command::set_priority: lowest_priority_ = static_cast<std::uint8_t>(irq); break;
        case Ocw2Command::no_operation: break;
    }
    return 0;
}

void I8259A::select(Ocw3 ocw3) {
    if (ocw3.get(ocw3.sets_special_mask)) special_mask_ = ocw3.get(ocw3.special_mask);
    poll_ = ocw3.get(ocw3.poll);
    if (ocw3.get(ocw3.selects_register)) reads_isr_ = ocw3.get(ocw3.read_isr);
}

IrMask I8259A::end(unsigned irq, bool rotate) {
    isr_ = without(isr_, bit(irq));
    if (rotate) lowest_priority_ = static_cast<std::uint8_t>(irq);
    return bit(irq);
}

IrMask I8259A::end_highest(bool rotate) {
    // "An IS bit that is masked by an IMR bit will not be cleared by a non-specific EOI in special mask
    // mode."
    const auto irq = highest(special_mask_ ? without(isr_, imr()) : isr_);
    return irq ? end(*irq, rotate) : IrMask{0};
}

std::string_view I8259A::command_register(std::uint8_t value) {
    if (Icw1{value}.get(Icw1::is_icw1)) return Icw1::name;
    return Ocw3{value}.get(Ocw3::is_ocw3) ? Ocw3::name : Ocw2::name;
}

std::string_view I8259A::data_register() const {
    switch (init_step_) {
        case InitStep::icw2: return Icw2::name;
        case InitStep::icw3: return Icw3::name;
        case InitStep::icw4: return Icw4::name;
        case InitStep::done: break;
    }
    return Ocw1::name;
}

std::vector<NamedValue> I8259A::fields() const {
    return {{"irr", irr()},
            {"isr", isr_},
            {"imr", imr()},
            {"elcr", elcr_},
            {"base", base_},
            {"lowest_priority", lowest_priority_},
            {"auto_eoi", auto_eoi_},
            {"rotate_on_auto_eoi", rotates_on_auto_eoi_},
            {"special_mask", special_mask_},
            {"special_fully_nested", special_fully_nested_},
            {"poll", poll_}};
}

bool Pic::on_slave(std::uint16_t port) {
    return port == port::slave_command || port == port::slave_data || port == port::elcr2;
}

std::string_view Pic::register_at(std::uint16_t port, std::uint8_t value) const {
    if (port == port::elcr1) return Elcr1::name;
    if (port == port::elcr2) return Elcr2::name;
    const I8259A& chip = on_slave(port) ? slave_ : master_;
    return (port & 1) != 0 ? chip.data_register() : I8259A::command_register(value);
}

Pic::PortRead Pic::read(std::uint16_t port) {
    PortRead result{0, {}};
    switch (port) {
        case port::elcr1: result.value = master_.elcr(); return result;
        case port::elcr2: result.value = slave_.elcr(); return result;
        default: break;
    }
    I8259A& chip = on_slave(port) ? slave_ : master_;
    if (chip.polled())
        result.value = poll(chip, result.effects);
    else
        result.value = (port & 1) != 0 ? chip.read_data() : chip.read_command();
    return result;
}

std::uint8_t Pic::poll(I8259A& chip, Effects& effects) {
    const bool intr_before = intr();
    chip.end_poll();
    PollWord word;
    if (chip.request()) {
        const auto acknowledged = chip.acknowledge();
        word.set(word.interrupt, true);
        word.set(word.irq, static_cast<std::uint8_t>(acknowledged.irq));
        add_ended(chip, acknowledged.ended, effects);
        // A slave polled directly takes back the request it made of the master.
        if (&chip == &slave_) {
            master_.drop_cascade();
            cascade_ = false;
        }
    }
    rewire(intr_before, effects);
    return word.raw();
}

Effects Pic::write(std::uint16_t port, std::uint8_t value) {
    const bool intr_before = intr();
    Effects effects;
    if (port == port::elcr1 || port == port::elcr2) {
        Elcr1 elcr1{master_.elcr()};
        Elcr2 elcr2{slave_.elcr()};
        if (port == port::elcr1) elcr1.write(value);
        if (port == port::elcr2) elcr2.write(value);
        master_.set_elcr(elcr1.raw());
        slave_.set_elcr(elcr2.raw());
    } else {
        I8259A& chip = on_slave(port) ? slave_ : master_;
        add_ended(chip, (port & 1) != 0 ? chip.write_data(value) : chip.write_command(value), effects);
    }
    rewire(intr_before, effects);
    return effects;
}

Effects Pic::set_line(unsigned pin, bool asserted, LineSource source) {
    assert(pin < pin_count);
    Effects effects;
    if (pin == cascade_pin) return effects;
    const bool intr_before = intr();
    chip_of(pin).set_line(pin & 7, asserted, source);
    rewire(intr_before, effects);
    return effects;
}

LineStatus Pic::status_if_raised(unsigned pin) const {
    return pin == cascade_pin ? LineStatus::ignored : chip_of(pin).status_if_raised(pin & 7);
}

Pic::Acknowledged Pic::acknowledge() {
    const bool intr_before = intr();
    Acknowledged result{0, {}};
    const auto first = master_.acknowledge();
    add_ended(master_, first.ended, result.effects);
    const bool from_slave = first.irq == I8259A::cascade_irq && !master_.single();
    if (from_slave) {
        const auto second = slave_.acknowledge();
        // INT falls with the acknowledge, even if automatic EOI or special mask mode lets it rise again at
        // once: a new edge ("Interrupt sequence", steps 4 to 6).
        cascade_ = false;
        add_ended(slave_, second.ended, result.effects);
        result.vector = static_cast<std::uint8_t>(slave_.base() | second.irq);
    } else {
        result.vector = static_cast<std::uint8_t>(master_.base() | first.irq);
    }
    rewire(intr_before, result.effects);
    return result;
}

void Pic::add_ended(const I8259A& chip, IrMask ended, Effects& effects) const {
    if (ended == 0) return;
    const unsigned first_pin = &chip == &slave_ ? 8 : 0;
    for (unsigned irq = 0; irq < 8; ++irq)
        if ((ended & bit(irq)) != 0 && first_pin + irq != cascade_pin)
            effects.add(EoiOfPin{static_cast<std::uint8_t>(first_pin + irq)});
}

Effects Pic::finish_eoi() {
    Effects effects;
    rewire(intr(), effects);
    return effects;
}

void Pic::rewire(bool intr_before, Effects& effects) {
    const auto is_eoi = [](const Effect& effect) { return std::holds_alternative<EoiOfPin>(effect); };
    const bool answers_to_come = std::any_of(effects.begin(), effects.end(), is_eoi);
    const bool requests = slave_.request().has_value();
    if (requests && !cascade_ && !answers_to_come) {
        master_.latch_cascade();
        cascade_ = true;
    }
    if (!requests) cascade_ = false;
    if (intr() != intr_before) effects.add(IntrLine{intr()});
}

}  // namespace irqbench::irqchip::x86
