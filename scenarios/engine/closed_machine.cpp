#include "scenarios/engine/closed_machine.hpp"

#include <algorithm>

namespace irqbench::scenarios {

namespace {

bool restores(const Facts& facts) { return !facts.restores.empty() || !facts.restores_file.empty(); }

/// Not to restore another one, nor to claim what came before it was closed.
bool needs_machine(const Step& step, const Facts& facts) {
    const bool heard =
        facts.claims || facts.started || facts.traces || !facts.resampler.empty() || !facts.ioeventfd.empty();
    return !restores(facts) && (step.verb->acts() || !heard);
}

}  // namespace

std::string ClosedMachine::follow(const Step& step, const Facts& facts, const Modes& modes,
                                  bool in_parallel) {
    if (facts.closes_machine || (!in_parallel && needs_machine(step, facts)))
        if (std::string reason = why_not_in(modes); !reason.empty()) return reason;
    if (facts.closes_machine) closed_.insert(modes.begin(), modes.end());
    if (restores(facts))
        for (const std::string& mode : modes) closed_.erase(mode);
    return "";
}

std::string ClosedMachine::why_not_in(const Modes& modes) const {
    const auto closed = std::find_if(modes.begin(), modes.end(),
                                     [this](const std::string& mode) { return closed_.contains(mode); });
    if (closed == modes.end()) return "";
    const bool in_all = std::all_of(modes.begin(), modes.end(),
                                    [this](const std::string& mode) { return closed_.contains(mode); });
    return "the virtual machine is closed" + (in_all ? "" : " in " + *closed + " mode") +
           ": only 'restore' makes a new one";
}

}  // namespace irqbench::scenarios
