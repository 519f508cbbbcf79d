#include "vmm/x86/traits.hpp"

#include <algorithm>

#include "vmm/kvm_machine.hpp"

namespace irqbench::vmm::x86 {

namespace {

/// Takes an interrupt in a handler that stays and does not EOI, and looks for its ISR bit.
bool lapic_eoi_at_delivery() {
    constexpr std::uint32_t vector = 0x51;
    MachineConfig config;
    config.placement = "kernel";
    config.vcpu_ids = {0};
    Trace trace;
    KvmMachine machine(config, trace);
    machine.handler(0, vector, POLICY_STAY, std::nullopt);
    machine.msi({0xfee00000, vector, std::nullopt});
    machine.settle();
    const auto took = [](const Event& event) { return std::holds_alternative<event::Taken>(event.what); };
    if (std::none_of(trace.events().begin(), trace.events().end(), took)) return false;
    for (const NamedValue& field : machine.inspect("lapic", 0))
        if (field.name == "isr2") return (field.value >> (vector % 32) & 1) == 0;
    return false;
}

}  // namespace

std::vector<std::string> probe_traits() {
    std::vector<std::string> traits;
    if (lapic_eoi_at_delivery()) traits.emplace_back("lapic_eoi_at_delivery");
    return traits;
}

}  // namespace irqbench::vmm::x86
