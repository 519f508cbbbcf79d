#pragma once

#include <array>

#include "scenarios/engine/architecture.hpp"

/// The kernel's events about interrupts on arm64, and their numbers: Linux, arch/arm64/kvm/trace_arm.h and
/// vgic/trace.h, 5.10 to 7.2. A kernel may lack some of them.
namespace irqbench::scenarios::verbs::arm64 {

inline constexpr std::array kernel_events{
    KernelEvent{"kvm_irq_line", {"type", "vcpu_idx", "irq_num", "level"}},
    KernelEvent{"vgic_update_irq_pending", {"vcpu_id", "irq", "level"}},
    KernelEvent{"kvm_timer_update_irq", {"vcpu_id", "irq", "level"}},
    KernelEvent{"kvm_timer_hrtimer_expire", {"timer_idx"}},
    KernelEvent{"kvm_timer_emulate", {"timer_idx", "should_fire"}},
    KernelEvent{"kvm_entry", {"vcpu_pc"}, false},
    KernelEvent{"kvm_exit", {"ret", "esr_ec", "vcpu_pc"}, false},
    KernelEvent{"kvm_userspace_exit", {"reason", "errno"}, false},
    KernelEvent{"kvm_mmio", {"type", "len", "gpa", "val"}, false},
};

}  // namespace irqbench::scenarios::verbs::arm64
