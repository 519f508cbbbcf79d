#pragma once

#include <array>

#include "scenarios/engine/architecture.hpp"

/// The kernel's events about interrupts on x86, and their numbers: Linux, arch/x86/kvm/trace.h and
/// include/trace/events/kvm.h, 5.10 to 7.2. A kernel may lack some of them.
namespace irqbench::scenarios::verbs::x86 {

inline constexpr std::array kernel_events{
    KernelEvent{"kvm_set_irq", {"gsi", "level", "irq_source_id"}},
    KernelEvent{"kvm_ioapic_set_irq", {"e", "pin", "coalesced"}},
    KernelEvent{"kvm_ioapic_delayed_eoi_inj", {"e"}},
    KernelEvent{"kvm_msi_set_irq", {"address", "data"}},
    KernelEvent{"kvm_pic_set_irq", {"chip", "pin", "elcr", "imr", "coalesced"}},
    KernelEvent{"kvm_ack_irq", {"irqchip", "pin"}},
    KernelEvent{"kvm_apic", {"rw", "reg", "val"}},
    KernelEvent{"kvm_apic_ipi", {"icr_low", "dest_id"}},
    KernelEvent{"kvm_apic_accept_irq", {"apicid", "dm", "tm", "vec"}},
    KernelEvent{"kvm_apicv_accept_irq", {"apicid", "dm", "tm", "vec"}},
    // `irq` until 5.19, the others since 6.0.
    KernelEvent{"kvm_inj_virq", {"irq", "vector", "soft", "reinjected"}},
    KernelEvent{"kvm_inj_exception", {"exception", "has_error", "error_code", "reinjected"}},
    KernelEvent{"kvm_eoi", {"apicid", "vector"}},
    KernelEvent{"kvm_pv_eoi", {"apicid", "vector"}},
    KernelEvent{"kvm_entry", {"vcpu_id", "rip"}, false},
    KernelEvent{"kvm_exit", {"exit_reason", "vcpu_id", "info1", "info2", "intr_info", "error_code"}, false},
    KernelEvent{"kvm_userspace_exit", {"reason", "errno"}, false},
    KernelEvent{"kvm_pio", {"rw", "port", "size", "count", "val"}, false},
    KernelEvent{"kvm_mmio", {"type", "len", "gpa", "val"}, false},
    KernelEvent{"kvm_msr", {"write", "ecx", "data", "exception"}, false},
};

}  // namespace irqbench::scenarios::verbs::x86
