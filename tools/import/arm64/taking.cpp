#include <fmt/format.h>

#include <algorithm>

#include "tools/import/arm64/story.hpp"

namespace irqbench::importing::arm64 {

namespace {

std::string ack_step(std::uint32_t cpu, std::uint32_t intid) {
    if (cpu == 0) return fmt::format(R"({{ "ack": {} }})", intid);
    return fmt::format(R"({{ "ack": {{ "vcpu": {}, "intid": {} }} }})", cpu, intid);
}

std::string vcpu_step(const char* verb, std::uint32_t cpu) {
    return fmt::format(R"({{ "{}": {} }})", verb, cpu);
}

}  // namespace

std::vector<std::optional<std::uint32_t>> Teller::outlook() const {
    std::vector<std::optional<std::uint32_t>> next(vcpus_.size());
    for (std::uint32_t cpu = 0; cpu < vcpus_.size(); ++cpu)
        if (vcpus_[cpu].due != nowhere) next[cpu] = gic_.next(cpu);
    return next;
}

std::size_t Teller::add(std::string step, const std::vector<std::optional<std::uint32_t>>& before,
                        bool is_inferred) {
    if (story_.acts.size() == Story::most)
        throw TraceError(fmt::format("{}:{}: more than {} happenings; give it a part of the trace",
                                     trace_.file, trace_.events[now_].line, Story::most));
    const std::size_t act = story_.acts.size();
    story_.acts.push_back({{}, {std::move(step), Step::none, is_inferred}, {}, std::move(remarks_)});
    remarks_.clear();
    if (is_inferred) ++story_.inferred;
    for (std::uint32_t cpu = 0; cpu < vcpus_.size(); ++cpu) {
        // What is due would have been taken before this: it waits until the vCPU is entered.
        if (vcpus_[cpu].due != nowhere && !vcpus_[cpu].masked && gic_.next(cpu) != before[cpu])
            hold_back(cpu, vcpus_[cpu].due);
        settle(cpu, act);
    }
    if (!layout_.has_cpu_interface)
        for (std::uint32_t cpu = 0; cpu < vcpus_.size(); ++cpu)
            if (vcpus_[cpu].masked && vcpus_[cpu].running && !is_never_taken(cpu)) unmask(cpu);
    return act;
}

void Teller::hold_back(std::uint32_t cpu, std::size_t act) {
    story_.acts[act].before.push_back({vcpu_step("mask", cpu), Step::none, true});
    ++story_.inferred;
    vcpus_[cpu].masked = true;
    vcpus_[cpu].due = nowhere;
}

/// Whether what comes next is a level that falls later, and of which no end is told before the trace's end.
bool Teller::is_never_taken(std::uint32_t cpu) const {
    if (layout_.has_cpu_interface) return false;
    const auto next = gic_.next(cpu);
    if (!next || *next < 32 || !gic_.has(*next)) return false;
    const auto state = gic_.state(cpu, *next);
    if (state.edge || !state.line) return false;
    const auto marks = marks_.find(*next);
    if (marks == marks_.end()) return false;
    const auto& ends = marks->second.ends;
    const auto& falls = marks->second.falls;
    return (ends.empty() || ends.back() <= now_) && !falls.empty() && falls.back() > now_;
}

void Teller::settle(std::uint32_t cpu, std::size_t act) {
    Vcpu& vcpu = vcpus_[cpu];
    if (!vcpu.on || vcpu.masked || vcpu.handler) return;
    if (!gic_.interrupts(cpu)) {
        vcpu.due = nowhere;
        return;
    }
    if (vcpu.due != nowhere) return;
    if (is_never_taken(cpu))
        hold_back(cpu, act);
    else if (vcpu.running && !layout_.has_cpu_interface)
        take_all(cpu, act);
    else
        vcpu.due = act;
}

void Teller::take_all(std::uint32_t cpu, std::size_t act) {
    // Each ends, or its handler stays: but for what its manual leaves open no GIC brings one back for ever.
    constexpr int enough = 2000;
    for (int i = 0; i < enough && !vcpus_[cpu].handler && gic_.interrupts(cpu); ++i) {
        const std::uint32_t before = story_.taken;
        take(cpu, act);
        if (story_.taken == before) break;
    }
    vcpus_[cpu].due = nowhere;
}

void Teller::take(std::uint32_t cpu, std::size_t act) {
    const auto intid = gic_.acknowledge(cpu);
    if (!intid) return;
    if (story_.taken == Story::most)
        throw TraceError(fmt::format("{}:{}: more than {} interrupts taken; give it a part of the trace",
                                     trace_.file, trace_.events[now_].line, Story::most));
    auto& after = story_.acts[act].after;
    after.push_back({ack_step(cpu, *intid), Step::none, !layout_.has_cpu_interface});
    ++story_.taken;
    const auto state = gic_.state(cpu, *intid);
    if (layout_.has_cpu_interface) {
        vcpus_[cpu].handler = Handler{*intid, act};
        return;
    }
    if (!state.edge && state.line && *intid >= 16) {
        vcpus_[cpu].handler = Handler{*intid, act};
        story_.stays.insert(*intid);
        return;
    }
    gic_.end(cpu);
    if (!state.edge && *intid >= 32) ++at_once_[*intid];
    after.push_back({vcpu_step("eoi", cpu), *intid});
    after.push_back({vcpu_step("return", cpu), *intid});
}

void Teller::end_handler(std::uint32_t cpu) {
    vcpus_[cpu].handler->is_ended = true;
    const auto before = outlook();
    gic_.end(cpu);
    add(vcpu_step("eoi", cpu), before);
}

void Teller::leave_handler(std::uint32_t cpu) {
    vcpus_[cpu].handler.reset();
    add(vcpu_step("return", cpu));
}

void Teller::unmask(std::uint32_t cpu) {
    vcpus_[cpu].masked = false;
    const auto before = outlook();
    add(vcpu_step("unmask", cpu), before, true);
}

}  // namespace irqbench::importing::arm64
