#include "scenarios/verbs/common/machine.hpp"

#include <fmt/format.h>

#include "vmm/guest/agent.hpp"

namespace irqbench::scenarios::verbs {

void AnyMachine::check(const AnyMachine& machine, const Cursor& at) {
    constexpr std::uint64_t page = 4096;
    if (machine.memory % page != 0)
        at.at("memory", *at.node().find("memory"))
            .fail(fmt::format("must be a multiple of {} ({:#x}), the size of a page", page, page));
}

void AnyMachine::describe(vmm::MachineConfig& config) const {
    config.memory = memory;
    config.storm_budget = storm_budget;
}

std::string check_agent_memory(const vmm::MachineConfig& config, const Place& place) {
    const std::uint64_t end = vmm::guest::Agent::memory_size(config.vcpu_ids.size());
    if (!place.changes || place.address >= end) return "";
    return fmt::format(
        "the guest agent lives in the guest's memory from 0 to {:#x}: use the scenario's own, which "
        "\"machine\": {{ \"memory\": \"0x1000\" }} puts at {:#x}, or an address without memory",
        end - 1, vmm::scenario_memory);
}

}  // namespace irqbench::scenarios::verbs
