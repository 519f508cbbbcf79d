#pragma once

#include <cstdint>
#include <span>

#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace irqbench::vmm::x86 {

inline constexpr std::uint64_t lapic_address = 0xfee00000;

/// Writes the guest agent with its tables into guest memory: code, IDT, GDT, an identity map of the low 4 GiB
/// in 2 MiB pages (some KVMs have no larger ones), the SIPI trampoline and the directory from APIC id to
/// block.
void load_agent(kvm::GuestMemory& memory, std::span<const std::uint32_t> vcpu_ids);

/// KVM_SET_CPUID2: what the host supports, with this vCPU's APIC id, TSC-deadline timer, and physical
/// addresses of no more bits than physical_address_bits.
void set_cpuid(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> supported);

/// What KVM gives a new vCPU: its state after power-up.
struct ResetState {
    kvm_regs regs;
    kvm_sregs sregs;
};
[[nodiscard]] ResetState reset_state(const kvm::Vcpu& vcpu);

/// What INIT does to the CPU without its local APIC (SDM vol. 3, table 10-1): at the reset vector, in real
/// mode, with nothing pending. The access of the last exit must be completed.
void init_cpu(kvm::Vcpu& vcpu, const ResetState& reset);

/// Makes it the vCPU's time-stamp counter.
void set_tsc(kvm::Vcpu& vcpu, std::uint64_t tsc);

/// What a start-up IPI makes of a CPU after INIT: it begins at page `vector` (SDM vol. 3, 9.4.4).
void start_at_page(kvm::Vcpu& vcpu, std::uint8_t vector);

/// Puts the vCPU at the agent's entry, in long mode with interrupts enabled (SDM vol. 3, 9.8.5, entered from
/// outside).
void enter_agent(kvm::Vcpu& vcpu, std::uint32_t index, bool x2apic);

}  // namespace irqbench::vmm::x86
