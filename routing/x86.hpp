#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "routing/table.hpp"

namespace irqbench::routing::x86 {

// KVM_IRQCHIP_*.
inline constexpr Chip pic_master{0};
inline constexpr Chip pic_slave{1};
inline constexpr Chip ioapic{2};

/// The controllers KVM_CREATE_IRQCHIP makes. Pins of the slave count from 0.
inline constexpr std::array<ChipInfo, 3> chips{{
    {pic_master, "pic_master", 8},
    {pic_slave, "pic_slave", 8},
    {ioapic, "ioapic", 24},
}};

/// Rules of a VM with PIC and IOAPIC in the kernel.
/// @param wide_destinations KVM_CAP_X2APIC_API is on (KVM_X2APIC_API_USE_32BIT_IDS)
RoutingRules kernel_rules(bool wide_destinations = false);
/// Rules of a VM with KVM_CAP_SPLIT_IRQCHIP: messages only.
RoutingRules split_rules(bool wide_destinations = false);
/// Rules of a VM without irqchip: no table at all, not even an empty one.
RoutingRules userspace_rules();

/// The pin route of interrupt request 0 to 15 of the PIC pair.
PinRoute pic_route(std::uint32_t irq);

/// The table KVM_CREATE_IRQCHIP sets: GSI n is IOAPIC pin n, and for n < 16 interrupt request n of the PICs
/// too. With KVM_CAP_SPLIT_IRQCHIP the kernel starts with an empty one: RoutingTable().
RoutingTable default_table();

/// A GSI that is a message in `table` although a split placement needs its number for the IOAPIC pin of the
/// same one: another GSI leads to the pin, or its interrupt is in service, whose EOI the kernel knows by the
/// pin's message. The first there is.
/// @param entries the pins' redirection entries
std::optional<Gsi> message_in_the_way(const RoutingTable& table, std::span<const std::uint64_t> entries);

}  // namespace irqbench::routing::x86
