#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "irqchip/x86/ioapic.hpp"
#include "tests/irqchip/effects_text.hpp"

// An I/O APIC as a guest programs it, in surroundings without resamplers that answer every effect at once.
namespace irqbench::irqchip::x86 {

/// Words to compose the lower half of an entry from.
namespace rte {
inline constexpr std::uint32_t masked = 1U << 16, level = 1U << 15, remote_irr = 1U << 14,
                               active_low = 1U << 13, delivery_status = 1U << 12, logical = 1U << 11;
constexpr std::uint32_t mode(DeliveryMode m) { return static_cast<std::uint32_t>(m) << 8; }
}  // namespace rte

struct GuestIoApic {
    IoApic ioapic;

    explicit GuestIoApic(IoApicOptions options = {}) : ioapic(options) {}

    std::uint32_t read(std::uint32_t selector) {
        put(0x00, 4, selector);
        return static_cast<std::uint32_t>(ioapic.read(0x10, 4));
    }
    Effects write(std::uint32_t selector, std::uint32_t value) {
        put(0x00, 4, selector);
        return ioapic.write(0x10, 4, value);
    }
    Effects low(unsigned pin, std::uint32_t value) { return write(0x10 + 2 * pin, value); }
    Effects high(unsigned pin, std::uint32_t value) { return write(0x11 + 2 * pin, value); }
    std::uint32_t low(unsigned pin) { return read(0x10 + 2 * pin); }
    bool remote_irr(unsigned pin) { return (low(pin) & rte::remote_irr) != 0; }

    /// Does what the effects ask for, and lists them in the order in which they were done.
    std::string settle(const Effects& effects) {
        std::string done;
        for (const Effect& effect : effects) {
            done += (done.empty() ? "" : ", ") + text(effect);
            Effects answer;
            if (const auto* eoi = std::get_if<EoiOfPin>(&effect)) answer = ioapic.finish_eoi(eoi->pin);
            if (const auto* unmasked = std::get_if<Unmasked>(&effect))
                answer = ioapic.deliver_pending(unmasked->pin);
            if (!answer.empty()) done += ", " + settle(answer);
        }
        return done.empty() ? "nothing" : done;
    }

    std::string put(std::uint32_t offset, unsigned size, std::uint64_t value) {
        return settle(ioapic.write(offset, size, value));
    }
    std::string set(std::uint32_t selector, std::uint32_t value) { return settle(write(selector, value)); }
    std::string set_low(unsigned pin, std::uint32_t value) { return settle(low(pin, value)); }
    std::string set_high(unsigned pin, std::uint32_t value) { return settle(high(pin, value)); }
    std::string raise(unsigned pin, LineSource source = LineSource::wire) {
        return settle(ioapic.set_line(pin, true, source));
    }
    std::string lower(unsigned pin, LineSource source = LineSource::wire) {
        return settle(ioapic.set_line(pin, false, source));
    }
    std::string eoi(std::uint8_t vector) { return settle(ioapic.eoi(vector)); }
};

}  // namespace irqbench::irqchip::x86
