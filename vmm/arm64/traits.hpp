#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::vmm::arm64 {

/// Ways in which this host's KVM differs from the GIC's specification, each found out once on a small
/// machine. The names are those that scenarios use in `known` and `requires`:
/// - `distributor_enable_unnoticed`: what came while the distributor was disabled is not forwarded when it is
///   enabled (IHI 0069, 4.7).
/// - `software_pending_while_active`: what GICD_ISPENDR made pending of a level-sensitive interrupt is
/// pending
///   still when it has been acknowledged (IHI 0048, 4.3.7).
/// - `resampled_spi_taken_twice`: the SPI of a resampling irqfd is taken once more when its handler ends it
///   without leaving the guest first.
/// @param gic of the machines, as MachineConfig::gic has it; one that the host's KVM can make
std::vector<std::string> probe_traits(const std::string& gic);

/// The names above, without asking the host.
inline constexpr std::array<std::string_view, 3> trait_names{
    "distributor_enable_unnoticed", "software_pending_while_active", "resampled_spi_taken_twice"};

}  // namespace irqbench::vmm::arm64
