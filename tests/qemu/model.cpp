#include "tests/qemu/model.hpp"

#include <variant>

#include "irqchip/x86/msi.hpp"
#include "routing/x86.hpp"

namespace irqbench::tests::qemu {

using irqchip::x86::DeliveryMode;
using irqchip::x86::DestinationMode;
using irqchip::x86::IoApicModel;
using irqchip::x86::Message;
using irqchip::x86::Trigger;
using routing::x86::Board;

namespace {

/// GSIs of the PICs' inputs, so that each chip's lines move alone.
constexpr routing::Gsi first_pic_gsi = 32;

Sent sent_by(const Message& message, std::optional<unsigned> pin) {
    return {message.destination,
            message.destination_mode == DestinationMode::logical,
            static_cast<std::uint8_t>(message.delivery_mode),
            message.vector,
            message.trigger == Trigger::level,
            pin,
            message.trigger == Trigger::level && !message.level};
}

}  // namespace

Model::Model() : board_({IoApicModel::v20, false}) {
    routing::RoutingTable table;
    // Interrupt 0 of a PC is I/O APIC input 2 (ACPI 5.2.12.5, interrupt source override), and QEMU's I/O APIC
    // itself has it so.
    for (routing::Gsi gsi = 0; gsi < 24; ++gsi)
        table.add(gsi, routing::PinRoute{routing::x86::ioapic, gsi == 0 ? 2 : gsi});
    for (std::uint32_t irq = 0; irq < 16; ++irq) table.add(first_pic_gsi + irq, routing::x86::pic_route(irq));
    board_.route(table);
}

std::uint8_t Model::acknowledge() {
    auto acknowledged = board_.acknowledge();
    static_cast<void>(acknowledged.response);
    return acknowledged.vector;
}

void Model::take(const routing::x86::Response& response, Outcome& outcome) {
    for (const auto& each : response.requests) {
        const auto* deliver = std::get_if<routing::x86::request::Deliver>(&each);
        if (deliver == nullptr) continue;
        Sent sent = sent_by(deliver->message, deliver->pin);
        if (deliver->message.delivery_mode == DeliveryMode::ext_int) {
            // The vector is the PICs', which the CPU asks for it.
            sent.vector = acknowledge();
            outcome.acknowledged.push_back(sent.vector);
        }
        outcome.sent.push_back(sent);
    }
}

Outcome Model::apply(const Operation& operation) {
    Outcome outcome;
    const auto port = static_cast<std::uint16_t>(operation.target);
    const auto value = static_cast<std::uint32_t>(operation.value);
    switch (operation.kind) {
        case Operation::Kind::ioapic_line:
            take(board_.set_gsi(operation.target, operation.value != 0), outcome);
            break;
        case Operation::Kind::pic_line:
            take(board_.set_gsi(first_pic_gsi + operation.target, operation.value != 0), outcome);
            break;
        case Operation::Kind::mmio_read:
            outcome.value = board_.mmio_read(Board::ioapic_address + operation.target, operation.size);
            break;
        case Operation::Kind::mmio_write:
            if (const auto response = board_.mmio_write(Board::ioapic_address + operation.target,
                                                        operation.size, operation.value))
                take(*response, outcome);
            break;
        case Operation::Kind::port_in:
            outcome.value = board_.port_in(port, operation.size).value().value;
            break;
        case Operation::Kind::port_out:
            take(board_.port_out(port, operation.size, value).value(), outcome);
            break;
        case Operation::Kind::msi:
            if (const auto message = irqchip::x86::decode({0xFEE0'0000ULL + operation.target, value},
                                                          irqchip::x86::DestinationFormat::compatible))
                outcome.sent.push_back(sent_by(*message, {}));
            break;
    }
    outcome.state = state_of(board_);
    return outcome;
}

}  // namespace irqbench::tests::qemu
