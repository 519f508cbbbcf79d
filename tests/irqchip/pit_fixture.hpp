#pragma once

#include <cstdint>
#include <string>

#include "irqchip/x86/pit.hpp"
#include "tests/irqchip/effects_text.hpp"

// A PIT as a guest programs it, and time that passes.
namespace irqbench::irqchip::x86 {

namespace pit {
inline constexpr std::uint8_t latch = 0x00, low = 0x10, high = 0x20, both = 0x30, bcd = 0x01;
constexpr std::uint8_t mode(unsigned number) { return static_cast<std::uint8_t>(number << 1); }
constexpr std::uint8_t channel(unsigned number) { return static_cast<std::uint8_t>(number << 6); }
/// Read-back command for a set of channels.
inline constexpr std::uint8_t read_back = 0xC0, keeps_count = 0x20, keeps_status = 0x10;
}  // namespace pit

struct GuestPit {
    Pit pit;
    std::uint64_t now = 0;

    static std::string join(const std::string& first, const std::string& second) {
        if (first == "nothing" || second == "nothing") return first == "nothing" ? second : first;
        return first + ", " + second;
    }
    std::string out(std::uint16_t port, unsigned value) {
        return text(pit.write(port, static_cast<std::uint8_t>(value), now));
    }
    std::uint8_t in(std::uint16_t port) { return pit.read(port, now).value; }
    std::string control(unsigned value) { return out(0x43, value); }
    /// Both bytes of a count.
    std::string count(unsigned channel, unsigned value) {
        const auto port = static_cast<std::uint16_t>(0x40 + channel);
        const std::string first = out(port, value & 0xFF);
        return join(first, out(port, value >> 8));
    }
    /// A channel in a mode, with a count.
    std::string start(unsigned channel, unsigned mode, unsigned value, unsigned flags = 0) {
        const std::string first = control(pit::channel(channel) | pit::both | pit::mode(mode) | flags);
        return join(first, count(channel, value));
    }
    unsigned read_count(unsigned channel) {
        const auto port = static_cast<std::uint16_t>(0x40 + channel);
        const unsigned first = in(port);
        return first | unsigned{in(port)} << 8;
    }
    unsigned latched(unsigned channel) {
        control(pit::channel(channel));
        return read_count(channel);
    }
    unsigned status(unsigned channel) {
        control(pit::read_back | pit::keeps_count | 2U << channel);
        return in(static_cast<std::uint16_t>(0x40 + channel));
    }
    std::string gate(unsigned channel, bool level) { return text(pit.set_gate(channel, level, now)); }
    /// Pulses pass, and the PIT is asked at the end of them only.
    std::string wait(std::uint64_t pulses) {
        now += pulses;
        return text(pit.expired(now));
    }
    /// OUT after each of the following pulses, `-` for high and `_` for low.
    std::string wave(unsigned channel, unsigned pulses) {
        std::string levels;
        for (unsigned i = 0; i < pulses; ++i) {
            static_cast<void>(wait(1));
            levels += pit.channel(channel).out() ? '-' : '_';
        }
        return levels;
    }
};

}  // namespace irqbench::irqchip::x86
