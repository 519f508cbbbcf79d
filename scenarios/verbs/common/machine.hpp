#pragma once

#include "scenarios/engine/head.hpp"
#include "scenarios/verbs/common/arguments.hpp"

/// What machines of all architectures have.
namespace irqbench::scenarios::verbs {

/// What the head's `machine` may say of any: the base of an architecture's own arguments.
struct AnyMachine {
    std::uint64_t memory = 0;
    std::uint64_t storm_budget = 2000;
    static constexpr auto fields_of_any() {
        return std::tuple{optional("memory", &AnyMachine::memory,
                                   "bytes beside the agent's own, at most 1 GiB", up_to(head::max_memory)),
                          optional("storm_budget", &AnyMachine::storm_budget, "interrupts one step may take",
                                   between(1, 1'000'000))};
    }
    static void check(const AnyMachine& machine, const Cursor& at);

    void describe(vmm::MachineConfig& config) const;
};

/// What the guest agent has in memory for itself, no scenario may take from it.
/// @returns why a step may not use the place, or nothing
std::string check_agent_memory(const vmm::MachineConfig& config, const Place& place);

}  // namespace irqbench::scenarios::verbs
