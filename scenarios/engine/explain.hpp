#pragma once

#include <string>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// The scenario in plain English: what it claims, the machine, then every step as a numbered sentence.
std::string explain(const Scenario& scenario);

}  // namespace irqbench::scenarios
