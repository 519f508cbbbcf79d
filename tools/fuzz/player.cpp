#include "tools/fuzz/player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "scenarios/engine/judge.hpp"
#include "tools/fuzz/architecture.hpp"

namespace irqbench::tools::fuzz {

namespace {

namespace event = vmm::event;
using scenarios::Step;

vmm::MachineConfig config_of(const scenarios::Scenario& scenario, const std::string& mode) {
    vmm::MachineConfig config = scenario.config;
    config.placement = mode;
    config.run = vmm::RunMode::stepped;
    // Many cases storm: they are to end soon.
    config.storm_budget = 100;
    return config;
}

/// Where each vCPU rests.
class Rests {
  public:
    void catch_up(const std::vector<vmm::Event>& events) {
        for (; next_ < events.size(); ++next_)
            if (const auto* rest = std::get_if<event::Rest>(&events[next_].what))
                last_[events[next_].vcpu.value_or(0)] = *rest;
    }
    /// Whether a step means something to the machine now.
    [[nodiscard]] bool can_take(const scenarios::Facts& facts) const {
        if (!facts.runs_on) return true;
        const auto found = last_.find(*facts.runs_on);
        if (found == last_.end()) return !facts.returns;
        const event::Rest& rest = found->second;
        const bool runs = rest.state == event::RestState::idle || rest.state == event::RestState::in_handler;
        return runs && (!facts.returns || rest.state == event::RestState::in_handler);
    }

  private:
    std::size_t next_ = 0;
    std::map<std::uint32_t, event::Rest> last_;
};

bool ends_run(const vmm::Event& each) {
    return std::holds_alternative<event::Trouble>(each.what) ||
           std::holds_alternative<event::Fault>(each.what) || std::holds_alternative<event::Storm>(each.what);
}

/// When an operation ends, whose effect is taken before the agent has marked its end, is an affair of the
/// agent and of how the CPU is emulated: an STI that lets in an interrupt may end before or behind its
/// handler. What an operation reads, and that it faults, counts.
std::vector<vmm::Event> without_bookkeeping(std::vector<vmm::Event> trace) {
    const auto is_mark = [](const vmm::Event& each) {
        const auto* done = std::get_if<event::OperationDone>(&each.what);
        return done != nullptr && !done->fault;
    };
    trace.erase(std::remove_if(trace.begin(), trace.end(), is_mark), trace.end());
    return trace;
}

bool is_of_kvm(const std::string& mode) { return mode == "kernel" || mode == "split"; }

/// Where KVM chooses by rules of its own, one of the set is as good as another; and its timers run on real
/// time.
scenarios::Leeway leeway_of(const Case& each, const std::string& reference, const std::string& mode) {
    scenarios::Leeway leeway;
    leeway.virtual_time = !is_of_kvm(reference) && !is_of_kvm(mode);
    if (leeway.virtual_time) return leeway;
    leeway.one_of = each.architecture->one_of(each);
    return leeway;
}

bool is_taken(const vmm::Event& each) { return std::holds_alternative<event::Taken>(each.what); }

/// Lets timers expire until the guest has taken one of them, or some have come to nothing.
void pass_time(vmm::Machine& machine, const vmm::Trace& trace) {
    constexpr int most_deadlines = 3;
    const std::size_t begin = trace.events().size();
    int looked = 0;
    machine.wait([&] {
        const auto& events = trace.events();
        const bool taken =
            std::any_of(events.begin() + static_cast<std::ptrdiff_t>(begin), events.end(), is_taken);
        return taken || looked++ == most_deadlines;
    });
}

/// Steps that let time pass, and nothing was taken: a file could not say how long.
std::set<std::uint32_t> idle_timers(const Play& play) {
    std::set<std::uint32_t> idle;
    const auto& performed = play.performance.performed;
    for (std::uint32_t i = 0; i < performed.size(); ++i)
        if (performed[i].step->verb->is_timing()) idle.insert(i);
    for (const vmm::Event& each : play.trace)
        if (is_taken(each)) idle.erase(each.step);
    return idle;
}

/// @param steps how many of the scenario's to play
/// The steps of a case that mean something where a run of it has come to.
class Selection {
  public:
    explicit Selection(const Case& each) : each_(each), sense_(each.architecture->sense(each)) {}

    bool takes(std::size_t step, const scenarios::Facts& facts, const vmm::Trace& trace) {
        rests_.catch_up(trace.events());
        if (sense_) sense_->catch_up(trace.events());
        if (!rests_.can_take(facts) || (sense_ && !sense_->can_take(each_.steps[step]))) return false;
        if (sense_) sense_->perform(each_.steps[step]);
        kept.push_back(step);
        return true;
    }

    std::vector<std::size_t> kept;  ///< indices of the steps that were taken

  private:
    const Case& each_;
    Rests rests_;
    std::unique_ptr<Sense> sense_;
};

/// @param steps how many of the scenario's to play
/// @param selection null: all of them are played
Play play_stimuli(const scenarios::Scenario& scenario, std::size_t steps, vmm::Machine& machine,
                  vmm::Trace& trace, Selection* selection) {
    Play play;
    const vmm::MachineConfig& config = scenario.config;
    try {
        bool goes_on = true;
        for (std::size_t i = 0; i < steps && goes_on; ++i) {
            const Step& step = scenario.steps[i];
            if (selection != nullptr && !selection->takes(i, step.verb->facts(), trace)) continue;
            trace.begin_step(static_cast<std::uint32_t>(play.performance.performed.size()));
            play.performance.performed.push_back({&step, 0, 1});
            scenarios::Stage stage{machine, trace, config};
            step.verb->perform(stage);
            goes_on = machine.settle();
            if (goes_on && step.verb->is_timing()) pass_time(machine, trace);
        }
        if (goes_on) machine.finish();
        play.performance.complete = goes_on;
    } catch (const std::exception& error) {
        vmm::Event trouble;
        trouble.what = event::Trouble{error.what(), false};
        trace.add(std::move(trouble));
    }
    machine.close();
    play.trace = without_bookkeeping(trace.take());
    return play;
}

}  // namespace

Pair Player::begin(const Case& each) const {
    constexpr std::size_t left_out = ~std::size_t{0};
    Pair pair;
    pair.each = each;
    for (;;) {
        auto scenario = std::make_shared<const scenarios::Scenario>(load_stimuli(pair.each));
        vmm::Trace trace;
        const auto machine = make_machine_(config_of(*scenario, reference_), trace);
        Selection selection(pair.each);
        pair.reference = play_stimuli(*scenario, pair.each.steps.size(), *machine, trace, &selection);
        std::vector<std::size_t>& kept = selection.kept;
        pair.scenario = std::move(scenario);
        const auto end = std::find_if(pair.reference.trace.begin(), pair.reference.trace.end(), ends_run);
        const bool ended = end != pair.reference.trace.end();
        const bool broke = ended && std::holds_alternative<event::Trouble>(end->what);
        if (broke) pair.trouble = vmm::describe(*end);
        // A fault and a storm can be compared too; what comes behind them means nothing.
        const std::size_t most = !ended ? kept.size() : broke ? end->step : end->step + std::size_t{1};
        bool again = kept.size() > most;
        kept.resize(std::min(kept.size(), most));
        for (const std::uint32_t index : idle_timers(pair.reference)) {
            if (index >= kept.size()) continue;
            kept[index] = left_out;
            again = true;
        }
        Case left = pair.each;
        left.steps.clear();
        for (const std::size_t index : kept)
            if (index != left_out) left.steps.push_back(pair.each.steps[index]);
        pair.each = std::move(left);
        if (!again) break;
    }
    // The other mode gets the steps that were kept, which are the same objects to the comparison.
    return pair;
}

void Player::compare(Pair& pair, const std::string& mode) const {
    // Steps left out by the reference stand in its scenario still: the other mode does the ones that were
    // done.
    vmm::Trace trace;
    const auto machine = make_machine_(config_of(*pair.scenario, mode), trace);
    scenarios::Scenario chosen = *pair.scenario;
    chosen.steps.clear();
    for (const auto& done : pair.reference.performance.performed) chosen.steps.push_back(*done.step);
    pair.other = play_stimuli(chosen, chosen.steps.size(), *machine, trace, nullptr);
    const auto& done = pair.reference.performance.performed;
    for (std::size_t i = 0; i < pair.other.performance.performed.size(); ++i)
        pair.other.performance.performed[i].step = done[i].step;
    pair.leeway = leeway_of(pair.each, reference_, mode);
    pair.divergence = scenarios::first_divergence({pair.reference.performance, pair.reference.trace},
                                                  {pair.other.performance, pair.other.trace}, pair.leeway);
}

scenarios::Verdict Player::run(const scenarios::Scenario& scenario, const std::string& mode) const {
    vmm::Trace trace;
    scenarios::RunOptions options;
    options.config = config_of(scenario, mode);
    const auto machine = make_machine_(options.config, trace);
    const auto performance = scenarios::perform(scenario, *machine, trace, options);
    machine->close();
    return scenarios::judge(scenario, performance, trace.events());
}

std::string what_came(const Play& play, const std::optional<std::size_t>& event) {
    return event ? vmm::describe(play.trace[*event]) : "nothing more";
}

std::string kind_of(const Pair& pair) {
    if (!pair.divergence) return {};
    const auto first_word = [](const Play& play, const std::optional<std::size_t>& event) {
        std::string words = what_came(play, event);
        const bool is_rest = event && std::holds_alternative<event::Rest>(play.trace[*event].what);
        const bool is_value = words.find(" = ") != std::string::npos;
        if (is_value) words.resize(words.find(" = "));
        if (!is_rest && !is_value && event) words.resize(std::min(words.find(' '), words.size()));
        words.erase(
            std::remove_if(words.begin(), words.end(), [](unsigned char c) { return std::isdigit(c) != 0; }),
            words.end());
        return words;
    };
    const std::string& text = pair.divergence->action->text;
    const auto begin = text.find('"') + 1;
    return fmt::format("{}: {} / {}", text.substr(begin, text.find('"', begin) - begin),
                       first_word(pair.reference, pair.divergence->first),
                       first_word(pair.other, pair.divergence->second));
}

}  // namespace irqbench::tools::fuzz
