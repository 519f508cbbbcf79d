#include <algorithm>
#include <optional>

#include "tests/qemu/differences.hpp"

// QEMU's side: hw/intc/ioapic.c and hw/intc/apic.c of QEMU 10.0, observed.
namespace irqbench::tests::qemu {

using irqchip::x86::DeliveryMode;
using irqchip::x86::DestinationMode;
using irqchip::x86::RedirectionEntry;
using irqchip::x86::Trigger;
using Kind = Operation::Kind;

namespace {

constexpr std::uint32_t iowin = 0x10, eoir = 0x40;
constexpr std::uint64_t remote_irr = RedirectionEntry::remote_irr.mask;
constexpr std::uint64_t reserved_bits = 0x00FF'FFFF'FFFE'0000;

/// The pin whose entry the operation writes.
std::optional<unsigned> written_pin(const Prediction& p) {
    if (p.operation.kind != Kind::mmio_write || p.operation.target != iowin || p.operation.size < 4)
        return std::nullopt;
    return p.before.ioapic().selected_pin();
}

bool is_high_half(const Model& model) { return (model.ioapic().read(0, 4) & 1) != 0; }

/// What QEMU sends for the pin. For ExtINT it asks the PICs, even if it then sends nothing.
Sent take_message(Prediction& p, unsigned pin, bool acknowledges) {
    const RedirectionEntry entry = p.model.ioapic().entry(pin);
    Sent sent{entry.get(entry.destination),
              entry.get(entry.destination_mode) == DestinationMode::logical,
              static_cast<std::uint8_t>(entry.get(entry.delivery_mode)),
              entry.get(entry.vector),
              entry.get(entry.trigger) == Trigger::level,
              pin};
    if (entry.get(entry.delivery_mode) != DeliveryMode::ext_int) return sent;
    if (acknowledges) {
        p.expected.acknowledged.push_back(p.model.acknowledge());
        const auto pics = state_of(p.model.board());
        p.expected.state.pics = pics.pics;
        p.expected.state.intr = pics.intr;
    }
    if (!p.expected.acknowledged.empty()) sent.vector = p.expected.acknowledged.back();
    return sent;
}

/// Clears the pin's request in QEMU and leaves its entry as it is.
std::vector<Operation> flush(const Prediction& p, unsigned pin) {
    const std::uint64_t low = (p.model.ioapic().entry(pin).raw() | p.shadow.reserved[pin]) & 0xFFFF'FFFF;
    return {mmio_write(0, 0x10 + 2 * pin), mmio_write(iowin, 0x1'8000),
            ioapic_line(pin, false),       mmio_write(iowin, 0x1'0000),
            mmio_write(iowin, low),        mmio_write(0, p.expected.state.ioregsel)};
}

bool reserved_selector(Prediction& p) {
    if (p.operation.kind != Kind::mmio_read || p.operation.target != iowin) return false;
    const std::uint64_t selected = p.before.ioapic().read(0, 4);
    if (selected < 3 || p.before.ioapic().selected_pin() || p.expected.value == 0U) return false;
    p.expected.value = 0;
    return true;
}

bool repeated_edge(Prediction& p) {
    if (p.operation.kind != Kind::ioapic_line || p.operation.value == 0) return false;
    const unsigned pin = p.operation.target == 0 ? 2 : p.operation.target;
    const RedirectionEntry entry = p.before.ioapic().entry(pin);
    if (entry.get(entry.trigger) == Trigger::level || entry.get(entry.masked)) return false;
    if (!p.before.ioapic().asserted(pin)) return false;
    p.expected.sent.push_back(take_message(p, pin, true));
    return true;
}

/// QEMU's pin asks, or asked before, and its entry says level for a mode that has no EOI.
void serve_without_eoi(Prediction& p, unsigned pin, bool asks, bool in_service) {
    const RedirectionEntry entry = p.model.ioapic().entry(pin);
    const bool sends = asks && !entry.get(entry.masked) && !in_service;
    if (asks) {
        const Sent sent = take_message(p, pin, p.expected.acknowledged.empty());
        p.expected.state.irr |= 1U << pin;
        p.expected.sent.clear();
        if (sends) p.expected.sent = {sent};
    }
    if (sends || in_service) p.expected.state.entries[pin] |= remote_irr;
    p.repair.in_qemu = flush(p, pin);
}

bool level_without_eoi(Prediction& p) {
    if (p.operation.kind == Kind::ioapic_line && p.operation.value != 0) {
        const unsigned pin = p.operation.target == 0 ? 2 : p.operation.target;
        const RedirectionEntry entry = p.before.ioapic().entry(pin);
        if (entry.get(entry.trigger) == Trigger::edge || is_level(entry)) return false;
        serve_without_eoi(p, pin, true, false);
        return true;
    }
    const auto pin = written_pin(p);
    if (!pin) return false;
    const RedirectionEntry was = p.before.ioapic().entry(*pin);
    const RedirectionEntry now = p.model.ioapic().entry(*pin);
    if (!is_level(was) || is_level(now) || now.get(now.trigger) == Trigger::edge) return false;
    const bool asks = p.before.ioapic().pending(*pin);
    const bool in_service = was.get(was.remote_irr);
    if (!asks && !in_service) return false;
    serve_without_eoi(p, *pin, asks, in_service);
    return true;
}

bool level_unseen(Prediction& p) {
    const auto pin = written_pin(p);
    if (!pin || is_level(p.before.ioapic().entry(*pin)) || !is_level(p.model.ioapic().entry(*pin)))
        return false;
    if (!p.model.ioapic().pending(*pin)) return false;
    p.expected.state.irr &= ~(1U << *pin);
    p.expected.state.entries[*pin] &= ~remote_irr;
    p.repair.sent = std::move(p.expected.sent);
    p.expected.sent.clear();
    p.repair.in_qemu = {ioapic_line(*pin, true)};
    return true;
}

bool stale_edge(Prediction& p) {
    const auto pin = written_pin(p);
    if (!pin || !is_level(p.before.ioapic().entry(*pin)) || !p.before.ioapic().pending(*pin)) return false;
    const RedirectionEntry now = p.model.ioapic().entry(*pin);
    if (now.get(now.trigger) == Trigger::level) return false;
    const Sent sent = take_message(p, *pin, true);
    if (!now.get(now.masked)) {
        p.expected.sent.push_back(sent);
    } else {
        p.expected.state.irr |= 1U << *pin;
        p.repair.in_qemu = flush(p, *pin);
    }
    return true;
}

bool reserved_kept(const Model&, const Shadow& shadow, ChipState& state) {
    bool any = false;
    for (std::size_t pin = 0; pin < state.entries.size(); ++pin) {
        any = any || shadow.reserved[pin] != 0;
        state.entries[pin] |= shadow.reserved[pin];
    }
    return any;
}

bool reserved_written(Prediction& p) {
    if (const auto pin = written_pin(p)) {
        const unsigned shift = is_high_half(p.before) ? 32 : 0;
        std::uint64_t& kept = p.shadow.reserved[*pin];
        kept &= ~(std::uint64_t{0xFFFF'FFFF} << shift);
        kept |= (p.operation.value & 0xFFFF'FFFF) << shift & reserved_bits;
    }
    const bool any = reserved_kept(p.model, p.shadow, p.expected.state);
    const auto pin = p.before.ioapic().selected_pin();
    const bool reads =
        p.operation.kind == Kind::mmio_read && p.operation.target == iowin && p.operation.size >= 4;
    if (!pin || !reads) return any;
    p.expected.value = p.expected.value.value_or(0) |
                       (p.shadow.reserved[*pin] >> (is_high_half(p.before) ? 32 : 0) & 0xFFFF'FFFF);
    return any;
}

bool entry_address_lost(Prediction& p) {
    const auto is_lost = [&p](const Sent& sent) {
        return sent.pin && sent.destination == 0 && p.shadow.reserved[*sent.pin] >> 48 != 0;
    };
    return std::erase_if(p.expected.sent, is_lost) + std::erase_if(p.repair.sent, is_lost) != 0;
}

bool msi_address_lost(Prediction& p) {
    if (p.operation.kind != Kind::msi || p.operation.target > 0xFFF || (p.operation.target & 0xFF0) == 0)
        return false;
    const bool differs = !p.expected.sent.empty();
    p.expected.sent.clear();
    return differs;
}

constexpr Difference ioapic_list[] = {
    {"reserved_selector", "IOWIN reads zero at a reserved IOREGSEL", "as KVM: all ones",
     "82093AA 3.1.1 leaves it open", reserved_selector},
    {"reserved_kept", "reserved bits 55:17 of an entry read back", "they read zero",
     "82093AA 3.2.4: reserved", reserved_written, reserved_kept},
    {"repeated_edge", "every call that raises an edge-triggered input sends a message", "a line has to rise",
     "82093AA 3.2.4, trigger mode: edge sensitive", repeated_edge},
    {"level_without_eoi",
     "Remote IRR and a lasting request for level-triggered SMI, NMI, INIT and ExtINT; acknowledges the PICs "
     "for ExtINT even when masked",
     "these modes act as edge-triggered",
     "82093AA 3.2.4: SMI, ExtINT require edge; NMI, INIT are treated as edge even if programmed otherwise",
     level_without_eoi},
    {"level_unseen", "an entry that becomes level-triggered does not see that the line is high",
     "the line is sampled", "82093AA 3.2.4, trigger mode: level sensitive", level_unseen},
    {"stale_edge", "a level request survives the switch to edge-triggered and is sent as an edge",
     "it is forgotten: there was no edge", "82093AA 3.2.4, trigger mode: edge sensitive", stale_edge},
};

constexpr Difference message_list[] = {
    {"entry_address_lost", "with a reserved bit of 55:48 set, messages to APIC 0 are lost",
     "reserved bits have no effect", "82093AA 3.2.4: bits 55:17 reserved", entry_address_lost},
    {"msi_address_lost", "with a bit of 11:4 set, MSIs to APIC 0 are lost", "reserved bits have no effect",
     "SDM vol. 3, 11.11.1: address bits 11:4 reserved", msi_address_lost},
};

}  // namespace

std::span<const Difference> ioapic_differences() { return ioapic_list; }
std::span<const Difference> message_differences() { return message_list; }

}  // namespace irqbench::tests::qemu
