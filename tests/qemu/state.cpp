#include "tests/qemu/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace irqbench::tests::qemu {

using irqchip::x86::I8259A;
using irqchip::x86::IoApic;

namespace {

template <class T>
void compare(std::string& text, const std::string& name, const T& expected, const T& actual) {
    if (expected != actual)
        text += fmt::format("  {}: {:#x} expected, {:#x} in QEMU\n", name, expected, actual);
}

std::string list(const std::vector<Sent>& messages) {
    std::string text;
    for (const Sent& sent : messages)
        text += fmt::format(" [vector {:#x} mode {} {}{} {}]", sent.vector, sent.mode,
                            sent.logical ? "logical " : "", sent.destination,
                            sent.level_triggered ? "level" : "edge");
    return text.empty() ? " nothing" : text;
}

PicState state_of_pic(const I8259A& chip) {
    PicState state;
    state.irr = chip.irr();
    state.imr = chip.imr();
    state.isr = chip.isr();
    state.highest = static_cast<std::uint8_t>((field(chip, "lowest_priority") + 1) & 7);
    state.base = chip.base();
    state.elcr = chip.elcr();
    state.special_fully_nested = field(chip, "special_fully_nested") != 0;
    return state;
}

bool parse_line(const std::string& line, ChipState& state) {
    unsigned number = 0;
    unsigned id = 0;
    unsigned selected = 0;
    unsigned long long raw = 0;
    if (std::sscanf(line.c_str(), "ioapic0: ver=%*x id=%x sel=%x", &id, &selected) == 2) {
        state.ioapic_id = static_cast<std::uint8_t>(id);
        state.ioregsel = static_cast<std::uint8_t>(selected);
        return true;
    }
    if (std::sscanf(line.c_str(), " pin %u %llx", &number, &raw) == 2) {
        state.entries.at(number) = raw;
        return true;
    }
    unsigned irr = 0, imr = 0, isr = 0, highest = 0, base = 0, elcr = 0, nested = 0;
    if (std::sscanf(line.c_str(),
                    "pic%u: irr=%x imr=%x isr=%x hprio=%u irq_base=%x rr_sel=%*u elcr=%x fnm=%u", &number,
                    &irr, &imr, &isr, &highest, &base, &elcr, &nested) == 8) {
        const auto byte = [](unsigned value) { return static_cast<std::uint8_t>(value); };
        state.pics.at(number) = {byte(irr),  byte(imr),  byte(isr),  byte(highest),
                                 byte(base), byte(elcr), nested != 0};
        return true;
    }
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != "IRR") return false;
    while (words >> word && word != "(none)") state.irr |= 1U << std::stoul(word);
    return true;
}

}  // namespace

std::uint64_t field(const I8259A& chip, std::string_view name) {
    for (const auto& value : chip.fields())
        if (value.name == name) return value.value;
    throw std::logic_error(fmt::format("no field {} of the 8259A", name));
}

ChipState state_of(const routing::x86::Board& board) {
    ChipState state;
    IoApic ioapic = board.ioapic();
    state.ioregsel = static_cast<std::uint8_t>(ioapic.read(0x00, 4));
    static_cast<void>(ioapic.write(0x00, 4, 0));
    state.ioapic_id = static_cast<std::uint8_t>(ioapic.read(0x10, 4) >> 24);
    for (unsigned pin = 0; pin < IoApic::pin_count; ++pin) {
        state.entries[pin] = ioapic.entry(pin).raw();
        if (ioapic.pending(pin)) state.irr |= 1U << pin;
    }
    state.pics = {state_of_pic(board.pic().master()), state_of_pic(board.pic().slave())};
    state.intr = board.intr();
    return state;
}

ChipState parse_chips(const std::string& info_pic) {
    // The line of IOREGSEL, 24 entries, the IRR and two PICs.
    constexpr int lines_needed = 28;
    ChipState state;
    int found = 0;
    std::istringstream lines(info_pic);
    for (std::string line; std::getline(lines, line);) found += parse_line(line, state) ? 1 : 0;
    if (found != lines_needed)
        throw std::runtime_error(fmt::format("info pic says something else than expected:\n{}", info_pic));
    return state;
}

LapicState parse_lapic(const std::string& info_lapic) {
    std::istringstream lines(info_lapic);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word) || word != "IRR") continue;
        LapicState state;
        while (words >> word && word != "(none)") {
            const std::size_t vector = std::stoul(word);
            state.irr.set(vector);
            if (word.find("(level)") != std::string::npos) state.level.set(vector);
        }
        return state;
    }
    throw std::runtime_error(fmt::format("info lapic says no IRR:\n{}", info_lapic));
}

std::string differences(const Outcome& expected, const Outcome& actual) {
    std::string text;
    const ChipState& a = expected.state;
    const ChipState& b = actual.state;
    compare(text, "I/O APIC id", a.ioapic_id, b.ioapic_id);
    compare(text, "IOREGSEL", a.ioregsel, b.ioregsel);
    for (std::size_t pin = 0; pin < a.entries.size(); ++pin)
        compare(text, fmt::format("entry {}", pin), a.entries[pin], b.entries[pin]);
    compare(text, "I/O APIC IRR", a.irr, b.irr);
    for (std::size_t chip = 0; chip < a.pics.size(); ++chip) {
        const std::string name = chip == 0 ? "master " : "slave ";
        compare(text, name + "IRR", a.pics[chip].irr, b.pics[chip].irr);
        compare(text, name + "IMR", a.pics[chip].imr, b.pics[chip].imr);
        compare(text, name + "ISR", a.pics[chip].isr, b.pics[chip].isr);
        compare(text, name + "highest priority", a.pics[chip].highest, b.pics[chip].highest);
        compare(text, name + "base", a.pics[chip].base, b.pics[chip].base);
        compare(text, name + "ELCR", a.pics[chip].elcr, b.pics[chip].elcr);
        compare(text, name + "SFNM", unsigned{a.pics[chip].special_fully_nested},
                unsigned{b.pics[chip].special_fully_nested});
    }
    compare(text, "INTR", unsigned{a.intr}, unsigned{b.intr});
    if (expected.sent != actual.sent)
        text += fmt::format("  messages:{} expected,{} in QEMU\n", list(expected.sent), list(actual.sent));
    if (expected.acknowledged != actual.acknowledged)
        text += fmt::format("  acknowledged: {:#x} expected, {:#x} in QEMU\n",
                            fmt::join(expected.acknowledged, " "), fmt::join(actual.acknowledged, " "));
    return text;
}

std::string differences(const LapicState& expected, const LapicState& actual) {
    std::string text;
    for (unsigned vector = 0; vector < 256; ++vector) {
        const auto word = [vector](const LapicState& state) {
            return !state.irr[vector] ? "no" : state.level[vector] ? "level" : "edge";
        };
        if (expected.irr[vector] != actual.irr[vector] ||
            (expected.irr[vector] && expected.level[vector] != actual.level[vector]))
            text +=
                fmt::format("  IRR {:#x}: {} expected, {} in QEMU\n", vector, word(expected), word(actual));
    }
    return text;
}

}  // namespace irqbench::tests::qemu
