#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "routing/platform.hpp"
#include "vmm/cpu_standing.hpp"

/// What an x86 machine's state is beyond that of its guest agent, the same in every irqchip mode.
namespace irqbench::vmm::x86 {

using vmm::Activity;

struct Segment {
    std::uint64_t base = 0;
    std::uint32_t limit = 0;
    std::uint16_t selector = 0;
    /// Bits 15:0 as a descriptor has them in bits 55:40 (SDM vol. 3, 3.4.5); bit 16: unusable.
    std::uint32_t attributes = 0;
};

struct DescriptorTable {
    std::uint64_t base = 0;
    std::uint16_t limit = 0;
};

struct Msr {
    std::uint32_t index = 0;
    std::uint64_t value = 0;
};

/// The registers of a CPU: struct kvm_regs, kvm_sregs and MSRs.
struct CoreState {
    /// rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8 to r15, rip, rflags: in the order of struct kvm_regs.
    std::array<std::uint64_t, 18> general{};
    /// cs, ds, es, fs, gs, ss, tr, ldt: in the order of struct kvm_sregs.
    std::array<Segment, 8> segments{};
    DescriptorTable gdt;
    DescriptorTable idt;
    std::uint64_t cr0 = 0;
    std::uint64_t cr2 = 0;
    std::uint64_t cr3 = 0;
    std::uint64_t cr4 = 0;
    std::uint64_t efer = 0;
    std::vector<Msr>
        msrs;  ///< but IA32_APIC_BASE, IA32_TSC_DEADLINE, IA32_TIME_STAMP_COUNTER, IA32_TSC_ADJUST

    [[nodiscard]] std::uint64_t rflags() const { return general[17]; }
};

/// A CPU; its local APIC is in PcState::chips.
struct CpuState : CpuStanding {
    /// None if it is a model's, which has none: the CPU is at the agent's entry.
    std::optional<CoreState> core;
    std::optional<std::uint8_t> injected;  ///< a vector that has been acknowledged and not taken yet
    std::uint8_t shadow = 0;               ///< KVM_X86_SHADOW_INT_*
    bool nmi_injected = false;
    std::uint64_t tsc = 0;
    std::uint64_t tsc_adjust = 0;
    // What the agent remembers of its local APIC.
    bool agent_x2apic = false;
    std::uint64_t agent_lapic = 0xFEE0'0000;
};

struct PcState {
    std::vector<CpuState> cpus;
    routing::x86::PlatformState chips;
};

}  // namespace irqbench::vmm::x86
