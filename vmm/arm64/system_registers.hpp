#pragma once

#include <cstdint>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"

/// System registers beside those of the GIC (irqchip::arm64::icc), numbered as those are: bits 20:5 of MRS
/// (Arm ARM, D17).
namespace irqbench::vmm::arm64::sysregs {

using irqchip::arm64::sysreg;

inline constexpr std::uint32_t mpidr = sysreg(3, 0, 0, 0, 5), isr = sysreg(3, 0, 12, 1, 0),
                               cntfrq = sysreg(3, 3, 14, 0, 0), cntvct = sysreg(3, 3, 14, 0, 2),
                               cntv_tval = sysreg(3, 3, 14, 3, 0), cntv_ctl = sysreg(3, 3, 14, 3, 1),
                               cntv_cval = sysreg(3, 3, 14, 3, 2);

}  // namespace irqbench::vmm::arm64::sysregs
