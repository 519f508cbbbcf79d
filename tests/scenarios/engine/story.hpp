#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/engine/judge.hpp"

namespace irqbench::tests {

/// A verb made of what a test hands it.
class TestVerb final : public scenarios::Verb {
  public:
    using Act = std::function<void(scenarios::Stage&)>;

    TestVerb(bool acts, std::vector<scenarios::Expectation> expects, Act act = {}, bool is_timing = false)
        : acts_(acts), expects_(std::move(expects)), act_(std::move(act)), is_timing_(is_timing) {}

    std::string explain() const override { return "a test"; }
    void perform(scenarios::Stage& stage) const override {
        if (act_) act_(stage);
    }
    std::vector<scenarios::Expectation> expects() const override { return expects_; }
    bool acts() const override { return acts_; }
    bool is_timing() const override { return is_timing_; }
    scenarios::Facts facts() const override { return facts_; }
    /// What the agent of that vCPU executes.
    TestVerb on(std::uint32_t vcpu) && {
        facts_.runs_on = vcpu;
        return std::move(*this);
    }

  private:
    bool acts_;
    std::vector<scenarios::Expectation> expects_;
    Act act_;
    bool is_timing_;
    scenarios::Facts facts_;
};

inline scenarios::Step step_of(TestVerb verb, std::string text = {}) {
    scenarios::Step step;
    step.verb = std::make_shared<const TestVerb>(std::move(verb));
    step.text = std::move(text);
    return step;
}

inline scenarios::Step block_of(scenarios::Block block) {
    scenarios::Step step;
    step.block = std::make_shared<const scenarios::Block>(std::move(block));
    return step;
}

inline scenarios::expect::Ack ack(std::uint32_t id, std::uint32_t vcpu = 0) {
    scenarios::expect::Ack ack;
    ack.id = id;
    ack.vcpus = {vcpu};
    return ack;
}

inline scenarios::expect::Acks in_order(std::vector<scenarios::expect::Ack> items) {
    return {std::move(items), false, false, {}};
}

inline scenarios::expect::Acks any_order(std::vector<scenarios::expect::Ack> items) {
    return {std::move(items), true, false, {}};
}

inline vmm::Event event_of(decltype(vmm::Event::what) what, vmm::Lane lane = vmm::Lane::host,
                           std::optional<std::uint32_t> vcpu = {}) {
    vmm::Event event;
    event.what = std::move(what);
    event.lane = lane;
    event.vcpu = vcpu;
    return event;
}

inline vmm::Event taken(std::uint32_t vector, std::uint32_t vcpu = 0) {
    return event_of(vmm::event::Taken{vector, vmm::event::Kind::interrupt, 0, 0}, vmm::Lane::guest, vcpu);
}

/// A scenario together with what happened when it was played, told step by step. Every step and every event
/// is ten microseconds after the one before.
struct Story {
    scenarios::Scenario scenario;
    std::vector<vmm::Event> trace;
    bool complete = true;
    vmm::KernelEvents kernel_events;

    Story& act(std::vector<scenarios::Expectation> expects = {}, std::string text = "act") {
        return add(TestVerb(true, std::move(expects)), std::move(text));
    }
    Story& claim(scenarios::Expectation expectation, std::string text = "claim") {
        return add(TestVerb(false, {std::move(expectation)}), std::move(text));
    }
    Story& race() {
        scenarios::Block block;
        block.kind = scenarios::Block::Kind::parallel;
        scenario.steps.push_back(block_of(std::move(block)));
        return *this;
    }
    Story& happens(vmm::Event event) {
        event.step = static_cast<std::uint32_t>(scenario.steps.size() - 1);
        event.at = std::chrono::microseconds(10 * ++ticks_);
        trace.push_back(std::move(event));
        return *this;
    }
    Story& call(std::string name, vmm::Outcome outcome = {}) {
        return happens(event_of(vmm::event::Call{std::move(name), "10", 10, outcome}));
    }
    Story& takes(std::uint32_t vector, std::uint32_t vcpu = 0) { return happens(taken(vector, vcpu)); }
    Story& takes_nmi(std::uint32_t vcpu = 0) {
        return happens(event_of(vmm::event::Taken{2, vmm::event::Kind::nmi, 0, 0}, vmm::Lane::guest, vcpu));
    }
    Story& starts(std::uint32_t vcpu) {
        return happens(event_of(vmm::event::Started{}, vmm::Lane::guest, vcpu));
    }
    Story& proves_quiet(std::uint32_t vcpu = 0) {
        return happens(event_of(vmm::event::Quiet{true, {}, {}}, vmm::Lane::guest, vcpu));
    }
    Story& passes(std::chrono::microseconds time) {
        ticks_ += time.count() / 10;
        return *this;
    }

    [[nodiscard]] scenarios::Verdict judged() const {
        scenarios::Performance performance;
        performance.performed = scenarios::linearise(scenario, "kernel");
        performance.complete = complete;
        performance.kernel_events = kernel_events;
        return scenarios::judge(scenario, performance, trace);
    }

  private:
    Story& add(TestVerb verb, std::string text) {
        auto step = step_of(std::move(verb), std::move(text));
        step.number = static_cast<std::uint32_t>(scenario.steps.size() + 1);
        step.line = step.number + 10;
        scenario.steps.push_back(std::move(step));
        return *this;
    }

    std::int64_t ticks_ = 0;
};

inline bool passes(const Story& story) { return story.judged().kind == scenarios::Verdict::Kind::pass; }

/// `STEP: expected EXPECTED, came CAME`, or the verdict's word and reason where nothing failed.
inline std::string failure(const Story& story) {
    const scenarios::Verdict verdict = story.judged();
    if (verdict.kind != scenarios::Verdict::Kind::fail)
        return std::string(scenarios::word(verdict.kind)) + ": " + verdict.reason;
    return std::to_string(verdict.failure->step) + ": expected " + verdict.failure->expected + ", came " +
           verdict.failure->came;
}

}  // namespace irqbench::tests
