#pragma once

#include <cstdint>
#include <optional>

namespace irqbench::vmm::arm64 {

/// The vGIC, and our models, have five bits of priority: steps of 8, of which the last masks itself.
inline constexpr std::uint32_t lowest_priority = 0xf8;

/// A priority of the GIC as Placement::running_priority() has it: the more urgent, the greater, in steps that
/// the judge takes for classes; 0 where it holds nothing back.
constexpr std::uint32_t urgency(std::uint32_t priority) {
    return priority >= lowest_priority ? 0 : (0x20 - priority / 8) << 4;
}

/// The least urgent priority that is taken while `limit`, an urgency, holds others back; nothing where none
/// is.
constexpr std::optional<std::uint32_t> priority_beyond(std::uint32_t limit) {
    const std::uint32_t held_back = limit == 0 ? lowest_priority : (0x20 - (limit >> 4)) * 8;
    return held_back < 8 ? std::nullopt : std::optional(held_back - 8);
}

}  // namespace irqbench::vmm::arm64
