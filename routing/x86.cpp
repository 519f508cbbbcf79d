#include "routing/x86.hpp"

#include <algorithm>

#include "irqchip/x86/ioapic_registers.hpp"

namespace irqbench::routing::x86 {

namespace {
constexpr std::uint32_t ioapic_pins = 24;
constexpr std::uint32_t pic_requests = 16;
constexpr std::uint32_t pins_per_pic = 8;
}  // namespace

RoutingRules kernel_rules(bool wide_destinations) { return {true, chips, wide_destinations}; }

RoutingRules split_rules(bool wide_destinations) { return {true, {}, wide_destinations}; }

RoutingRules userspace_rules() { return {false, {}, false}; }

PinRoute pic_route(std::uint32_t irq) {
    return irq < pins_per_pic ? PinRoute{pic_master, irq} : PinRoute{pic_slave, irq - pins_per_pic};
}

RoutingTable default_table() {
    RoutingTable table;
    for (Gsi gsi = 0; gsi < ioapic_pins; ++gsi) {
        table.add(gsi, PinRoute{ioapic, gsi});
        if (gsi < pic_requests) table.add(gsi, pic_route(gsi));
    }
    return table;
}

std::optional<Gsi> message_in_the_way(const RoutingTable& table, std::span<const std::uint64_t> entries) {
    for (std::uint32_t pin = 0; pin < entries.size(); ++pin) {
        const auto routes = table.routes(pin);
        if (std::all_of(routes.begin(), routes.end(),
                        [](const Route& route) { return std::holds_alternative<PinRoute>(route); }))
            continue;
        const irqchip::x86::RedirectionEntry entry{entries[pin]};
        if (entry.get(entry.remote_irr) || table.gsi_of(ioapic, pin)) return pin;
    }
    return std::nullopt;
}

}  // namespace irqbench::routing::x86
