#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>

#include "routing/x86.hpp"
#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "vmm/factory.hpp"

// The model machine; no KVM is needed here.
using namespace irqbench;

namespace {

constexpr std::uint64_t msi_address = 0xfee00000;
constexpr std::uint32_t vector = 0x51;
constexpr std::uint32_t memory_write = 2;

vmm::MachineConfig model(std::uint32_t vcpus) {
    vmm::MachineConfig config;
    config.placement = "model";
    for (std::uint32_t id = 0; id < vcpus; ++id) config.vcpu_ids.push_back(id);
    return config;
}

std::size_t taken_in(const vmm::Trace& trace) {
    std::size_t taken = 0;
    for (const vmm::Event& event : trace.events())
        taken += std::holds_alternative<vmm::event::Taken>(event.what) ? 1U : 0U;
    return taken;
}

/// A whole scenario: build the machine, play, judge. Its items are scenarios.
void scenario_on_model(benchmark::State& state, const char* name) {
    const auto scenario =
        scenarios::load(std::string(IRQBENCH_SOURCE_DIR "/scenarios/x86/") + name + ".json");
    scenarios::RunOptions options;
    options.config = scenario.config;
    options.config.placement = "model";
    for (auto _ : state) {
        vmm::Trace trace;
        const auto machine = vmm::make_machine(options.config, trace);
        const auto performance = scenarios::perform(scenario, *machine, trace, options);
        machine->close();
        const auto verdict = scenarios::judge(scenario, performance, trace.take());
        if (verdict.kind != scenarios::Verdict::Kind::pass) state.SkipWithError("the scenario did not pass");
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(scenario_on_model, edge, "ioapic/edge_held_high_does_not_repeat")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(scenario_on_model, level, "ioapic/level_line_held_over_eoi_is_delivered_again")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(scenario_on_model, message, "msi/plain_message_reaches_its_vcpu")
    ->Unit(benchmark::kMicrosecond);

/// A device's message to one CPU. The trace is renewed now and then, or it would be what is measured.
void step_on_model(benchmark::State& state, const vmm::MachineConfig& config,
                   const routing::RoutingTable& table, std::uint64_t address,
                   const std::vector<vmm::GuestOp>& prepare = {}) {
    constexpr std::uint64_t steps_of_a_trace = 4096;
    std::uint64_t taken = 0;
    while (state.KeepRunningBatch(steps_of_a_trace)) {
        state.PauseTiming();
        vmm::Trace trace;
        const auto machine = vmm::make_machine(config, trace);
        machine->route(table);
        machine->guest(0, prepare);
        machine->settle();
        state.ResumeTiming();
        for (std::uint64_t i = 0; i < steps_of_a_trace; ++i) {
            machine->msi({address, vector, std::nullopt});
            machine->settle();
        }
        state.PauseTiming();
        taken += taken_in(trace);
        state.ResumeTiming();
    }
    state.counters["taken/step"] = static_cast<double>(taken) / static_cast<double>(state.iterations());
}

void step_by_gsis(benchmark::State& state) {
    routing::RoutingTable table = routing::x86::default_table();
    for (std::uint32_t gsi = 24; gsi < state.range(0); ++gsi)
        table.set(gsi, {routing::MsiRoute{msi_address, vector, {}, 0}});
    // Above the pins, or the table would have more than the 4096 entries that a kernel takes.
    if (state.range(0) > 24)
        for (std::uint32_t gsi = 0; gsi < 16; ++gsi)
            table.set(gsi, {routing::PinRoute{routing::x86::ioapic, gsi, 0}});
    step_on_model(state, model(1), table, msi_address);
}
BENCHMARK(step_by_gsis)->Arg(24)->Arg(4096)->Unit(benchmark::kNanosecond);

void step_by_vcpus(benchmark::State& state) {
    step_on_model(state, model(static_cast<std::uint32_t>(state.range(0))), routing::x86::default_table(),
                  msi_address);
}
BENCHMARK(step_by_vcpus)->Arg(1)->Arg(16)->Arg(240)->Unit(benchmark::kNanosecond);

/// To one CPU by its logical id, chosen by arbitration.
void logical_by_vcpus(benchmark::State& state) {
    constexpr std::uint64_t lowest_priority_to_1 = 0xfee0100c;
    step_on_model(state, model(static_cast<std::uint32_t>(state.range(0))), routing::x86::default_table(),
                  lowest_priority_to_1, {{memory_write, 4, 0xfee000d0, 0x01000000, false, "ldr"}});
}
BENCHMARK(logical_by_vcpus)->Arg(1)->Arg(16)->Arg(240)->Unit(benchmark::kNanosecond);

void broadcast_by_vcpus(benchmark::State& state) {
    step_on_model(state, model(static_cast<std::uint32_t>(state.range(0))), routing::x86::default_table(),
                  msi_address | 0xff000);
}
BENCHMARK(broadcast_by_vcpus)->Arg(1)->Arg(16)->Arg(240)->Unit(benchmark::kNanosecond);

/// A pin, whose redirection entry makes a level-triggered message, and its EOI.
void level_line_by_gsis(benchmark::State& state) {
    routing::RoutingTable table = routing::x86::default_table();
    for (std::uint32_t gsi = 24; gsi < state.range(0) - 16; ++gsi)
        table.set(gsi, {routing::MsiRoute{msi_address, vector, {}, 0}});
    constexpr std::uint64_t steps_of_a_trace = 1024;
    while (state.KeepRunningBatch(steps_of_a_trace)) {
        state.PauseTiming();
        vmm::Trace trace;
        const auto machine = vmm::make_machine(model(1), trace);
        machine->route(table);
        machine->guest(
            0, std::vector<vmm::GuestOp>{{memory_write, 4, 0xfec00000, 0x10 + 2 * 20, false, "select"},
                                         {memory_write, 4, 0xfec00010, 0x8000 | vector, false, "entry"}});
        machine->settle();
        state.ResumeTiming();
        for (std::uint64_t i = 0; i < steps_of_a_trace; ++i) {
            machine->set_line(20, true, true);
            machine->set_line(20, false, false);
            machine->settle();
        }
        state.PauseTiming();
        if (taken_in(trace) != steps_of_a_trace)
            state.SkipWithError("the guest did not take every interrupt");
        state.ResumeTiming();
    }
}
BENCHMARK(level_line_by_gsis)->Arg(24)->Arg(4096)->Unit(benchmark::kNanosecond);

}  // namespace
