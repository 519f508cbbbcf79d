#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/engine/expectation.hpp"
#include "scenarios/engine/facts.hpp"
#include "vmm/machine.hpp"

namespace irqbench::scenarios {

/// A file that cannot be used. `malformed` input (syntax, unknown key, type, range) and `invalid` scenarios
/// (well formed, but they cannot mean anything) are different exit statuses.
class ScenarioError : public std::runtime_error {
  public:
    enum class Kind { malformed, invalid };

    /// what() is `FILE:LINE: POINTER: REASON`.
    ScenarioError(Kind kind, std::string file, std::uint32_t line, std::string pointer, std::string reason);

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] std::uint32_t line() const { return line_; }
    [[nodiscard]] const std::string& pointer() const { return pointer_; }
    [[nodiscard]] const std::string& reason() const { return reason_; }

  private:
    Kind kind_;
    std::string file_;
    std::uint32_t line_;
    std::string pointer_;
    std::string reason_;
};

/// States of a run's machine, by the names that its steps gave them.
using SavedStates = std::map<std::string, std::shared_ptr<const vmm::MachineState>, std::less<>>;

class StateFiles;

/// What a verb may use while it acts.
struct Stage {
    vmm::Machine& machine;
    vmm::Trace& trace;
    const vmm::MachineConfig& config;
    SavedStates* saved = nullptr;  ///< by name; null where nothing can be saved
    StateFiles* files = nullptr;   ///< null outside of a run
};

/// What a step does: the value behind a scenario's verb. Immutable and shared; acting changes the machine
/// only.
class Verb {
  public:
    virtual ~Verb() = default;

    /// One sentence in plain English for `irqbench explain`.
    [[nodiscard]] virtual std::string explain() const = 0;
    /// Acts on the machine. The engine then lets it settle.
    virtual void perform(Stage& stage) const = 0;
    /// What this step expects; an assertion only expects, a stimulus expects its calls' results.
    [[nodiscard]] virtual std::vector<Expectation> expects() const { return {}; }
    /// False for pure assertions: they do not move the machine, so it need not settle after them, and what
    /// they claim was caused by the action before.
    [[nodiscard]] virtual bool acts() const { return true; }
    /// Depends on real time: the file is exempt from passing both stepped and free-running.
    [[nodiscard]] virtual bool is_timing() const { return false; }
    /// What the validity checks need to know of it.
    [[nodiscard]] virtual Facts facts() const { return {}; }
    /// Why it means nothing on such a machine, and what to do about it; empty if it does.
    [[nodiscard]] virtual std::string unfit_for(const vmm::MachineConfig&) const { return {}; }
};

struct Step;

/// Steps that are done only in some irqchip modes; or several times; or at the same time on several host
/// threads.
struct Block {
    enum class Kind { only, repeat, parallel, loop };
    Kind kind = Kind::only;
    std::vector<std::string> modes;  ///< only: done in these
    std::string because;             ///< only: why
    std::uint64_t times = 1;         ///< repeat, parallel: iterations of each thread
    std::string until;               ///< loop: repeats until the named thread has ended
    std::vector<std::pair<std::string, std::vector<Step>>> threads;  ///< parallel: named; else one, unnamed
};

/// One step of a file: a verb, or a block of steps.
struct Step {
    std::shared_ptr<const Verb> verb;  ///< null for a block
    std::shared_ptr<const Block> block;
    std::uint32_t number = 0;  ///< counts from 1 through the file, set-up included
    std::uint32_t line = 0;
    std::string pointer;
    std::string text;    ///< the step as it stands in the file, on one line
    std::string within;  ///< of a step of a group, see Whereabouts; line and pointer are where that is done
};

/// A divergence of a host or mode that is known: what happens instead of what a step expects.
struct Known {
    std::vector<std::string> modes;   ///< irqchip modes it concerns; empty: all
    std::string trait;                ///< trait of the host (vmm::Host::traits) it depends on
    std::optional<vmm::RunMode> run;  ///< the way of running it concerns; none: both
    std::string because;
    std::uint32_t step = 0;  ///< number of the step that fails
    std::string came;        ///< what comes instead, in the words of the report
    bool always = true;      ///< a run that passes shows that the divergence is gone
    std::string pointer;
    std::uint32_t line = 0;
};

/// Since when Linux passes: before, it had a bug.
struct FixedIn {
    vmm::KernelVersion mainline;             ///< has the fix, and so have all that are newer
    std::vector<vmm::KernelVersion> stable;  ///< the first with the fix of their series, at most one each
    std::vector<std::string> modes;          ///< irqchip modes it concerns; empty: all
};

/// Requirements beyond the irqchip mode.
struct Requires {
    std::vector<std::string> capabilities;   ///< lower-case KVM capability names
    std::string kernel;                      ///< oldest release, `6.1`
    std::vector<std::string> traits_absent;  ///< traits of a host on which the file cannot be judged at all
    std::vector<std::string> modes;          ///< irqchip modes these two concern; empty: all
    std::string because;                     ///< for traits_absent
};

/// For files whose claim is a set of outcomes: takes that no ack claimed are counted here.
struct Outcomes {
    std::vector<expect::Ack> allowed;
    std::vector<expect::Ack> forbidden;
    std::vector<expect::Ack> required;
    bool all_allowed_seen = false;  ///< fail when an allowed outcome was never seen
};

/// That a run may perform, repeats included: a million flips of a route, with the signals that meet them.
inline constexpr std::uint64_t max_steps = 2'000'000;

/// One file, loaded. Plain data.
struct Scenario {
    std::filesystem::path file;
    std::string name;
    std::string arch;
    std::string description;
    std::string source;
    std::vector<std::string> reference;
    std::vector<std::string> tags;
    vmm::MachineConfig config;  ///< placement is filled in by the run
    bool free_only = false;     ///< `"run": "free"`
    bool stepped_only = false;  ///< `"run": "stepped"`
    std::vector<std::string> modes_only;
    std::vector<std::string> modes_not;
    std::string modes_because;
    std::vector<std::string> migration_not;     ///< modes in which it is not migrated at every step
    std::string migration_trait;                ///< only on a host with this; empty: on all
    std::optional<FixedIn> migration_fixed_in;  ///< only on a Linux without this
    std::string migration_because;
    Requires requires_;
    std::optional<FixedIn> fixed_in;
    std::vector<Known> known;
    std::vector<Step> setup;
    std::vector<Step> steps;
    std::optional<Outcomes> outcomes;
};

}  // namespace irqbench::scenarios
