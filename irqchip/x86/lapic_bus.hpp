#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "irqchip/effect.hpp"
#include "irqchip/x86/lapic.hpp"
#include "irqchip/x86/msi.hpp"

// Who takes a message: what local APICs settle among themselves on the bus (SDM vol. 3, 11.6.2).
namespace irqbench::irqchip::x86 {

/// The local APICs of a machine, in the order of its CPUs.
using Lapics = std::span<const LocalApic>;

/// The message with a broadcast that local APICs in both modes take for one. Formats of 8 and 15 bits have no
/// other than 0xFF; with 32 bits that is an id or a logical destination like any other (api.rst,
/// KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK).
inline Message widened(Message message, DestinationFormat format) {
    if (format != DestinationFormat::x2apic_api && message.destination == 0xFF)
        message.destination = LocalApic::broadcast;
    return message;
}

/// Whether only one of those a message means takes it.
inline bool is_redirectable(const Message& message) {
    return message.delivery_mode == DeliveryMode::lowest_priority || message.redirection_hint;
}

/// Calls take(index) for those of the candidates that take a message which is meant for all of them: for
/// each, or by arbitration (11.6.2.4) for the one with the lowest priority, and of equals the first. One that
/// is software-disabled takes no part in it, unless it is about an NMI or the like, which it takes
/// (11.4.7.2).
/// @param for_each calls what it is given with the index of every candidate, in order
template <class ForEach, class Take>
void distribute(Lapics lapics, const Message& message, ForEach for_each, Take take) {
    if (!is_redirectable(message)) {
        for_each(take);
        return;
    }
    const bool is_interrupt = message.delivery_mode == DeliveryMode::fixed ||
                              message.delivery_mode == DeliveryMode::lowest_priority;
    std::optional<std::size_t> winner;
    for_each([&](std::size_t i) {
        if (is_interrupt && !lapics[i].software_enabled()) return;
        if (!winner || lapics[i].apr() < lapics[*winner].apr()) winner = i;
    });
    if (winner) take(*winner);
}

namespace detail {

template <class IsMeant, class Take>
void search(Lapics lapics, const Message& message, IsMeant is_meant, Take take) {
    distribute(
        lapics, message,
        [&](auto use) {
            for (std::size_t i = 0; i < lapics.size(); ++i)
                if (is_meant(i)) use(i);
        },
        take);
}

}  // namespace detail

/// Calls take(index) for every local APIC that takes the message of a device or an I/O APIC.
template <class Take>
void for_each_recipient(Lapics lapics, const Message& message, Take take) {
    detail::search(
        lapics, message,
        [&](std::size_t i) { return lapics[i].accepts(message.destination, message.destination_mode); },
        take);
}

/// Calls take(index) for every local APIC that takes the IPI of number `sender`.
template <class Take>
void for_each_recipient(Lapics lapics, std::size_t sender, const SendIpi& ipi, Take take) {
    detail::search(
        lapics, ipi.message,
        [&](std::size_t i) {
            switch (ipi.shorthand) {
                case Shorthand::none:
                    return lapics[i].accepts(ipi.message.destination, ipi.message.destination_mode);
                case Shorthand::self: return i == sender;
                case Shorthand::all_including_self: return lapics[i].mode() != ApicMode::disabled;
                case Shorthand::all_excluding_self:
                    return i != sender && lapics[i].mode() != ApicMode::disabled;
            }
            return false;
        },
        take);
}

}  // namespace irqbench::irqchip::x86
