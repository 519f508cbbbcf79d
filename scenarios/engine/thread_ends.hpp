#pragma once

#include <string>
#include <string_view>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// Why the threads of a `parallel` block would never all end in an irqchip mode: a loop ends with the thread
/// it is until, which may itself wait for another one's end.
/// @returns empty if they all end
[[nodiscard]] std::string why_it_never_ends(const Block& parallel, std::string_view mode);

/// Why a loop in the thread of that name would make no sense in an irqchip mode; empty if it does.
[[nodiscard]] std::string why_no_loop(const Block& loop, const Block& parallel, const std::string& thread,
                                      std::string_view mode);

}  // namespace irqbench::scenarios
