#include <bit>
#include <optional>

#include "tests/qemu/differences.hpp"
#include "tests/qemu/pic_access.hpp"

// QEMU's side: hw/intc/i8259.c of QEMU 10.0, observed.
namespace irqbench::tests::qemu {

using Kind = Operation::Kind;

namespace {

constexpr std::uint8_t cascade_bit = 1U << 2;
constexpr unsigned no_cascade = 0xFF & ~unsigned{cascade_bit};

/// A read that takes the chip's poll word.
bool is_poll(const Prediction& p, unsigned chip) {
    return p.operation.kind == Kind::port_in && (p.operation.target & ~1U) == (chip == 0 ? 0x20U : 0xA0U) &&
           p.before.pic(chip).polled();
}

/// The acknowledge of the operation concerned the slave.
bool acknowledges_slave(const Prediction& p) {
    return !p.expected.acknowledged.empty() && p.before.pic(0).request() == 2U;
}

void set_vector(Prediction& p, unsigned vector) {
    p.expected.acknowledged.back() = static_cast<std::uint8_t>(vector);
    if (!p.expected.sent.empty()) p.expected.sent.back().vector = static_cast<std::uint8_t>(vector);
}

/// What QEMU's master asks for: in special fully nested mode it does not look at the slave in service.
std::optional<unsigned> qemu_request(const PicState& master, bool special_mask) {
    const auto irq = highest(both(master.irr, ~master.imr), master.highest);
    unsigned in_service = master.isr;
    if (special_mask) in_service &= ~unsigned{master.imr};
    if (master.special_fully_nested) in_service &= ~unsigned{cascade_bit};
    const auto other = highest(in_service, master.highest);
    const auto rank = [&](unsigned each) { return (each - master.highest) & 7; };
    return irq && (!other || rank(*irq) < rank(*other)) ? irq : std::nullopt;
}

void derive_intr(Prediction& p) {
    p.expected.state.intr =
        qemu_request(p.expected.state.pics[0], mode(p.model, 0, "special_mask")).has_value();
}

/// Makes QEMU's chip look at its output.
void nudge(Prediction& p, unsigned chip) {
    const unsigned idle = ~unsigned{p.model.pic(chip).isr()} & 0xFF;
    if (idle == 0)
        p.repair.pics = true;
    else
        p.repair.in_qemu = {
            port_out(chip == 0 ? 0x20 : 0xA0, 0x60U | static_cast<unsigned>(std::countr_zero(idle)))};
}

bool trigger_switched(Prediction& p) {
    if (p.operation.kind != Kind::port_out || (p.operation.target & ~1U) != 0x4D0) return false;
    const unsigned chip = p.operation.target & 1;
    if (p.was.pics[chip].irr == p.expected.state.pics[chip].irr) return false;
    const std::uint8_t elcr = p.expected.state.pics[chip].elcr;
    p.expected.state.pics = p.was.pics;
    p.expected.state.pics[chip].elcr = elcr;
    p.expected.state.intr = p.was.intr;
    p.repair.pics = true;
    return true;
}

bool lines_forgotten(Prediction& p) {
    if (const auto chip = command_chip(p.operation); chip && is_icw1(p.operation)) {
        p.shadow.lines[*chip] = 0;
        if (*chip == 0 && p.before.pic(1).request()) {
            p.shadow.cascade_forgotten = true;
            p.repair.next = {pic_line(8, p.before.board().pic().asserted(8))};
        }
        return false;
    }
    if (p.operation.kind != Kind::pic_line) return false;
    const unsigned pin = p.operation.target;
    const unsigned chip = pin / 8;
    std::uint8_t& seen = p.shadow.lines[chip];
    const bool was_seen = (seen & bit(pin & 7)) != 0;
    seen = p.operation.value != 0 ? seen | bit(pin & 7) : both(seen, ~bit(pin & 7));
    bool shows = false;
    if (p.operation.value != 0 && !was_seen && p.before.board().pic().asserted(pin)) {
        p.model = p.before;
        static_cast<void>(p.model.apply(pic_line(pin, false)));
        const ChipState seen_to_rise = p.model.apply(pic_line(pin, true)).state;
        shows = p.expected.state.pics != seen_to_rise.pics;
        p.expected.state.pics = seen_to_rise.pics;
        p.expected.state.intr = seen_to_rise.intr;
    }
    if (chip == 1 && p.shadow.cascade_forgotten) {
        p.shadow.cascade_forgotten = false;
        if (!p.model.pic(1).request() || (p.expected.state.pics[0].irr & cascade_bit) != 0) return shows;
        p.expected.state.pics[0].irr |= cascade_bit;
        derive_intr(p);
        p.repair.pics = true;
        return true;
    }
    return shows;
}

bool level_by_icw1(Prediction& p) {
    if (const auto chip = command_chip(p.operation); chip && is_icw1(p.operation)) {
        p.shadow.level_triggered[*chip] = (p.operation.value & 8) != 0;
        const unsigned pin = 8 * *chip;
        if (p.shadow.level_triggered[*chip])
            p.repair.next = {pic_line(pin, false), pic_line(pin, true), pic_line(pin, false)};
        return false;
    }
    if (p.operation.kind != Kind::pic_line || p.operation.value != 0) return false;
    const unsigned chip = p.operation.target / 8;
    PicState& state = p.expected.state.pics[chip];
    if (!p.shadow.level_triggered[chip] || (state.irr & bit(p.operation.target & 7)) == 0) return false;
    state.irr = both(state.irr, ~bit(p.operation.target & 7));
    if (chip == 0) derive_intr(p);
    p.repair.pics = true;
    return true;
}

bool icw4_cleared(Prediction& p) {
    const auto chip = command_chip(p.operation);
    if (!chip || !is_icw1(p.operation) || (p.operation.value & 1) == 0) return false;
    const bool nested = p.expected.state.pics[*chip].special_fully_nested;
    p.expected.state.pics[*chip].special_fully_nested = false;
    p.repair.pics = nested || mode(p.before, *chip, "auto_eoi");
    return nested;
}

bool single_with_slave(Prediction& p) {
    if (!acknowledges_slave(p) || !p.before.pic(0).single()) return false;
    const auto irq = p.before.pic(1).request();
    set_vector(p, (p.shadow.no_base[1] ? 0U : p.before.pic(1).base()) | irq.value_or(7));
    if (irq) {
        // Polled, our slave comes to the same.
        static_cast<void>(p.model.apply(port_out(0xA0, 0x0C)));
        static_cast<void>(p.model.apply(port_in(0xA0)));
        p.expected.state.pics = state_of(p.model.board()).pics;
        p.expected.state.pics[0].irr = both(p.expected.state.pics[0].irr, no_cascade);
        derive_intr(p);
    }
    p.repair.pics = true;
    return true;
}

bool nested_asks(const Model& model, const Shadow&, ChipState& state) {
    if (!state.pics[0].special_fully_nested || state.intr) return false;
    state.intr = qemu_request(state.pics[0], mode(model, 0, "special_mask")).has_value();
    return state.intr;
}

/// Where QEMU takes an input that ours holds back.
bool nested_taken(Prediction& p) {
    const bool polls = is_poll(p, 0);
    if (!polls && p.expected.acknowledged.empty()) return nested_asks(p.model, p.shadow, p.expected.state);
    PicState master = p.was.pics[0];
    const auto irq = qemu_request(master, mode(p.before, 0, "special_mask"));
    if (!irq || irq == p.before.pic(0).request()) return nested_asks(p.model, p.shadow, p.expected.state);
    master.isr |= bit(*irq);
    if ((master.elcr & bit(*irq)) == 0) master.irr = both(master.irr, ~bit(*irq));
    p.expected.state.pics = {master, p.was.pics[1]};
    derive_intr(p);
    if (polls)
        p.expected.value = 0x80 | *irq;
    else
        set_vector(p, (p.shadow.no_base[0] ? 0U : master.base) | *irq);
    p.repair.pics = true;
    return true;
}

bool output_stale(Prediction& p) {
    std::optional<unsigned> chip = command_chip(p.operation);
    if (chip && (!is_ocw3(p.operation) || (p.operation.value & 0x40) == 0)) return false;
    if (const auto data = data_chip(p.operation); data && p.before.pic(*data).data_register() == "ICW4")
        chip = data;
    if (!chip) return false;
    ChipState& state = p.expected.state;
    const bool differs = state.intr != p.was.intr || state.pics[0].irr != p.was.pics[0].irr;
    state.intr = p.was.intr;
    state.pics[0].irr = p.was.pics[0].irr;
    nudge(p, *chip);
    return differs;
}

bool cascade_stays_high(Prediction& p) {
    if (!acknowledges_slave(p) || p.before.pic(0).single() || !p.model.pic(1).request()) return false;
    p.expected.state.pics[0].irr = both(p.expected.state.pics[0].irr, no_cascade);
    derive_intr(p);
    if (p.model.pic(1).data_register() == "IMR")
        p.repair.in_qemu = {port_out(0xA1, 0xFF), port_out(0xA1, p.model.pic(1).imr())};
    else
        p.repair.pics = true;
    return true;
}

bool polled_slave_asks(Prediction& p) {
    if (!is_poll(p, 1) || !p.before.pic(1).request()) return false;
    const std::uint8_t kept = p.before.pic(0).irr() & cascade_bit;
    std::uint8_t& irr = p.expected.state.pics[0].irr;
    if ((irr & cascade_bit) == kept) return false;
    irr = static_cast<std::uint8_t>(both(irr, no_cascade) | kept);
    derive_intr(p);
    p.repair.pics = true;
    return true;
}

bool base_cleared(const Model&, const Shadow& shadow, ChipState& state) {
    bool any = false;
    for (unsigned chip = 0; chip < 2; ++chip) {
        if (!shadow.no_base[chip]) continue;
        any = any || state.pics[chip].base != 0;
        state.pics[chip].base = 0;
    }
    return any;
}

bool base_written(Prediction& p) {
    if (const auto chip = command_chip(p.operation); chip && is_icw1(p.operation))
        p.shadow.no_base[*chip] = true;
    if (const auto chip = data_chip(p.operation); chip && p.before.pic(*chip).data_register() == "ICW2")
        p.shadow.no_base[*chip] = false;
    const bool any = base_cleared(p.model, p.shadow, p.expected.state);
    const bool of_slave = acknowledges_slave(p);
    if (!p.expected.acknowledged.empty() && p.shadow.no_base[of_slave ? 1 : 0])
        set_vector(p, p.expected.acknowledged.back() & 7);
    return any;
}

constexpr Difference list[] = {
    {"trigger_switched", "the IRR stays as it is when ELCR changes, until the line moves",
     "a level-triggered input follows its line at once",
     "8259A, edge and level triggered modes: a level is recognized while the input is high; no edge is "
     "needed",
     trigger_switched},
    {"lines_forgotten",
     "after ICW1, the next call for a line that was high all along makes a request; so does the slave's",
     "the line has to fall and rise",
     "8259A, ICW1: following initialization an IR input must make a low-to-high transition", lines_forgotten},
    {"level_by_icw1", "ICW1.LTIM makes all inputs level-triggered", "it is ignored",
     "82371AB (PIIX4) 8.6.5: ICW1 bit 3 is disabled, ELCR1 and ELCR2 select instead", level_by_icw1},
    {"icw4_cleared", "ICW1 clears what ICW4 set, although another ICW4 is announced", "ICW4 does",
     "8259A, ICW1: if IC4 = 0, then all functions selected in ICW4 are set to zero", icw4_cleared},
    {"single_with_slave", "ICW1.SNGL skips ICW3 and nothing else: IR2 leads to the slave",
     "IR2 is an input like any other", "8259A, ICW1: SNGL, this is the only 8259A in the system",
     single_with_slave},
    {"nested", "in special fully nested mode an IR3-IR7 interrupts the slave in service", "it waits",
     "8259A, special fully nested mode: further interrupt requests from higher priority IRs within the slave",
     nested_taken, nested_asks},
    {"output_stale",
     "INT does not move when OCW3 changes the special mask mode, or ICW4 the nesting, until something else "
     "happens",
     "INT follows", "8259A, special mask mode: it enables interrupts from all other levels", output_stale},
    {"cascade_stays_high", "a slave with automatic EOI and another request makes no second edge",
     "its INT falls during the acknowledge",
     "8259A, interrupt sequence: with automatic EOI the ISR bit is set by the first INTA and reset after the "
     "last",
     cascade_stays_high},
    {"polled_slave_asks", "a polled slave leaves the master's request behind",
     "the master's request goes with it",
     "8259A, edge triggered mode: an IR input that goes low before the acknowledge is no request",
     polled_slave_asks},
    {"base_cleared", "ICW1 clears the vector base", "ICW2 sets it",
     "8259A, ICW1 a-f: the base is not among what ICW1 resets", base_written, base_cleared},
};

}  // namespace

std::span<const Difference> pic_differences() { return list; }

}  // namespace irqbench::tests::qemu
