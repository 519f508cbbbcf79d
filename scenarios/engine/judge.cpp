#include "scenarios/engine/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "scenarios/engine/kernel_path.hpp"

namespace irqbench::scenarios {

namespace {

/// A range of the trace: the events of one step.
struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
};

int sign(int value) { return (value > 0) - (value < 0); }

/// The result of a call in the words of an expectation of it.
std::string outcome_text(const vmm::Outcome& outcome, const expect::CallResult& expected) {
    expect::CallResult came{outcome.error, std::nullopt, {}};
    if (outcome.ok() && expected.value_sign) came.value_sign = sign(outcome.value);
    return describe(Expectation{came});
}

bool agrees(const vmm::Outcome& outcome, const expect::CallResult& expected) {
    if (outcome.error != expected.error) return false;
    return expected.error != 0 || !expected.value_sign || sign(outcome.value) == sign(*expected.value_sign);
}

class Judge {
  public:
    Judge(const Scenario& scenario, const Performance& performance, const std::vector<vmm::Event>& trace)
        : scenario_(scenario), performance_(performance), trace_(trace), world_(trace, scenario) {}

    Verdict run() {
        const auto& performed = performance_.performed;
        for (std::size_t i = 0; i < performed.size(); ++i) {
            const Step& step = *performed[i].step;
            if (acts(step) && i != 0 && !close_action()) return verdict_;
            current_ = i;
            range_ = {range_.end, end_of_step(range_.end)};
            if (acts(step)) action_ = range_;
            if (!judge_step(step)) return verdict_;
        }
        if (!performed.empty() && !close_action()) return verdict_;
        if (!performance_.complete) return error("the run ended early");
        if (!judge_outcomes()) return verdict_;
        verdict_.histogram = world_.histogram();
        return verdict_;
    }

  private:
    [[nodiscard]] std::size_t end_of_step(std::size_t begin) const {
        std::size_t end = begin;
        while (end < trace_.size() && trace_[end].step <= current_) ++end;
        return end;
    }

    bool judge_step(const Step& step) {
        for (std::size_t i = range_.begin; i < range_.end; ++i)
            if (!goes_on(i)) return false;
        world_.catch_up(range_.end);
        const auto expectations = step.verb != nullptr ? step.verb->expects() : std::vector<Expectation>{};
        if (!judge_unasked(expectations)) return false;
        for (const auto& expectation : expectations)
            if (!hold(expectation)) return false;
        return true;
    }

    /// Calls and operations of which the step says nothing must go well.
    bool judge_unasked(const std::vector<Expectation>& expectations) {
        std::vector<std::string> asked;
        bool asked_of_all = false;
        bool asked_of_faults = false;
        for (const auto& expectation : expectations) {
            if (const auto* result = std::get_if<expect::CallResult>(&expectation)) {
                asked.push_back(result->call);
                asked_of_all = asked_of_all || result->call.empty();
            }
            asked_of_faults = asked_of_faults || std::holds_alternative<expect::GuestFault>(expectation);
        }
        if (!asked_of_all && !calls_agree({}, asked)) return false;
        return asked_of_faults || no_fault();
    }

    /// @returns false on what ends every run
    bool goes_on(std::size_t index) {
        const auto& event = trace_[index];
        if (const auto* trouble = std::get_if<vmm::event::Trouble>(&event.what)) {
            error(trouble->host_stalled ? "host stalled: " + trouble->report : trouble->report, index);
            return false;
        }
        if (const auto* fault = std::get_if<vmm::event::Fault>(&event.what)) {
            std::string text = "the guest faulted: " + vmm::describe(event);
            if (vmm::has_vector(*fault))
                text += fmt::format(
                    "; an interrupt with the vector {} looks the same where no 'handler' step declares it",
                    vmm::vector_text(fault->vector));
            error(std::move(text), index);
            return false;
        }
        return true;
    }

    bool hold(const Expectation& expectation) {
        if (const auto* result = std::get_if<expect::CallResult>(&expectation)) return calls_agree(*result);
        if (const auto* value = std::get_if<expect::Value>(&expectation)) return value_agrees(*value);
        if (const auto* fault = std::get_if<expect::GuestFault>(&expectation)) return faulted(*fault);
        if (const auto* quiet = std::get_if<expect::Quiet>(&expectation)) return was_quiet(*quiet);
        if (const auto* path = std::get_if<expect::Path>(&expectation)) return was_taken(*path);
        const Answer answer = world_.claim(expectation);
        if (!answer.held) return fail(answer.expected, answer.came, answer.event, "nobody claimed this");
        const auto* acks = std::get_if<expect::Acks>(&expectation);
        anything_taken_ =
            anything_taken_ || acks != nullptr || std::holds_alternative<expect::Storm>(expectation);
        return acks == nullptr || !acks->not_before_us || not_too_early(*acks, answer);
    }

    bool calls_agree(const expect::CallResult& expected, const std::vector<std::string>& exempt = {}) {
        bool any = false;
        for (std::size_t i = range_.begin; i < range_.end; ++i) {
            const auto* call = std::get_if<vmm::event::Call>(&trace_[i].what);
            if (call == nullptr || (!expected.call.empty() && call->name != expected.call)) continue;
            if (std::find(exempt.begin(), exempt.end(), call->name) != exempt.end()) continue;
            any = true;
            if (agrees(call->outcome, expected)) continue;
            return fail(describe(Expectation{expected}), outcome_text(call->outcome, expected), i,
                        "not the expected result");
        }
        const bool must_be_made = expected.error != 0 || expected.value_sign;
        return any || !must_be_made || fail(describe(Expectation{expected}), "no call", std::nullopt, "");
    }

    bool no_fault() {
        for (std::size_t i = range_.begin; i < range_.end; ++i) {
            const auto* done = std::get_if<vmm::event::OperationDone>(&trace_[i].what);
            if (done != nullptr && done->fault)
                return fail("success", vmm::exception_text(*done->fault), i, "unexpected exception");
        }
        return true;
    }

    bool faulted(const expect::GuestFault& expected) {
        std::optional<std::size_t> other;
        for (std::size_t i = range_.begin; i < range_.end; ++i) {
            const auto* done = std::get_if<vmm::event::OperationDone>(&trace_[i].what);
            if (done == nullptr || !done->fault) continue;
            if (*done->fault == expected.vector) return true;
            other = i;
        }
        std::string came = "success";
        if (other)
            came = vmm::exception_text(*std::get<vmm::event::OperationDone>(trace_[*other].what).fault);
        return fail(describe(Expectation{expected}), came, other, "another exception");
    }

    bool value_agrees(const expect::Value& expected) {
        const auto found = observation(trace_, range_.begin, range_.end, expected.what);
        if (!found) return fail(describe(Expectation{expected}), "no such value", std::nullopt, "");
        if (fits(found->value, expected)) return true;
        return fail(describe(Expectation{expected}), describe(expected, found->value), found->event,
                    "not the expected value");
    }

    bool was_quiet(const expect::Quiet& expected) {
        const std::string text = describe(Expectation{expected});
        if (const auto left = world_.leftover(true))
            return fail(text, left->came, left->event, "nobody claimed this");
        std::size_t proofs = 0;
        for (std::size_t i = range_.begin; i < range_.end; ++i) {
            const auto* quiet = std::get_if<vmm::event::Quiet>(&trace_[i].what);
            if (quiet == nullptr) continue;
            ++proofs;
            if (!quiet->proven) return unproven(text, vmm::describe(trace_[i]), i);
            if (quiet->above && (!expected.priority || *expected.priority <= *quiet->above))
                return unproven(text, "quiet proven only above " + vmm::above_text(*quiet), i);
        }
        if (proofs == 0) return unproven(text, "quiet not proven: nobody looked", std::nullopt);
        return true;
    }

    bool was_taken(const expect::Path& path) {
        const vmm::KernelEvents& kernel = performance_.kernel_events;
        std::optional<std::string> reason = unknown_to(kernel, path);
        if (!kernel.unavailable.empty()) reason = kernel.unavailable;
        if (reason) {
            add_unasserted(*reason);
            return true;
        }
        const auto gap = gap_in_path(path, trace_, action_.begin, range_.end);
        if (!gap) return true;
        for (std::size_t i = action_.begin; i < range_.end; ++i) {
            if (!std::holds_alternative<vmm::event::KernelLost>(trace_[i].what)) continue;
            error("the kernel's events were not all kept: the path cannot be judged", i);
            return false;
        }
        return fail(gap->expected, gap->came, std::nullopt, "");
    }

    void add_unasserted(const std::string& reason) {
        auto& lines = verdict_.unasserted;
        const std::uint32_t step = performance_.performed[current_].step->number;
        verdict_.unasserted_steps.insert(step);
        std::string line = fmt::format("path of step {}: {}", step, reason);
        if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
    }

    bool not_too_early(const expect::Acks& acks, const Answer& answer) {
        // The action was begun after the last event before it, so this cannot blame a timer that was on time.
        const auto begun = action_.begin == 0 ? std::chrono::nanoseconds{} : trace_[action_.begin - 1].at;
        if (!answer.event) return true;
        const auto passed = trace_[*answer.event].at - begun;
        if (passed >= std::chrono::microseconds(*acks.not_before_us)) return true;
        return fail(describe(Expectation{acks}), vmm::describe(trace_[*answer.event]) + ", too early",
                    answer.event, "too early");
    }

    /// The world is closed: what the action caused must have been claimed by now.
    bool close_action() {
        if (const auto left = world_.leftover(false))
            return fail("nothing more", left->came, left->event, "nobody claimed this");
        world_.next_action();
        return true;
    }

    bool judge_outcomes() {
        if (!scenario_.outcomes) return true;
        for (const auto& outcome : world_.histogram()) {
            const bool must_be_seen =
                outcome.kind == OutcomeCount::Kind::required ||
                (outcome.kind == OutcomeCount::Kind::allowed && scenario_.outcomes->all_allowed_seen);
            if (must_be_seen && outcome.count == 0)
                return fail(outcome.outcome + " at least once", "never", std::nullopt, "");
            anything_taken_ = anything_taken_ || outcome.count != 0;
        }
        // Without a positive control a machine that delivers nothing at all would pass.
        return anything_taken_ || fail("at least one of the outcomes", "nothing was taken", std::nullopt, "");
    }

    bool fail(const std::string& expected, const std::string& came, std::optional<std::size_t> event,
              const std::string& mark) {
        verdict_.kind = Verdict::Kind::fail;
        verdict_.failure = locate(expected, came, event, mark);
        verdict_.reason = fmt::format("{}expected {}, came {}", place(), expected, came);
        verdict_.histogram = world_.histogram();
        return false;
    }

    bool unproven(const std::string& expected, const std::string& came, std::optional<std::size_t> event) {
        fail(expected, came, event, "proves nothing");
        verdict_.kind = Verdict::Kind::error;
        verdict_.invalid = true;
        verdict_.reason = fmt::format("invalid scenario: {}{}", place(), came);
        return false;
    }

    Verdict error(const std::string& reason, std::optional<std::size_t> event = std::nullopt) {
        verdict_.kind = Verdict::Kind::error;
        verdict_.reason = reason;
        if (!performance_.performed.empty()) {
            verdict_.failure = locate("", "", event, event ? "the run ended here" : "");
            verdict_.reason = place() + reason;
        }
        return verdict_;
    }

    /// Of the step that is judged. What a group does is at the line where the group is done.
    [[nodiscard]] std::string place() const {
        const Step& step = *performance_.performed[current_].step;
        return fmt::format("step {}, line {}: {}", step.number, step.line, step.within);
    }

    [[nodiscard]] Failure locate(const std::string& expected, const std::string& came,
                                 std::optional<std::size_t> event, const std::string& mark) const {
        const Performed& performed = performance_.performed[current_];
        Failure failure;
        failure.step = performed.step->number;
        failure.line = performed.step->line;
        failure.iteration = performed.iteration;
        failure.iterations = performed.iterations;
        failure.text = performed.step->within + performed.step->text;
        failure.expected = expected;
        failure.came = came;
        failure.mark = mark;
        failure.event = event;
        failure.end = std::max(range_.end, event ? *event + 1 : 0);
        if (event) failure.since = since_action(*event);
        return failure;
    }

    /// How long after the action's call something came, for the reader's eyes only.
    [[nodiscard]] std::string since_action(std::size_t event) const {
        for (std::size_t i = action_.begin; i < event; ++i) {
            if (!std::holds_alternative<vmm::event::Call>(trace_[i].what)) continue;
            const auto passed =
                std::chrono::duration_cast<std::chrono::microseconds>(trace_[event].at - trace_[i].at);
            return fmt::format("{} us after {}", passed.count(), vmm::describe(trace_[i]));
        }
        return {};
    }

    const Scenario& scenario_;
    const Performance& performance_;
    const std::vector<vmm::Event>& trace_;
    ClosedWorld world_;
    bool anything_taken_ = false;  ///< an interrupt was claimed by a step or counted as an outcome
    std::size_t current_ = 0;      ///< index of the last step judged: it is blamed
    Range range_;                  ///< events of the current step
    Range action_;                 ///< events of the last step that acted
    Verdict verdict_;
};

}  // namespace

std::optional<Observation> observation(const std::vector<vmm::Event>& trace, std::size_t begin,
                                       std::size_t end, const std::string& what) {
    for (std::size_t i = begin; i < end; ++i) {
        if (const auto* seen = std::get_if<vmm::event::Observed>(&trace[i].what))
            if (seen->what == what) return Observation{i, seen->value};
        if (const auto* done = std::get_if<vmm::event::OperationDone>(&trace[i].what))
            if (done->text == what && !done->fault) return Observation{i, done->value};
    }
    return std::nullopt;
}

bool fits(std::uint64_t value, const expect::Value& expected) {
    return (value & expected.mask) == (expected.value & expected.mask);
}

Verdict judge(const Scenario& scenario, const Performance& performance,
              const std::vector<vmm::Event>& trace) {
    return Judge(scenario, performance, trace).run();
}

}  // namespace irqbench::scenarios
