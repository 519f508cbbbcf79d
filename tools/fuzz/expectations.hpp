#pragma once

#include "tools/fuzz/player.hpp"

namespace irqbench::tools::fuzz {

/// The steps of a case with what the reference did after each: `ack`, `arrives` after a timer, `started`,
/// `storm`, `resampled`, `doorbell`, and the values read and exceptions raised. A file that would claim
/// nothing begins with an interrupt that every machine delivers.
/// @param leeway of what any one of several vCPUs took the file says that any of them may
Case with_expectations(const Case& each, const Play& reference, const scenarios::Leeway& leeway = {});

}  // namespace irqbench::tools::fuzz
