#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/engine/scenario.hpp"
#include "vmm/movable_machine.hpp"

namespace irqbench::scenarios {

/// One step as it was done: its index in the list is Event::step.
struct Performed {
    const Step* step = nullptr;
    std::uint32_t iteration = 0;  ///< which repeat of its block, from 0
    std::uint32_t iterations = 1;
};

struct RunOptions {
    vmm::MachineConfig config;                  ///< what the machine was built from
    const std::atomic<bool>* cancel = nullptr;  ///< ends the run between two steps when it becomes true
    std::size_t most_steps = max_steps;         ///< ends the run after so many
    bool migrate = false;                       ///< into a new machine before every step
    std::string migrate_to;                     ///< that in this irqchip mode and that of `config` in turns
    std::filesystem::path states;               ///< where `save` writes files; if empty, nowhere that lasts
};

/// What was done. The steps belong to the Scenario, which must outlive this.
struct Performance {
    std::vector<Performed> performed;
    bool complete = false;  ///< false: ended at a step that could not hold, by the machine, or cancelled
    bool cancelled = false;
    vmm::KernelEvents kernel_events = {"the kernel was not traced", {}};  ///< what a path can be found among
};

/// A parallel block is one step of the run; every other block is unfolded into its steps.
[[nodiscard]] bool is_parallel(const Step& step);

/// A stimulus, as opposed to an assertion: what follows it until the next one claims what it caused.
[[nodiscard]] bool acts(const Step& step);

/// The run's way where neither the file nor the command line asks for another.
[[nodiscard]] bool needs_free_run(const Scenario& scenario);

/// Whether it asks for the way of an interrupt through the kernel: its machine is to be traced.
[[nodiscard]] bool needs_kernel_trace(const Scenario& scenario);

/// The irqchip modes, beside the one it begins in, that steps of it move to.
[[nodiscard]] std::vector<std::string> moves_to(const Scenario& scenario);

/// How a run of it goes: as asked, or else as the file needs.
vmm::RunMode run_mode(const Scenario& scenario, std::optional<vmm::RunMode> asked);

/// The machine of such a run: one that goes on in any irqchip mode where a step or the run moves it.
/// @param make makes a machine of one irqchip mode
[[nodiscard]] std::unique_ptr<vmm::Machine> machine_for(const Scenario& scenario, const RunOptions& options,
                                                        vmm::Trace& trace,
                                                        const vmm::MovableMachine::Make& make);

/// The steps in the order in which they are done: blocks of other modes left out, repeats unfolded.
/// @throws ScenarioError (invalid) beyond max_steps
[[nodiscard]] std::vector<Performed> linearise(const Scenario& scenario, std::string_view placement);

/// Plays the scenario into the machine and leaves what happened in the trace, which is judged afterwards.
/// Here expectations only say what to wait for; a step whose expectation did not come is the last one done.
/// Whatever the machine throws becomes event::Trouble.
/// @throws ScenarioError (invalid) for a scenario that cannot be played at all
Performance perform(const Scenario& scenario, vmm::Machine& machine, vmm::Trace& trace,
                    const RunOptions& options);

}  // namespace irqbench::scenarios
