#pragma once

#include <cstdint>

#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace irqbench::vmm::arm64 {

/// Writes the guest agent with its tables into guest memory: code, and a map of the low 4 GiB, each address
/// to itself (Arm ARM, D8.3, VMSAv8-64 translation table formats).
void load_agent(kvm::GuestMemory& memory);

/// A core register of KVM_GET_ONE_REG, by its place in struct kvm_regs in 32-bit words.
[[nodiscard]] std::uint64_t core_register(std::size_t word);
/// General-purpose register x0 to x30.
[[nodiscard]] std::uint64_t general_register(std::size_t number);
[[nodiscard]] std::uint64_t pc_register();
[[nodiscard]] std::uint64_t pstate_register();
/// A system register by its encoding in bits 20:5 of MRS, as OP_MSR_READ of agent_abi.h has it.
[[nodiscard]] std::uint64_t system_register(std::uint32_t encoding);

/// Puts the vCPU, which has been initialised, at the agent's entry.
void enter_agent(kvm::Vcpu& vcpu, std::uint32_t index);

/// The same at an entry that leaves the CPU interface as it is, and interrupts masked unless `enabled`.
void resume_agent(kvm::Vcpu& vcpu, std::uint32_t index, bool enabled);

}  // namespace irqbench::vmm::arm64
