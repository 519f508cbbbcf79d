#pragma once

#include "tools/fuzz/player.hpp"

namespace irqbench::tools::fuzz {

/// The steps of a case with what the reference did after each: `ack`, `resampled`, and the values read. A
/// file that would claim nothing begins with an interrupt that every machine delivers.
Case with_expectations(const Case& each, const Play& reference);

}  // namespace irqbench::tools::fuzz
