#include "routing/arm64.hpp"

namespace irqbench::routing::arm64 {

RoutingRules kernel_rules() {
    RoutingRules rules;
    rules.chips = chips;
    return rules;
}

RoutingTable default_table(std::uint32_t spis) {
    RoutingTable table;
    for (std::uint32_t spi = 0; spi < spis; ++spi) table.add(spi, PinRoute{gic, spi});
    return table;
}

}  // namespace irqbench::routing::arm64
