#pragma once

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// Blocks done fewer times than this are for completeness, not for luck: they are never scaled.
inline constexpr std::uint64_t least_scaled_times = 100;
/// What scaling leaves of a block at least.
inline constexpr std::uint64_t least_times = 10;

/// The scenario with the `times` of its `repeat` and `parallel` blocks multiplied, for a shorter or a more
/// thorough run. A block keeps its own when that is below least_scaled_times, or when a step outside of it
/// claims several of something at once (`times`, `count`), which the block may have to add up to.
/// @param factor above 0
Scenario scale_repeats(Scenario scenario, double factor);

}  // namespace irqbench::scenarios
