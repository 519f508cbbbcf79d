#pragma once

#include "scenarios/verbs/x86/state_fields.hpp"

namespace irqbench::scenarios::verbs::x86 {

/// What no machine that was saved can have been, beyond what the fields' ranges say: a file that was written
/// by hand, or damaged.
/// @param root the file that the document was read from
/// @throws ScenarioError (malformed) with the place
void check_state(const state_file::x86::StateDocument& document, const Cursor& root);

}  // namespace irqbench::scenarios::verbs::x86
