#include "scenarios/engine/run.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/closed_world.hpp"
#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/kernel_path.hpp"
#include "scenarios/engine/parallel.hpp"
#include "scenarios/engine/state_files.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::scenarios {

namespace {

[[noreturn]] void too_long(const Scenario& scenario, const Step& step) {
    throw ScenarioError(ScenarioError::Kind::invalid, scenario.file.string(), step.line, step.pointer,
                        fmt::format("{}the run would take more than {} steps", step.within, max_steps));
}

class Unfolding {
  public:
    Unfolding(const Scenario& scenario, std::string_view placement)
        : scenario_(scenario), placement_(placement) {}

    void steps(const std::vector<Step>& list, std::uint32_t iteration, std::uint32_t iterations) {
        for (const Step& step : list) {
            if (step.block != nullptr && !is_parallel(step))
                block(step, iteration, iterations);
            else
                append(step, iteration, iterations);
        }
    }

    std::vector<Performed> take() { return std::move(performed_); }

  private:
    void append(const Step& step, std::uint32_t iteration, std::uint32_t iterations) {
        if (performed_.size() >= max_steps) too_long(scenario_, step);
        performed_.push_back({&step, iteration, iterations});
    }

    void block(const Step& step, std::uint32_t iteration, std::uint32_t iterations) {
        const Block& block = *step.block;
        if (block.kind == Block::Kind::only &&
            std::find(block.modes.begin(), block.modes.end(), placement_) == block.modes.end())
            return;
        const std::uint64_t times = block.kind == Block::Kind::repeat ? block.times : 1;
        if (times * iterations > max_steps || times > max_steps) too_long(scenario_, step);
        const auto inner = static_cast<std::uint32_t>(times);
        for (std::uint32_t i = 0; i < inner; ++i)
            for (const auto& [name, list] : block.threads)
                steps(list, iteration * inner + i, iterations * inner);
    }

    const Scenario& scenario_;
    std::string_view placement_;
    std::vector<Performed> performed_;
};

/// Only these are about what may still come; the others are about the step itself, which is over.
bool can_be_waited_for(const Expectation& expectation) {
    return !std::holds_alternative<expect::Quiet>(expectation) &&
           !std::holds_alternative<expect::CallResult>(expectation) &&
           !std::holds_alternative<expect::Value>(expectation) &&
           !std::holds_alternative<expect::GuestFault>(expectation);
}

class Player {
  public:
    Player(const Scenario& scenario, vmm::Machine& machine, vmm::Trace& trace, const RunOptions& options,
           const vmm::KernelEvents& kernel_events)
        : machine_(machine),
          trace_(trace),
          options_(options),
          kernel_events_(kernel_events),
          world_(trace.events(), scenario),
          placement_(options.config.placement) {
        if (const Architecture* architecture = find_architecture(scenario.arch))
            files_.emplace(*architecture, options.states);
    }

    /// @returns false if nothing after this step can be judged
    bool play(const Step& step) {
        const std::size_t begin = trace_.events().size();
        if (acts(step)) {
            catch_up();
            if (world_.leftover(false)) return false;
            world_.next_action();
            action_ = begin;
        }
        if (options_.migrate && !machine_.is_closed()) migrate();
        if (is_parallel(step)) {
            perform_parallel(*step.block, machine_, trace_, options_);
        } else {
            Stage stage{machine_, trace_, options_.config, &saved_, files_ ? &*files_ : nullptr};
            step.verb->perform(stage);
        }
        if (acts(step) && !machine_.settle()) return false;
        if (step.verb == nullptr) return true;
        for (const auto& expectation : step.verb->expects())
            if (!await(expectation) || contradicted(expectation, begin)) return false;
        return true;
    }

  private:
    /// Into the mode whose turn it is; in the same one where this state has no way there.
    void migrate() {
        if (options_.migrate_to.empty()) return machine_.restore(*machine_.save(), {});
        const std::string next =
            placement_ == options_.migrate_to ? options_.config.placement : options_.migrate_to;
        try {
            const auto state = machine_.save_portable();
            machine_.restore(*state, {{}, {}, next, {}});
            placement_ = next;
        } catch (const vmm::Unreachable&) {
            machine_.restore(*machine_.save(), {});
        }
    }

    void catch_up() { world_.catch_up(trace_.events().size()); }

    /// Whether the step observed another value. To go on would only wait for what such a machine never does.
    [[nodiscard]] bool contradicted(const Expectation& expectation, std::size_t begin) const {
        const auto* value = std::get_if<expect::Value>(&expectation);
        if (value == nullptr) return false;
        const auto seen = observation(trace_.events(), begin, trace_.events().size(), value->what);
        return seen && !fits(seen->value, *value);
    }

    [[nodiscard]] bool cancelled() const { return options_.cancel != nullptr && options_.cancel->load(); }

    bool await(const Expectation& expectation) {
        if (const auto* quiet = std::get_if<expect::Quiet>(&expectation)) {
            prove(*quiet);
            return true;
        }
        if (const auto* path = std::get_if<expect::Path>(&expectation)) return await_path(*path);
        if (!can_be_waited_for(expectation)) return true;
        Answer answer;
        const auto enough = [&] {
            if (answer.held || answer.hopeless) return true;
            catch_up();
            answer = world_.claim(expectation);
            return answer.held || answer.hopeless || cancelled();
        };
        const bool free = options_.config.run == vmm::RunMode::free;
        if (enough()) {
            // It has begun; the next step comes when its handler is over.
            if (free && answer.held) machine_.wait(enough);
            return answer.held;
        }
        // Stepped, all that can come without the passage of time has come already.
        const auto* acks = std::get_if<expect::Acks>(&expectation);
        if (free || (acks != nullptr && acks->may_take_time)) machine_.wait(enough);
        enough();
        return answer.held;
    }

    /// Free-running, a handler may still have to come to its EOI. @returns true: the judge says what is
    /// missing
    bool await_path(const expect::Path& path) {
        const bool free = options_.config.run == vmm::RunMode::free;
        if (!free || !kernel_events_.unavailable.empty() || unknown_to(kernel_events_, path)) return true;
        machine_.wait([&] {
            const auto& events = trace_.events();
            return !gap_in_path(path, events, action_, events.size()) || cancelled();
        });
        return true;
    }

    void prove(const expect::Quiet& quiet) {
        std::vector<std::uint32_t> vcpus = quiet.vcpus;
        if (vcpus.empty()) {
            vcpus.resize(options_.config.vcpu_ids.size());
            std::iota(vcpus.begin(), vcpus.end(), 0U);
        }
        machine_.prove_quiet(vcpus);
    }

    vmm::Machine& machine_;
    vmm::Trace& trace_;
    const RunOptions& options_;
    const vmm::KernelEvents& kernel_events_;
    ClosedWorld world_;
    SavedStates saved_;
    std::optional<StateFiles> files_;
    std::string placement_;   ///< where the machine is now
    std::size_t action_ = 0;  ///< where the events of the last step that acted begin
};

void record_trouble(vmm::Trace& trace, const std::string& report) {
    vmm::Event event;
    if (!trace.events().empty()) event.at = trace.events().back().at;
    event.what = vmm::event::Trouble{report, false};
    trace.add(std::move(event));
}

bool any_step(const std::vector<Step>& list, bool (*wanted)(const Step&)) {
    return std::any_of(list.begin(), list.end(), [wanted](const Step& step) {
        if (wanted(step)) return true;
        return step.block != nullptr &&
               std::any_of(step.block->threads.begin(), step.block->threads.end(),
                           [wanted](const auto& thread) { return any_step(thread.second, wanted); });
    });
}

}  // namespace

bool is_parallel(const Step& step) {
    return step.block != nullptr && step.block->kind == Block::Kind::parallel;
}

bool acts(const Step& step) { return step.verb == nullptr || step.verb->acts(); }

bool needs_kernel_trace(const Scenario& scenario) {
    return any_step(scenario.steps,
                    [](const Step& step) { return step.verb != nullptr && step.verb->facts().traces; });
}

std::unique_ptr<vmm::Machine> machine_for(const Scenario& scenario, const RunOptions& options,
                                          vmm::Trace& trace, const vmm::MovableMachine::Make& make) {
    if (options.migrate_to.empty() && moves_to(scenario).empty()) return make(options.config, trace);
    return std::make_unique<vmm::MovableMachine>(options.config, trace, make);
}

std::vector<std::string> moves_to(const Scenario& scenario) {
    std::vector<std::string> modes;
    const std::function<void(const std::vector<Step>&)> add = [&](const std::vector<Step>& list) {
        for (const Step& step : list) {
            if (step.verb != nullptr && !step.verb->facts().moves_to.empty())
                modes.push_back(step.verb->facts().moves_to);
            if (step.block == nullptr) continue;
            for (const auto& [name, inner] : step.block->threads) add(inner);
        }
    };
    add(scenario.setup);
    add(scenario.steps);
    return modes;
}

bool needs_free_run(const Scenario& scenario) {
    return scenario.free_only || any_step(scenario.setup, is_parallel) ||
           any_step(scenario.steps, is_parallel);
}

vmm::RunMode run_mode(const Scenario& scenario, std::optional<vmm::RunMode> asked) {
    return asked.value_or(needs_free_run(scenario) ? vmm::RunMode::free : vmm::RunMode::stepped);
}

std::vector<Performed> linearise(const Scenario& scenario, std::string_view placement) {
    Unfolding unfolding(scenario, placement);
    unfolding.steps(scenario.setup, 0, 1);
    unfolding.steps(scenario.steps, 0, 1);
    return unfolding.take();
}

Performance perform(const Scenario& scenario, vmm::Machine& machine, vmm::Trace& trace,
                    const RunOptions& options) {
    Performance performance;
    const auto plan = linearise(scenario, options.config.placement);
    performance.performed.reserve(plan.size());
    if (needs_kernel_trace(scenario)) performance.kernel_events = machine.kernel_events();
    Player player(scenario, machine, trace, options, performance.kernel_events);
    try {
        for (const Performed& next : plan) {
            if (performance.performed.size() >= options.most_steps) return performance;
            if (options.cancel != nullptr && options.cancel->load()) {
                performance.cancelled = true;
                return performance;
            }
            trace.begin_step(static_cast<std::uint32_t>(performance.performed.size()));
            performance.performed.push_back(next);
            if (!player.play(*next.step)) return performance;
        }
        machine.finish();
        performance.complete = true;
    } catch (const ScenarioError&) {
        throw;
    } catch (const std::exception& error) {
        record_trouble(trace, error.what());
    }
    return performance;
}

}  // namespace irqbench::scenarios
