#pragma once

#include "scenarios/engine/run.hpp"
#include "scenarios/engine/verdict.hpp"

namespace irqbench::scenarios {

/// Holds what the file expects against what happened. A pure function of its arguments.
///
/// An action and the assertions after it belong together: those claim what it caused, and what is left when
/// the next action begins, or at the end, fails as "nobody claimed this". Trouble and guest faults are errors
/// of the bench or the host, not failures; a `quiet` that could not be proven makes the scenario invalid. The
/// first thing that is not as it should be decides.
Verdict judge(const Scenario& scenario, const Performance& performance, const std::vector<vmm::Event>& trace);

/// A value that a step observed, by the host or by the guest's operation of that name.
struct Observation {
    std::size_t event = 0;  ///< index in the trace
    std::uint64_t value = 0;
};

/// The first such value among the events from `begin` to before `end`.
std::optional<Observation> observation(const std::vector<vmm::Event>& trace, std::size_t begin,
                                       std::size_t end, const std::string& what);

/// Whether it is the one expected, under the mask.
bool fits(std::uint64_t value, const expect::Value& expected);

}  // namespace irqbench::scenarios
