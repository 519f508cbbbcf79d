#include "irqchip/x86/msi.hpp"

namespace irqbench::irqchip::x86 {

namespace {

constexpr std::uint32_t destination_limit(DestinationFormat format) {
    switch (format) {
        case DestinationFormat::compatible: return 0xFF;
        case DestinationFormat::extended: return 0x7FFF;
        case DestinationFormat::x2apic_api: break;
    }
    return 0xFFFF'FFFF;
}

}  // namespace

std::optional<Msi> encode(const Message& message, DestinationFormat format) {
    if (message.destination > destination_limit(format)) return std::nullopt;
    MsiAddress address;
    address.set(address.destination, static_cast<std::uint8_t>(message.destination));
    if (format == DestinationFormat::x2apic_api)
        address.set(address.destination_high, message.destination >> 8);
    if (format == DestinationFormat::extended)
        address.set(address.extended_destination, static_cast<std::uint8_t>(message.destination >> 8));
    address.set(address.destination_mode, message.destination_mode);
    address.set(address.redirection_hint, message.redirection_hint);

    MsiData data;
    data.set(data.vector, message.vector);
    data.set(data.delivery_mode, message.delivery_mode);
    data.set(data.trigger, message.trigger);
    data.set(data.level, message.level);
    return Msi{address.raw(), data.raw()};
}

std::optional<Message> decode(const Msi& msi, DestinationFormat format) {
    const MsiAddress address{msi.address};
    if (address.get(address.base) != MsiAddress{}.get(address.base)) return std::nullopt;
    if (address.get(address.must_be_zero) != 0) return std::nullopt;
    std::uint32_t destination = address.get(address.destination);
    if (format == DestinationFormat::x2apic_api)
        destination |= address.get(address.destination_high) << 8;
    else if (address.get(address.destination_high) != 0)
        return std::nullopt;
    if (format == DestinationFormat::extended) {
        if (address.get(address.remappable)) return std::nullopt;
        destination |= std::uint32_t{address.get(address.extended_destination)} << 8;
    }

    const MsiData data{msi.data};
    Message message;
    message.destination = destination;
    message.destination_mode = address.get(address.destination_mode);
    message.redirection_hint = address.get(address.redirection_hint);
    message.delivery_mode = data.get(data.delivery_mode);
    message.vector = data.get(data.vector);
    message.trigger = data.get(data.trigger);
    message.level = data.get(data.level);
    return message;
}

}  // namespace irqbench::irqchip::x86
