#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>

namespace irqbench::vmm::arm64 {

/// The vGIC, and our models, have five bits of priority: steps of 8, of which the last masks itself.
inline constexpr std::uint32_t lowest_priority = 0xf8;

/// A priority of the GIC as Placement::running_priority() has it: the more urgent, the greater; 0 where it
/// holds nothing back.
constexpr std::uint32_t urgency(std::uint32_t priority) {
    return priority >= lowest_priority ? 0 : 0x20 - priority / 8;
}

/// The greatest priority that such an urgency is of.
constexpr std::uint32_t priority_of(std::uint32_t urgency) { return (0x20 - urgency) * 8; }

/// `priority 0x80`: see Placement::priority_in_words().
inline std::string priority_in_words(std::uint32_t urgency) {
    return fmt::format("priority {:#04x}", priority_of(urgency));
}

/// The least urgent priority that is taken while `limit`, an urgency, holds others back; nothing where none
/// is.
constexpr std::optional<std::uint32_t> priority_beyond(std::uint32_t limit) {
    const std::uint32_t held_back = limit == 0 ? lowest_priority : priority_of(limit);
    return held_back < 8 ? std::nullopt : std::optional(held_back - 8);
}

}  // namespace irqbench::vmm::arm64
