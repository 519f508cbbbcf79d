#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "vmm/arm64/affinity.hpp"

/// The words of GIC interrupts, and the operations that many verbs are made of.
namespace irqbench::scenarios::verbs::arm64 {

using vmm::arm64::affinity_of;

inline constexpr Limits intid_range = up_to(0xffff);
inline constexpr Limits private_range = up_to(31);
inline constexpr Limits spi_range = between(32, 1019);
inline constexpr Limits priority_range = up_to(0xff);

/// GICD_ICFGR, as the bit says it (IHI 0069, 12.9.9).
enum class Trigger : std::uint8_t { level = 0, edge = 1 };

/// What of a register belongs to one INTID (IHI 0069, 12.9): distributor, or second frame of a redistributor.
namespace gic_register {
inline constexpr std::uint32_t igroupr = 0x080;
inline constexpr std::uint32_t isenabler = 0x100;
inline constexpr std::uint32_t icenabler = 0x180;
inline constexpr std::uint32_t ispendr = 0x200;
inline constexpr std::uint32_t icpendr = 0x280;
inline constexpr std::uint32_t isactiver = 0x300;
inline constexpr std::uint32_t icactiver = 0x380;
inline constexpr std::uint32_t ipriorityr = 0x400;
inline constexpr std::uint32_t itargetsr = 0x800;
inline constexpr std::uint32_t icfgr = 0xc00;
inline constexpr std::uint32_t sgir = 0xf00;
inline constexpr std::uint32_t irouter = 0x6000;
}  // namespace gic_register

/// Writes a register of 32 bits.
vmm::GuestOp write_word(std::uint64_t address, std::uint32_t value, std::string text);
/// Changes some bits of one.
vmm::GuestOp modify_word(std::uint64_t address, std::uint32_t mask, std::uint32_t bits, std::string text);

/// Whether the machine has a GICv3, not a GICv2.
bool is_gicv3(Stage& stage);
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
