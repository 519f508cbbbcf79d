#include <benchmark/benchmark.h>

#include <iostream>
#include <memory>

#include "tests/perf/raw_machine.hpp"
#include "vmm/factory.hpp"
#include "vmm/kvm/system.hpp"

using namespace irqbench;

namespace {

constexpr std::uint64_t msi_address = 0xfee00000;
constexpr std::uint32_t vector = 0x51;

kvm_msi message() {
    kvm_msi msi{};
    msi.address_lo = static_cast<std::uint32_t>(msi_address);
    msi.data = vector;
    return msi;
}

vmm::MachineConfig config_of(const char* placement) {
    vmm::MachineConfig config;
    config.placement = placement;
    config.vcpu_ids = {0};
    return config;
}

void require_taken(benchmark::State& state, std::uint64_t taken, std::uint64_t expected) {
    if (taken != expected) state.SkipWithError("the guest did not take every interrupt");
}

template <class Injected>
void step_raw(benchmark::State& state, Injected injected) {
    perf::RawMachine machine(injected);
    const std::uint64_t before = machine.exits();
    for (auto _ : state) machine.step();
    state.counters["exits/step"] =
        static_cast<double>(machine.exits() - before) / static_cast<double>(state.iterations());
    require_taken(state, machine.taken(), static_cast<std::uint64_t>(state.iterations()));
}

void step_machine(benchmark::State& state, const char* placement) {
    vmm::Trace trace;
    const auto machine = vmm::make_machine(config_of(placement), trace);
    machine->settle();
    for (auto _ : state) {
        machine->msi({msi_address, vector, std::nullopt});
        machine->settle();
    }
    std::uint64_t taken = 0;
    for (const vmm::Event& event : trace.events())
        taken += std::holds_alternative<vmm::event::Taken>(event.what);
    require_taken(state, taken, static_cast<std::uint64_t>(state.iterations()));
}

void life_raw(benchmark::State& state) {
    for (auto _ : state) {
        perf::RawMachine machine(message());
        machine.step();
    }
}

void life_machine(benchmark::State& state, const char* placement) {
    for (auto _ : state) {
        vmm::Trace trace;
        const auto machine = vmm::make_machine(config_of(placement), trace);
        machine->msi({msi_address, vector, std::nullopt});
        machine->settle();
    }
}

void register_kvm() {
    const auto add = [](const char* name, auto... what) {
        benchmark::RegisterBenchmark(name, what...)->Unit(benchmark::kMicrosecond);
    };
    add("step_raw/split", step_raw<kvm_msi>, message());
    add("step_raw/kvm_interrupt", step_raw<std::uint32_t>, std::uint32_t{vector});
    add("step_machine/split", step_machine, "split");
    add("step_machine/kernel", step_machine, "kernel");
    add("step_machine/userspace", step_machine, "userspace");
    add("life_raw", life_raw);
    add("life_machine/split", life_machine, "split");
    add("life_machine/kernel", life_machine, "kernel");
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto reason = vmm::kvm::System::unavailable())
        std::cout << "nothing of KVM is measured: " << *reason << '\n';
    else
        register_kvm();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
}
