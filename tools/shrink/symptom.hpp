#pragma once

#include <string>
#include <vector>

#include "scenarios/engine/run.hpp"
#include "scenarios/engine/verdict.hpp"

namespace irqbench::tools::shrinking {

/// How a run went wrong, in words that are the same for a smaller file that goes wrong in the same way; empty
/// if it did not. They have the verdict, the verb of the step that failed, what was expected and what came
/// (interrupts by their numbers, calls by name and errno, fields by value), but neither the places of steps
/// and vCPUs nor how often. Where nothing came they also have what the action before did: to expect
/// something without a cause is no failure worth keeping.
std::string symptom_of(const scenarios::Verdict& verdict, const scenarios::Performance& performance,
                       const std::vector<vmm::Event>& trace);

/// Whether it says that something did not come. Files that have no cause for it show the same.
bool is_absence(const std::string& symptom);

}  // namespace irqbench::tools::shrinking
