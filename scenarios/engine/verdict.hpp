#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/engine/closed_world.hpp"
#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// The first thing in a run that was not as the file says.
struct Failure {
    std::uint32_t step = 0;  ///< number of the step in the file
    std::uint32_t line = 0;
    std::uint32_t iteration = 0;
    std::uint32_t iterations = 1;
    std::string text;  ///< the step as it stands in the file
    std::string expected;
    std::string came;                  ///< without times or addresses, so that `known` can name it
    std::string since;                 ///< `41 us after unmask 10`, empty if nothing came
    std::string remark;                ///< what else is known of it; empty: nothing
    std::string mark;                  ///< what the timeline says beside the event
    std::optional<std::size_t> event;  ///< index in the trace of what came
    std::size_t end = 0;               ///< events of the trace up to and including the failing step
};

struct Verdict {
    enum class Kind { pass, fail, skip, known, error };
    Kind kind = Kind::pass;
    bool invalid = false;  ///< with `error`: the scenario cannot mean anything here
    std::string reason;    ///< one line; empty for pass
    std::optional<Failure> failure;
    std::vector<OutcomeCount> histogram;
    /// Assertions that could not be made here, though the rest of the file was judged: each once, with the
    /// reason.
    std::vector<std::string> unasserted;
    std::set<std::uint32_t> unasserted_steps;  ///< the numbers of the steps they are of
};

/// `pass`, `fail`, `skip`, `known`, `error`: the words of every report.
std::string_view word(Verdict::Kind kind);

/// Whether this host can run the scenarios of an architecture in an irqchip mode, whatever else they require.
bool runs_architecture(std::string_view arch, std::string_view placement, const vmm::Host& host);

/// Why a run of this scenario makes no sense here, or nothing. `run` is empty when the file may choose.
std::optional<std::string> skip_reason(const Scenario& scenario, std::string_view placement,
                                       const vmm::Host& host, std::optional<vmm::RunMode> run);

/// The machine that the file gets where it is to be in each of these irqchip modes, with what it leaves to
/// the run.
vmm::MachineConfig settled(const Scenario& scenario, std::span<const std::string> placements,
                           const vmm::Host& host);

/// Why no machine of this scenario can be in each of these irqchip modes, all of which it can run in, or
/// nothing.
std::optional<std::string> apart_reason(const Scenario& scenario, std::span<const std::string> placements,
                                        const vmm::Host& host);

/// Why a run of this scenario in that mode cannot go on in another one and be judged as if it had not, or
/// nothing.
std::optional<std::string> unmoved_reason(const Scenario& scenario, std::string_view placement,
                                          std::string_view to, const vmm::Host& host,
                                          std::optional<vmm::RunMode> asked);

/// Why a run of this scenario cannot be migrated at every step in that mode, or nothing.
std::optional<std::string> unmigrated_reason(const Scenario& scenario, std::string_view placement,
                                             const vmm::Host& host);

/// A failure that a `known` divergence names in every word becomes `known`; a pass although a divergence
/// should always have shown becomes `fail`, because the file's knowledge is out of date. A failure on a
/// kernel that lacks the fix of `fixed_in` becomes `known` too; on one that has it, the failure's remark says
/// so.
Verdict apply_known(Verdict verdict, const Scenario& scenario, std::string_view placement, vmm::RunMode run,
                    const vmm::Host& host);

}  // namespace irqbench::scenarios
