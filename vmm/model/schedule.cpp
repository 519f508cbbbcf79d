#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/model/model_machine.hpp"

// Who runs when, and how time passes.
namespace irqbench::vmm::model {

namespace {

using namespace std::chrono_literals;

/// What a step of a CPU takes of the virtual time.
constexpr auto step_time = 100ns;

/// Records a CPU may add while interrupts are expected in any number: what bounds the trace's memory.
constexpr std::uint64_t records_while_many = 1'000'000;

/// Deadlines one wait goes through at most: what bounds its real time where a timer has a tiny period.
/// Whoever needs more has not waited to the end, which no verdict may rest on.
constexpr std::uint64_t deadlines_in_a_wait = 1'000'000;

bool is_parked(event::RestState state) {
    return state == event::RestState::halted || state == event::RestState::not_started ||
           state == event::RestState::wait_for_sipi;
}

}  // namespace

void ModelMachine::pass(std::chrono::nanoseconds time) {
    now_ += time;
    if (const auto next = hardware_->next_timer(); next && *next <= now_) hardware_->run_timers();
}

bool ModelMachine::pass_to_next_timer(std::chrono::nanoseconds end) {
    if (closed_) return false;
    const auto next = hardware_->next_timer();
    if (!next || *next > end) return false;
    now_ = std::max(now_, *next);
    hardware_->run_timers();
    return true;
}

void ModelMachine::begin_period() {
    ++period_;
    for (const std::uint32_t cpu : stormed_) {
        Slot& slot = slots_[cpu];
        slot.stormed = false;
        if (slot.rest.state == event::RestState::storming) slot.rest.state = event::RestState::idle;
        ready_.insert(cpu);
    }
    stormed_.clear();
}

bool ModelMachine::over_budget(const Slot& slot) const {
    const std::uint64_t budget = many_ ? records_while_many : config_.storm_budget;
    return slot.period == period_ && slot.records > budget;
}

void ModelMachine::storm(std::uint32_t cpu) {
    Slot& slot = slots_[cpu];
    collect(cpu);
    slot.stormed = true;
    stormed_.push_back(cpu);
    add(Lane::guest, event::Storm{slot.records}, cpu);
}

void ModelMachine::step(std::uint32_t cpu) {
    const std::uint32_t arrived = arrived_;
    slots_[cpu].cpu.step();
    // Those who wait at a barrier ask for nothing: they are looked at when somebody arrives.
    if (arrived_ != arrived)
        for (std::uint32_t other = 0; other < slots_.size(); ++other)
            if (slots_[other].cpu.at_barrier()) ready_.insert(other);
    pass(step_time);
}

bool ModelMachine::settle() {
    if (closed_) return flush(), !failed_;
    begin_period();
    if (!failed_) {
        if (is_free())
            finish_operations();
        else
            run_in_turn();
    }
    collect_eventfds();
    flush();
    return !failed_;
}

/// As SteppedRunner does it: a storm ends the step at the end of the round.
void ModelMachine::run_in_turn() {
    for (bool stormed = false; !ready_.empty() && !failed_ && !stormed;)
        for (auto cpu = ready_.next(0); cpu && !failed_; cpu = ready_.next(*cpu + 1))
            if (!run_to_rest(*cpu)) stormed = true;
}

/// @returns false if it storms instead
bool ModelMachine::run_to_rest(std::uint32_t cpu) {
    Slot& slot = slots_[cpu];
    if (is_parked(slot.rest.state) && !slot.cpu.mailbox_empty()) {
        fail(cpu, fmt::format("the vCPU is {} and cannot do this: {}",
                              slot.rest.state == event::RestState::halted ? "halted" : "not started",
                              slot.cpu.unfinished()->text));
        return true;
    }
    while (!failed_ && slot.cpu.can_step()) {
        step(cpu);
        if (!over_budget(slot)) continue;
        storm(cpu);
        record_rest(cpu, event::RestState::storming, false);
        return false;
    }
    ready_.erase(cpu);
    if (failed_) return true;
    collect(cpu);
    const event::RestState state = rest_state(slot.cpu);
    // Of a CPU that goes on waiting the flag is not looked at, as in SteppedRunner.
    const bool goes_on_waiting =
        is_parked(slot.rest.state) && state != event::RestState::halted && is_parked(state);
    record_rest(cpu, state, goes_on_waiting ? slot.rest.interrupts_enabled : slot.cpu.interrupts_enabled());
    if (slot.cpu.at_barrier() && ready_.empty())
        fail(cpu, "the vCPU does not come to rest: it waits at a barrier for others");
    return true;
}

/// One step of a CPU drawn by lot. @returns false if none can go on
bool ModelMachine::step_any() {
    while (!ready_.empty() && !failed_ && !closed_) {
        const std::uint32_t cpu = ready_.nth(dice_.roll(ready_.size()));
        Slot& slot = slots_[cpu];
        if (slot.stormed || !slot.cpu.can_step()) {
            ready_.erase(cpu);
            continue;
        }
        step(cpu);
        collect(cpu);
        if (over_budget(slot)) storm(cpu);
        return true;
    }
    return false;
}

void ModelMachine::run_all_to_rest() {
    while (step_any()) {
    }
}

/// A CPU whose operations are not all done, though it is not their last that it halts in or waits at.
std::optional<std::uint32_t> ModelMachine::unfinished_cpu() {
    for (auto cpu = busy_.next(0); cpu; cpu = busy_.next(*cpu + 1)) {
        const Slot& slot = slots_[*cpu];
        if (slot.stormed) continue;
        if (!slot.cpu.mailbox_empty()) return cpu;
        if (slot.cpu.unfinished() != nullptr && slot.cpu.can_step()) return cpu;
    }
    return std::nullopt;
}

void ModelMachine::finish_operations() {
    const auto end = now_ + config_.watchdog;
    while (!failed_) {
        const auto cpu = unfinished_cpu();
        if (!cpu) break;
        if (step_any() || failed_ || pass_to_next_timer(end)) continue;
        fail(*cpu, fmt::format("the vCPU did not do this: {}", slots_[*cpu].cpu.unfinished()->text));
    }
    if (failed_) return;
    look_whether_halted();
    // What is under way may go on while the host does the next thing, or it may not.
    constexpr std::uint64_t odds = 4;
    while (dice_.roll(odds) != 0 && step_any()) {
    }
}

void ModelMachine::look_whether_halted() {
    for (auto cpu = busy_.next(0); cpu; cpu = busy_.next(*cpu + 1)) {
        Slot& slot = slots_[*cpu];
        if (slot.cpu.state() == ScriptedCpu::State::halted)
            record_rest(*cpu, event::RestState::halted, true);
        else if (slot.rest.state == event::RestState::halted)
            record_rest(*cpu, event::RestState::idle, true);
        if (slot.rest.state != event::RestState::halted && slot.cpu.operations().empty()) busy_.erase(*cpu);
    }
}

void ModelMachine::give_up_waiting(std::chrono::nanoseconds passed) {
    fail(0, fmt::format("the bench gave up waiting: the guest has a timer of so short a period that {} "
                        "deadlines took {} us of virtual time",
                        deadlines_in_a_wait,
                        std::chrono::duration_cast<std::chrono::microseconds>(passed).count()));
}

void ModelMachine::wait(const std::function<bool()>& enough) {
    const auto end = now_ + config_.watchdog;
    const auto satisfied = [&] {
        collect_eventfds();
        flush();
        return enough();
    };
    const auto begin = now_;
    std::uint64_t deadlines = 0;
    const auto pass_deadline = [&] {
        if (!pass_to_next_timer(end)) return false;
        if (++deadlines > deadlines_in_a_wait) give_up_waiting(now_ - begin);
        return !failed_;
    };
    if (!is_free()) {
        while (!failed_ && !satisfied() && pass_deadline()) settle();
        return flush();
    }
    const bool many_before = std::exchange(many_, true);
    bool held = satisfied();
    while (!held && !failed_) {
        if (!step_any() && !pass_deadline()) break;
        // Only what is new can make a difference; what a resamplefd hears comes with it.
        if (!waiting_.empty()) held = satisfied();
    }
    many_ = many_before;
    ++period_;
    // A handler writes down that it began; what it does comes later.
    if (held && !concurrent_) run_all_to_rest();
    collect_eventfds();
    flush();
}

std::optional<std::size_t> ModelMachine::next_thread(std::size_t threads) {
    while (dice_.roll(2) == 0 && step_any()) {
    }
    return dice_.roll(threads);
}

GuestProgress ModelMachine::progress(std::uint32_t vcpu) {
    Slot& slot = slots_.at(vcpu);
    const auto end = [&slot](GuestProgress how) {
        slot.awaited_until.reset();
        return how;
    };
    if (closed_) return end(GuestProgress::done);
    if (slot.cpu.mailbox_empty() && (slot.cpu.unfinished() == nullptr || !slot.cpu.can_step()))
        return end(GuestProgress::done);
    if (failed_ || slot.stormed) return end(GuestProgress::stopped);
    if (!slot.awaited_until) slot.awaited_until = now_ + config_.watchdog;
    if (step_any() || failed_ || pass_to_next_timer(*slot.awaited_until)) return GuestProgress::under_way;
    fail(vcpu, fmt::format("the vCPU did not do this: {}", slot.cpu.unfinished()->text));
    return end(GuestProgress::stopped);
}

event::Quiet ModelMachine::quiet_of(const Slot& slot) const {
    const auto unproven = [](std::string reason) {
        return event::Quiet{false, std::move(reason), std::nullopt};
    };
    if (slot.stormed || slot.rest.state == event::RestState::storming)
        return unproven("the vCPU is in a storm");
    switch (slot.cpu.state()) {
        case ScriptedCpu::State::off:
        case ScriptedCpu::State::waiting:
        case ScriptedCpu::State::starting: return {true, {}, std::nullopt};
        case ScriptedCpu::State::halted:
            return unproven("the vCPU is halted: only an interrupt could prove it");
        case ScriptedCpu::State::running:
        case ScriptedCpu::State::faulted: break;
    }
    if (!slot.cpu.interrupts_enabled()) return unproven("interrupts are disabled");
    if (std::string held = hardware_->held_back(); !held.empty()) return unproven(std::move(held));
    return {true, {}, std::nullopt};
}

void ModelMachine::prove_quiet(const std::vector<std::uint32_t>& vcpus) {
    if (is_free()) run_all_to_rest();
    for (const std::uint32_t vcpu : vcpus) {
        const Slot& slot = slots_.at(vcpu);
        event::Quiet quiet = quiet_of(slot);
        const bool runs = slot.cpu.state() == ScriptedCpu::State::running;
        if (quiet.proven && runs)
            if (const std::uint32_t priority = hardware_->running_priority(vcpu); priority != 0) {
                quiet.above = priority;
                quiet.above_words = hardware_->priority_in_words(priority);
            }
        add(Lane::guest, quiet, vcpu);
    }
    collect_eventfds();
    flush();
}

}  // namespace irqbench::vmm::model
