#pragma once

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

inline constexpr std::size_t max_blocks = 4;  ///< blocks inside blocks

/// An array of steps.
struct Steps {
    std::vector<Step> list;
};

template <>
struct Form<Steps> {
    static Steps read(const Cursor& at, Limits limits);
    /// A reference to a definition that steps_definitions() makes.
    static Json schema(Limits limits);
};

/// How often the steps are executed in all: a `loop` counts once, since it ends with another thread.
std::uint64_t executed(const std::vector<Step>& steps);

/// The names of the blocks, which are no verbs but stand where verbs do.
std::span<const std::string_view> block_names();

/// The argument of a block, as a schema.
Json block_schema(std::string_view name);

}  // namespace irqbench::scenarios
