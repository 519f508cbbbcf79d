#pragma once

#include <array>

#include "irqchip/arm64/gic_register.hpp"
#include "routing/table.hpp"

namespace irqbench::routing::arm64 {

/// The one controller with pins: pin n is SPI n, whose INTID is n + 32. KVM takes any pin that some GIC could
/// have (KVM_IRQCHIP_NUM_PINS), also beyond the SPIs of this one.
inline constexpr Chip gic{0};
inline constexpr std::uint32_t first_spi = irqchip::arm64::private_count;
inline constexpr std::array<ChipInfo, 1> chips{{{gic, "gic", irqchip::arm64::maximum_spis}}};

/// Rules of a VM with a vGIC.
RoutingRules kernel_rules();

/// The table KVM sets when the vGIC is initialised: GSI n is SPI n.
RoutingTable default_table(std::uint32_t spis);

}  // namespace irqbench::routing::arm64
