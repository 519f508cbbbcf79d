#include "routing/x86.hpp"

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

}  // namespace irqbench::routing::x86
