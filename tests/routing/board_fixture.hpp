#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <variant>

#include "routing/board.hpp"
#include "routing/x86.hpp"

// A board as a guest and the host drive it; what follows from each call as text.
namespace irqbench::routing::x86 {

inline std::string text(const irqchip::x86::Message& message) {
    return fmt::format("{:02x}{} to {}", message.vector,
                       message.trigger == irqchip::x86::Trigger::level ? " level" : "", message.destination);
}

inline std::string text(const Request& request) {
    struct {
        std::string operator()(const request::Deliver& r) {
            return fmt::format("deliver {}: {}", r.pin, text(r.message));
        }
        std::string operator()(const request::SendMsi& r) {
            return fmt::format("msi of {}: {:x} {:x}", r.gsi, r.msi.address, r.msi.data);
        }
        std::string operator()(const request::UpdateRoute& r) {
            return fmt::format("route {}: {}", r.pin, text(r.message));
        }
        std::string operator()(const request::SetIntr& r) { return r.level ? "intr high" : "intr low"; }
        std::string operator()(const request::NotifyListeners& r) {
            return fmt::format("notify {} of {}", fmt::join(r.listeners, " and "), r.gsi);
        }
        std::string operator()(const request::ArmStormTimer& r) {
            return fmt::format("storm {} for {} ms", r.pin, r.delay.count());
        }
    } words;
    return std::visit(words, request);
}

template <class List>
std::string join(const List& list) {
    std::string line;
    for (const auto& element : list) line += (line.empty() ? "" : ", ") + text(element);
    return line.empty() ? "nothing" : line;
}

inline std::string asked(const Response& response) { return join(response.requests); }
inline std::string seen(const Response& response) { return join(response.events); }

struct GuestBoard {
    static constexpr std::uint32_t masked = 0x1'0000, level = 0x8000, remote_irr = 0x4000;
    static constexpr auto resample = irqchip::LineSource::resample;

    Board board;

    explicit GuestBoard(const RoutingTable& table = default_table(),
                        irqchip::x86::IoApicOptions ioapic_options = {})
        : board(ioapic_options) {
        board.route(table);
        // The PIC as its reset leaves it asks for IRQ 0 with vector 0; a guest masks it first
        // (kvm-host-facts).
        out(0x21, 0xFF);
        out(0xA1, 0xFF);
    }

    Response mmio(std::uint32_t offset, std::uint32_t value) {
        return *board.mmio_write(Board::ioapic_address + offset, 4, value);
    }
    std::uint32_t read_ioapic(std::uint32_t selector) {
        static_cast<void>(mmio(0x00, selector));
        return static_cast<std::uint32_t>(*board.mmio_read(Board::ioapic_address + 0x10, 4));
    }
    Response write_ioapic(std::uint32_t selector, std::uint32_t value) {
        static_cast<void>(mmio(0x00, selector));
        return mmio(0x10, value);
    }
    Response low(unsigned pin, std::uint32_t value) { return write_ioapic(0x10 + 2 * pin, value); }
    Response high(unsigned pin, std::uint32_t value) { return write_ioapic(0x11 + 2 * pin, value); }
    std::string set_low(unsigned pin, std::uint32_t value) { return asked(low(pin, value)); }
    std::string set_high(unsigned pin, std::uint32_t value) { return asked(high(pin, value)); }
    bool in_service(unsigned pin) { return (read_ioapic(0x10 + 2 * pin) & remote_irr) != 0; }

    std::string raise(Gsi gsi, irqchip::LineSource source = irqchip::LineSource::wire) {
        return asked(board.set_gsi(gsi, true, source));
    }
    std::string lower(Gsi gsi, irqchip::LineSource source = irqchip::LineSource::wire) {
        return asked(board.set_gsi(gsi, false, source));
    }
    std::string eoi(std::uint8_t vector) { return asked(board.eoi(vector)); }
    std::string out(std::uint16_t port, std::uint8_t value) { return asked(*board.port_out(port, 1, value)); }
    std::uint32_t in(std::uint16_t port) { return board.port_in(port, 1)->value; }

    /// Both 8259As ready at vectors 0x20 and 0x28, with these lines unmasked and level-triggered.
    void start_pic(std::uint16_t unmasked, std::uint16_t level_triggered) {
        const auto chip = [&](std::uint16_t command, std::uint8_t base, std::uint8_t icw3, unsigned open) {
            const auto data = static_cast<std::uint16_t>(command + 1);
            out(command, 0x11);
            out(data, base);
            out(data, icw3);
            out(data, 0x01);
            out(data, static_cast<std::uint8_t>(~open));
        };
        out(0x4D0, static_cast<std::uint8_t>(level_triggered));
        out(0x4D1, static_cast<std::uint8_t>(level_triggered >> 8));
        chip(0x20, 0x20, 0x04, unmasked);
        chip(0xA0, 0x28, 0x02, static_cast<unsigned>(unmasked) >> 8);
    }
};

}  // namespace irqbench::routing::x86
