#pragma once

#include <linux/kvm.h>

#include <chrono>
#include <cstdint>

#include "irqchip/x86/saved_state.hpp"

// The kernel's structures of controllers, and what all modes save them as.
namespace irqbench::vmm::x86 {

/// @param id of the local APIC, and whether its x2APIC register has it in bits 31:0 (KVM_CAP_X2APIC_API)
irqchip::x86::LapicState saved(const kvm_lapic_state& page, std::uint64_t apic_base,
                               std::uint64_t tsc_deadline, std::uint32_t id);
kvm_lapic_state kernel_form(const irqchip::x86::LapicState& saved, std::uint32_t id, bool wide_ids);

/// Without drivers, which the kernel does not tell.
irqchip::x86::I8259AState saved(const kvm_pic_state& pic);
kvm_pic_state kernel_form(const irqchip::x86::I8259AState& saved, std::uint8_t elcr_mask);

/// The same.
irqchip::x86::IoApicState saved(const kvm_ioapic_state& ioapic);
kvm_ioapic_state kernel_form(const irqchip::x86::IoApicState& saved);

/// @param now of CLOCK_MONOTONIC, by which the kernel says since when a counter runs
irqchip::x86::PitState saved(const kvm_pit_state2& pit, std::chrono::nanoseconds now);
/// The kernel's counters begin anew when they are set.
kvm_pit_state2 kernel_form(const irqchip::x86::PitState& saved);

}  // namespace irqbench::vmm::x86
