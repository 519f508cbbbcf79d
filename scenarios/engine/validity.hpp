#pragma once

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// What a well-formed file must satisfy to mean something: names and vCPUs that exist, steps that can be
/// reached, assertions that something could have caused, a positive control for every negative.
/// @param root the file, for the places of messages
/// @throws ScenarioError (invalid)
void check_validity(const Scenario& scenario, const Architecture& architecture, const Cursor& root);

}  // namespace irqbench::scenarios
