#include "irqchip/x86/lapic.hpp"

// Interrupts that leave, and the question whom a destination means.
namespace irqbench::irqchip::x86 {

namespace {

constexpr std::uint32_t xapic_broadcast = 0xFF;

}  // namespace

Effects LocalApic::send(X2apicIcr command) {
    Message message;
    message.destination_mode = command.get(command.destination_mode);
    message.delivery_mode = command.get(command.delivery_mode);
    message.vector = command.get(command.vector);
    message.destination = command.get(command.destination);
    if (mode() == ApicMode::xapic) {
        message.destination >>= 24;
        if (message.destination == xapic_broadcast) message.destination = broadcast;
    }
    // Trigger and level only tell INIT from INIT level de-assert, which nobody needs any more; everything
    // else is sent as an edge (table 11-3, note 1).
    const bool deasserts = command.get(command.trigger) == Trigger::level && !command.get(command.level);
    switch (message.delivery_mode) {
        case DeliveryMode::init:
            if (deasserts) return {};
            break;
        case DeliveryMode::lowest_priority:
            if (!options_.lowest_priority_ipis) {
                log(Esr{}.with(Esr::redirectable_ipi, true));
                return {};
            }
            [[fallthrough]];
        case DeliveryMode::fixed:
            // The message goes out all the same; whoever it is for logs the vector once more (11.5.3).
            if (message.vector < 16) log(Esr{}.with(Esr::send_illegal_vector, true));
            break;
        case DeliveryMode::reserved_3:
        case DeliveryMode::ext_int: return {};
        default: break;
    }
    const Shorthand shorthand = command.get(command.shorthand);
    if (shorthand == Shorthand::self) return deliver(message).effects;
    return {SendIpi{message, shorthand}};
}

Effects LocalApic::self_ipi(std::uint8_t vector) {
    X2apicIcr command;
    command.set(command.shorthand, Shorthand::self);
    command.set(command.vector, vector);
    return send(command);
}

bool LocalApic::accepts(std::uint32_t destination, DestinationMode destination_mode) const {
    const bool physical = destination_mode == DestinationMode::physical;
    switch (mode()) {
        case ApicMode::disabled: return false;
        case ApicMode::x2apic: {
            if (destination == broadcast) return true;
            if (physical) return destination == x2apic_id_;
            // 11.12.10.2: clusters of sixteen.
            return destination >> 16 == ldr() >> 16 && (destination & ldr() & 0xFFFF) != 0;
        }
        case ApicMode::xapic: break;
    }
    const std::uint32_t address = destination & 0xFF;
    if (address == xapic_broadcast) return true;
    if (physical) return address == id_.get(id_.id);
    const std::uint32_t logical_id = ldr_.get(ldr_.logical_id);
    switch (dfr_.get(dfr_.model)) {
        case DestinationModel::flat: return (address & logical_id) != 0;
        case DestinationModel::cluster:
            return address >> 4 == logical_id >> 4 && (address & logical_id & 0xF) != 0;
    }
    return false;
}

}  // namespace irqbench::irqchip::x86
