#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "irqchip/x86/pic.hpp"
#include "tests/irqchip/effects_text.hpp"

// A pair of 8259As as a PC's guest programs it.
namespace irqbench::irqchip::x86 {

/// OCW2 commands; those that name an interrupt request are added to its number.
namespace ocw2 {
inline constexpr std::uint8_t eoi = 0x20, specific_eoi = 0x60, rotate_eoi = 0xA0, rotate_specific_eoi = 0xE0,
                              set_priority = 0xC0, set_auto_rotate = 0x80, clear_auto_rotate = 0x00,
                              nop = 0x40;
}
namespace ocw3 {
inline constexpr std::uint8_t read_irr = 0x0A, read_isr = 0x0B, poll = 0x0C, set_special_mask = 0x68,
                              clear_special_mask = 0x48;
}
namespace icw4 {
inline constexpr std::uint8_t x86_mode = 0x01, auto_eoi = 0x02, special_fully_nested = 0x10;
}

struct GuestPic {
    static constexpr std::uint16_t master = 0x20, slave = 0xA0, elcr = 0x4D0;

    Pic pic;

    /// Vectors from 0x20 and 0x28, everything unmasked.
    explicit GuestPic(std::uint8_t master_icw4 = icw4::x86_mode, std::uint8_t slave_icw4 = icw4::x86_mode) {
        initialize(master, 0x20, 0x04, master_icw4);
        initialize(slave, 0x28, 0x02, slave_icw4);
    }

    std::string initialize(std::uint16_t chip, std::uint8_t base, std::uint8_t icw3, std::uint8_t icw4) {
        std::string effects = out(chip, 0x11);
        out(data(chip), base);
        out(data(chip), icw3);
        out(data(chip), icw4);
        return effects;
    }

    static constexpr std::uint16_t data(std::uint16_t chip) { return static_cast<std::uint16_t>(chip + 1); }

    /// The effects, and what follows from answering them at once.
    std::string settle(Effects effects) {
        for (std::size_t i = 0; i < effects.size(); ++i)
            if (std::holds_alternative<EoiOfPin>(effects[i])) effects.add(pic.finish_eoi());
        return text(effects);
    }

    std::string out(std::uint16_t port, std::uint8_t value) { return settle(pic.write(port, value)); }
    std::uint8_t in(std::uint16_t port) {
        const auto read = pic.read(port);
        settle(read.effects);
        return read.value;
    }
    std::string command(std::uint16_t chip, unsigned value) {
        return out(chip, static_cast<std::uint8_t>(value));
    }
    std::string mask(std::uint16_t chip, std::uint8_t imr) { return out(data(chip), imr); }
    unsigned irr(std::uint16_t chip) {
        out(chip, ocw3::read_irr);
        return in(chip);
    }
    unsigned isr(std::uint16_t chip) {
        out(chip, ocw3::read_isr);
        return in(chip);
    }

    std::string raise(unsigned pin) { return text(pic.set_line(pin, true)); }
    std::string lower(unsigned pin) { return text(pic.set_line(pin, false)); }
    /// An edge, as an edge-triggered device makes it.
    std::string pulse(unsigned pin) {
        std::string effects = raise(pin);
        lower(pin);
        return effects;
    }
    unsigned acknowledge() {
        const auto acknowledged = pic.acknowledge();
        settle(acknowledged.effects);
        return acknowledged.vector;
    }
    /// The vector the CPU takes now, 0 if INTR is low.
    unsigned take() { return pic.intr() ? acknowledge() : 0; }
};

}  // namespace irqbench::irqchip::x86
