#pragma once

#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "scenarios/verbs/common/guest.hpp"
#include "vmm/arm64/affinity.hpp"
#include "vmm/guest/agent_abi.h"

/// The words of GIC interrupts, and the operations that many verbs are made of.
namespace irqbench::scenarios::verbs::arm64 {

using vmm::arm64::affinity_of;

inline constexpr Limits intid_range = up_to(0xffff);
inline constexpr Limits private_range = up_to(irqchip::arm64::private_count - 1);
inline constexpr Limits ppi_range = between(irqchip::arm64::sgi_count, irqchip::arm64::private_count - 1);
inline constexpr Limits spi_range = between(irqchip::arm64::private_count, irqchip::arm64::first_special - 1);
/// What the distributor and the redistributors have: no LPIs.
inline constexpr Limits wired_range = up_to(irqchip::arm64::first_special - 1);
/// The GSIs of lines: those whose SPI's INTID KVM_IRQ_LINE can name, in 16 bits.
inline constexpr Limits line_range = up_to(0xffff - irqchip::arm64::private_count);
inline constexpr Limits priority_range = up_to(0xff);

/// GICD_ICFGR, as the bit says it (IHI 0069, 12.9.9).
enum class Trigger : std::uint8_t { level = 0, edge = 1 };

/// Why such a machine has no line of that GSI, which is an SPI's; empty if it has.
std::string line_unfit_for(const vmm::MachineConfig& config, std::uint32_t gsi);

/// Writes a register of 32 bits.
vmm::GuestOp write_word(std::uint64_t address, std::uint32_t value, std::string text);
/// Changes some bits of one.
vmm::GuestOp modify_word(std::uint64_t address, std::uint32_t mask, std::uint32_t bits, std::string text);

/// Whether the machine has a GICv3, not a GICv2.
bool is_gicv3(Stage& stage);
/// Where the redistributor of a vCPU has its frames.
constexpr std::uint64_t redistributor_of(std::uint32_t vcpu) {
    return AGENT_GICR + std::uint64_t{vcpu} * irqchip::arm64::gicr::frames_size;
}
/// Where the registers of an INTID begin: in the distributor, or for a private one of a GICv3 in the vCPU's
/// redistributor.
std::uint64_t registers_of(Stage& stage, std::uint32_t vcpu, std::uint32_t intid);

}  // namespace irqbench::scenarios::verbs::arm64

namespace irqbench::scenarios {

template <>
struct Words<verbs::arm64::Trigger> {
    using E = verbs::arm64::Trigger;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{
        {{"edge", E::edge}, {"level", E::level}}};
};

}  // namespace irqbench::scenarios
