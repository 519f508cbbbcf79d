#pragma once

#include "scenarios/verbs/arm64/state_fields.hpp"
#include "scenarios/verbs/common/state_check.hpp"

namespace irqbench::scenarios::verbs::arm64 {

/// What no machine that was saved can have been, beyond what the fields' ranges and the names of registers
/// say: a file that was written by hand, or damaged.
/// @throws ScenarioError (malformed) with the place
void check_state(const state_file::arm64::StateDocument& document, state_file::AnyStateChecker& checker);

}  // namespace irqbench::scenarios::verbs::arm64
