#pragma once

#include <cstdint>

namespace irqbench::vmm::arm64 {

/// The vGIC, and our models, have five bits of priority: steps of 8, of which the last masks itself.
inline constexpr std::uint32_t lowest_priority = 0xf8;

/// A priority of the GIC as Placement::running_priority() has it: the more urgent, the greater, in steps that
/// the judge takes for classes; 0 where it holds nothing back.
constexpr std::uint32_t urgency(std::uint32_t priority) {
    return priority >= lowest_priority ? 0 : (0x20 - priority / 8) << 4;
}

}  // namespace irqbench::vmm::arm64
