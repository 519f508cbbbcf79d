#pragma once

#include <vector>

#include "scenarios/verbs/arm64/state_fields.hpp"
#include "scenarios/verbs/common/state_check.hpp"
#include "vmm/gic_state.hpp"

/// The registers of a GIC between the lists that a machine is restored from and the names of a file.
namespace irqbench::scenarios::verbs::arm64 {

/// The registers of a state, by whose they are.
struct SortedRegisters {
    using Registers = state_file::arm64::Registers;

    SortedRegisters(const vmm::arm64::BoardState& board, std::size_t vcpus);

    Registers distributor;
    Registers its;
    // By vCPU.
    std::vector<Registers> redistributors;
    std::vector<Registers> banked;  ///< in the distributor of a GICv2
    std::vector<Registers> cpu_interfaces;
};

/// The reverse: puts the lists into the board, in the order in which a new GIC takes them, with zeros for
/// what the file has not.
/// @throws ScenarioError (malformed) for a register that such a GIC has not, or that has fewer bits
void read_registers(vmm::arm64::BoardState& board, const state_file::arm64::StateDocument& document,
                    const state_file::AnyStateChecker& checker);

}  // namespace irqbench::scenarios::verbs::arm64
