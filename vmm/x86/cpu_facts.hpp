#pragma once

#include <cstdint>

#include "irqchip/x86/msi.hpp"
#include "vmm/machine.hpp"

// What the CPUs of a PC have in every placement.
namespace irqbench::vmm::x86 {

inline constexpr std::uint32_t msr_tsc = 0x10;         ///< IA32_TIME_STAMP_COUNTER
inline constexpr std::uint32_t msr_tsc_adjust = 0x3b;  ///< IA32_TSC_ADJUST (SDM vol. 3, 18.17.3)

inline constexpr std::uint64_t apic_base_x2apic = 1U << 10;  ///< IA32_APIC_BASE.EXTD

/// CPUID.80000008H:EAX[7:0], which decides what bits of IA32_APIC_BASE are reserved: in the model, and with
/// KVM wherever the host has as many.
inline constexpr unsigned physical_address_bits = 46;

/// How the machine's messages carry their destinations.
inline irqchip::x86::DestinationFormat destination_format(const MachineConfig& config) {
    using irqchip::x86::DestinationFormat;
    if (config.x2apic_ids) return DestinationFormat::x2apic_api;
    return config.extended_ids ? DestinationFormat::extended : DestinationFormat::compatible;
}

}  // namespace irqbench::vmm::x86
