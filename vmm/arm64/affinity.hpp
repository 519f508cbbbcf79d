#pragma once

#include <cstdint>

namespace irqbench::vmm::arm64 {

/// MPIDR affinity, Aff2 to Aff0, that KVM gives a vCPU by its id: four bits of Aff0, eight of Aff1 and of
/// Aff2 (Linux, arch/arm64/kvm/sys_regs.c, reset_mpidr).
constexpr std::uint32_t affinity_of(std::uint32_t vcpu_id) {
    return (vcpu_id & 0xf) | (vcpu_id >> 4 & 0xff) << 8 | (vcpu_id >> 12 & 0xff) << 16;
}

}  // namespace irqbench::vmm::arm64
