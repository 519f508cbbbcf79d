#include "irqchip/x86/ioapic.hpp"

#include <cassert>
#include <limits>

namespace irqbench::irqchip::x86 {

Message message_of(const RedirectionEntry& entry) {
    Message message;
    message.destination = entry.get(entry.destination) | std::uint32_t{entry.get(entry.extended_destination)}
                                                             << 8;
    message.destination_mode = entry.get(entry.destination_mode);
    message.delivery_mode = entry.get(entry.delivery_mode);
    message.vector = entry.get(entry.vector);
    message.trigger = is_level(entry) ? Trigger::level : Trigger::edge;
    message.level = message.trigger == Trigger::level;
    message.redirection_hint = message.delivery_mode == DeliveryMode::lowest_priority;
    return message;
}

bool is_level(const RedirectionEntry& entry) {
    const DeliveryMode mode = entry.get(entry.delivery_mode);
    return entry.get(entry.trigger) == Trigger::level &&
           (mode == DeliveryMode::fixed || mode == DeliveryMode::lowest_priority);
}

std::uint64_t IoApic::read(std::uint32_t offset, unsigned size) const {
    std::uint64_t value = 0;
    switch (offset) {
        case window::ioregsel: value = select_.raw(); break;
        case window::iowin: value = read_selected(); break;
        default: break;
    }
    return size >= 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

Effects IoApic::write(std::uint32_t offset, unsigned size, std::uint64_t value) {
    const auto data =
        static_cast<std::uint32_t>(size >= 4 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1));
    switch (offset) {
        case window::ioregsel: select_.write(data); return {};
        case window::iowin: return write_selected(data);
        case window::eoir:
            if (options_.model == IoApicModel::v11) return {};
            return eoi(Eoir{data}.get(Eoir::vector));
        default: return {};
    }
}

std::uint32_t IoApic::read_selected() const {
    const auto match = find_register(ioapic_registers, select_.get(select_.address));
    if (!match) return std::numeric_limits<std::uint32_t>::max();
    switch (match->info->offset) {
        case selector::id: return id_.raw();
        case selector::version: {
            IoApicVersion version;
            version.set(version.version, static_cast<std::uint8_t>(options_.model));
            return version.raw();
        }
        case selector::arbitration:
            return IoApicArbitration{}.with(IoApicArbitration::id, id_.get(id_.id)).raw();
        default: return static_cast<std::uint32_t>(entry(match->index).raw() >> (32 * match->part));
    }
}

Effects IoApic::write_selected(std::uint32_t value) {
    const auto match = find_register(ioapic_registers, select_.get(select_.address));
    if (!match || match->info->access == Access::read_only) return {};
    if (match->info->offset == selector::redirection)
        return write_entry(match->index, match->part == 1, value);
    id_.write(value);
    return {};
}

Effects IoApic::write_entry(unsigned pin, bool high, std::uint32_t value) {
    RedirectionEntry& entry = entries_[pin];
    const RedirectionEntry before = entry;
    const unsigned shift = high ? 32 : 0;
    const RedirectionEntry written{std::uint64_t{value} << shift};
    entry.write(written.raw(), std::uint64_t{0xFFFF'FFFF} << shift);
    if (high && options_.extended_destinations)
        entry.set(entry.extended_destination, written.get(written.extended_destination));

    Effects effects;
    storm_counts_[pin] = 0;
    const bool level = is_level(entry);
    if (level != is_level(before)) set_pending(pin, level && asserted(pin));
    // Guests without an EOI register end a stuck interrupt by a switch to edge and back (row X13).
    const bool ended_service = !level && entry.get(entry.remote_irr);
    if (ended_service) entry.set(entry.remote_irr, false);

    const bool masked = entry.get(entry.masked);
    if (!masked && (before.get(before.masked) || message_of(entry) != message_of(before)))
        effects.add(RouteChanged{static_cast<std::uint8_t>(pin)});
    if (ended_service) effects.add(EoiOfPin{static_cast<std::uint8_t>(pin)});
    if (may_send(pin)) effects.add(Unmasked{static_cast<std::uint8_t>(pin)});
    return effects;
}

Effects IoApic::set_line(unsigned pin, bool asserted, LineSource source) {
    assert(pin < pin_count);
    const bool was_asserted = lines_[pin] != 0;
    const std::uint32_t driver = std::uint32_t{1} << static_cast<unsigned>(source);
    lines_[pin] = asserted ? lines_[pin] | driver : lines_[pin] & ~driver;

    Effects effects;
    const RedirectionEntry& entry = entries_[pin];
    if (is_level(entry)) {
        set_pending(pin, lines_[pin] != 0);
        if (may_send(pin)) send(pin, effects);
    } else if (!was_asserted && asserted && !entry.get(entry.masked)) {
        send(pin, effects);
    }
    return effects;
}

LineStatus IoApic::status_if_raised(unsigned pin) const {
    const RedirectionEntry& entry = entries_[pin];
    if (!is_level(entry) && asserted(pin)) return LineStatus::coalesced;
    if (entry.get(entry.masked) || entry.get(entry.remote_irr)) return LineStatus::ignored;
    return LineStatus::delivered;
}

Effects IoApic::eoi(std::uint8_t vector) {
    Effects effects;
    for (unsigned pin = 0; pin < pin_count; ++pin) {
        const RedirectionEntry& entry = entries_[pin];
        if (entry.get(entry.vector) == vector && is_level(entry))
            effects.add(EoiOfPin{static_cast<std::uint8_t>(pin)});
    }
    return effects;
}

Effects IoApic::finish_eoi(unsigned pin) {
    entries_[pin].set(RedirectionEntry::remote_irr, false);
    if (!may_send(pin)) {
        storm_counts_[pin] = 0;
        return {};
    }
    if (++storm_counts_[pin] == storm_threshold) {
        // A guest that never quiets its device must still get somewhere between two interrupts (row X08).
        storm_counts_[pin] = 0;
        return {StormDelay{static_cast<std::uint8_t>(pin), storm_delay}};
    }
    return deliver_pending(pin);
}

Effects IoApic::deliver_pending(unsigned pin) {
    Effects effects;
    if (may_send(pin)) send(pin, effects);
    return effects;
}

void IoApic::drop_pending(unsigned pin) { set_pending(pin, false); }

void IoApic::refused(unsigned pin) { entries_[pin].set(RedirectionEntry::remote_irr, false); }

RedirectionEntry IoApic::entry(unsigned pin) const {
    return entries_[pin].with(RedirectionEntry::delivery_status, may_send(pin));
}

std::optional<unsigned> IoApic::selected_pin() const {
    const auto match = find_register(ioapic_registers, select_.get(select_.address));
    if (!match || match->info->offset != selector::redirection) return std::nullopt;
    return match->index;
}

std::vector<NamedValue> IoApic::fields(unsigned pin) const {
    std::vector<NamedValue> values;
    const std::uint64_t raw = entry(pin).raw();
    for (const FieldInfo& field : field_table<RedirectionEntry>())
        values.push_back({field.name, field.extract(raw)});
    values.push_back({"irr", pending(pin)});
    values.push_back({"line", asserted(pin)});
    return values;
}

bool IoApic::may_send(unsigned pin) const {
    const RedirectionEntry& entry = entries_[pin];
    return pending(pin) && !entry.get(entry.masked) && !entry.get(entry.remote_irr);
}

void IoApic::send(unsigned pin, Effects& effects) {
    RedirectionEntry& entry = entries_[pin];
    effects.add(Deliver{static_cast<std::uint8_t>(pin), message_of(entry)});
    // 82093AA 3.2.4: set when the local APICs accept the interrupt; refused() takes it back.
    if (is_level(entry)) entry.set(entry.remote_irr, true);
}

void IoApic::set_pending(unsigned pin, bool value) {
    const std::uint32_t bit = std::uint32_t{1} << pin;
    irr_ = value ? irr_ | bit : irr_ & ~bit;
}

}  // namespace irqbench::irqchip::x86
