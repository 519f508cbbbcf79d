#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "irqchip/x86/lapic.hpp"
#include "tests/irqchip/effects_text.hpp"

// A local APIC as a guest programs it. Effects come back as text.
namespace irqbench::irqchip::x86 {

/// Words to compose LVT entries and ICR from.
namespace lvt {
inline constexpr std::uint32_t masked = 1U << 16, level = 1U << 15, remote_irr = 1U << 14,
                               active_low = 1U << 13, smi = 2U << 8, nmi = 4U << 8, init = 5U << 8,
                               ext_int = 7U << 8, periodic = 1U << 17, tsc_deadline = 2U << 17;
}
namespace icr {
inline constexpr std::uint32_t self = 1U << 18, all = 2U << 18, others = 3U << 18, level = 1U << 15,
                               assert_level = 1U << 14, logical = 1U << 11, lowest = 1U << 8, smi = 2U << 8,
                               nmi = 4U << 8, init = 5U << 8, start_up = 6U << 8, ext_int = 7U << 8;
}

inline constexpr std::uint64_t base_address = 0xFEE0'0000, base_enabled = 0x800, base_extended = 0x400,
                               base_bootstrap = 0x100;

struct GuestLapic {
    LocalApic apic;
    LapicTime now;

    /// Software-enabled with spurious vector 0xFF, as a guest has it.
    explicit GuestLapic(std::uint32_t id = 0, LapicOptions options = {}) : apic(id, id == 0, options) {
        put(lapic::svr, 0x1FF);
    }
    static GuestLapic fresh(std::uint32_t id = 0, LapicOptions options = {}) {
        GuestLapic guest(id, options);
        guest.apic = LocalApic(id, id == 0, options);
        return guest;
    }
    static GuestLapic in_x2apic_mode(std::uint32_t id = 0, LapicOptions options = {}) {
        GuestLapic guest(id, options);
        BOOST_REQUIRE(guest.wrmsr(msr::apic_base, base_address | base_enabled | base_extended) == "nothing");
        return guest;
    }

    std::string put(std::uint32_t offset, std::uint64_t value, unsigned size = 4) {
        return text(apic.write(offset, size, value, now));
    }
    std::uint64_t get(std::uint32_t offset, unsigned size = 4) { return apic.read(offset, size, now); }
    /// By MSR in x2APIC mode, by the page otherwise.
    std::uint64_t reg(std::uint16_t offset) {
        if (apic.mode() != ApicMode::x2apic) return get(offset);
        return apic.read_msr(msr::x2apic + offset / 16U, now).value();
    }
    std::string set(std::uint16_t offset, std::uint64_t value) {
        if (apic.mode() != ApicMode::x2apic) return put(offset, value);
        return wrmsr(msr::x2apic + offset / 16U, value);
    }

    std::string wrmsr(std::uint32_t index, std::uint64_t value) {
        const auto effects = apic.write_msr(index, value, now);
        return effects ? text(*effects) : "#GP";
    }
    std::optional<std::uint64_t> rdmsr(std::uint32_t index) const { return apic.read_msr(index, now); }

    std::string deliver(const Message& message) {
        const auto received = apic.deliver(message);
        return (received.accepted ? "" : "refused, ") + text(received.effects);
    }
    std::string fixed(std::uint8_t vector, Trigger trigger = Trigger::edge) {
        Message message;
        message.vector = vector;
        message.trigger = trigger;
        message.level = trigger == Trigger::level;
        return deliver(message);
    }
    std::string send(DeliveryMode mode, std::uint8_t vector = 0) {
        Message message;
        message.delivery_mode = mode;
        message.vector = vector;
        return deliver(message);
    }

    /// The vector the CPU takes, -1 if none is pending.
    int take() {
        const auto vector = apic.pending();
        if (!vector) return -1;
        const std::uint8_t taken = apic.acknowledge();
        BOOST_REQUIRE(taken == *vector);
        return taken;
    }
    std::string eoi() { return set(lapic::eoi, 0); }

    /// ESR as it is after a write.
    std::uint64_t errors() {
        set(lapic::esr, 0);
        return reg(lapic::esr);
    }
    /// Time passes, and the timer is served if it is due.
    std::string wait_bus(std::uint64_t ticks) {
        now.bus += ticks;
        return text(apic.expired(now));
    }
    std::string lint(unsigned pin, bool level) { return text(apic.set_lint(pin, level)); }
};

}  // namespace irqbench::irqchip::x86
