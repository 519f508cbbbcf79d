#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "scenarios/engine/compare.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tools/fuzz/case.hpp"

namespace irqbench::tools::fuzz {

/// What machines are made of; see Surroundings.
using MakeMachine = std::function<std::unique_ptr<vmm::Machine>(const vmm::MachineConfig&, vmm::Trace&)>;

/// What the stimuli of a case came to in one irqchip mode.
struct Play {
    scenarios::Performance performance;
    std::vector<vmm::Event> trace;
};

/// A case that both modes have played.
struct Pair {
    std::shared_ptr<const scenarios::Scenario> scenario;  ///< the steps that the plays point to
    Case each;
    Play reference;
    Play other;
    scenarios::Leeway leeway;  ///< what the two modes may do differently
    std::optional<scenarios::Divergence> divergence;
    std::string trouble;  ///< why the reference broke in the middle: what is left of the case ends before
};

/// Plays cases, stepped, in the first mode and in another.
class Player {
  public:
    Player(MakeMachine make_machine, std::string reference)
        : make_machine_(std::move(make_machine)), reference_(std::move(reference)) {}

    /// Plays the stimuli in the reference, and leaves out what has no meaning there: leaving a handler where
    /// none stays, operations of a halted vCPU. It ends with a step that faults or storms, and before one in
    /// which the machine breaks.
    [[nodiscard]] Pair begin(const Case& each) const;

    /// Plays it in the other mode too, and compares.
    void compare(Pair& pair, const std::string& mode) const;

    /// Runs a scenario with its expectations, as `irqbench run` does.
    [[nodiscard]] scenarios::Verdict run(const scenarios::Scenario& scenario, const std::string& mode) const;

    [[nodiscard]] const std::string& reference() const { return reference_; }

  private:
    MakeMachine make_machine_;
    std::string reference_;
};

/// In one line what happened there, `nothing more` if nothing did.
std::string what_came(const Play& play, const std::optional<std::size_t>& event);

/// Differences that look alike: after which verb what came in each mode, without numbers.
std::string kind_of(const Pair& pair);

}  // namespace irqbench::tools::fuzz
