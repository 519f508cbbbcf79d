#include "tools/fuzz/arm64/exclusions.hpp"

#include <array>

#include "tools/fuzz/arm64/features.hpp"

namespace irqbench::tools::fuzz::arm64 {

namespace {

constexpr std::array arm64_table{
    Exclusion{feature::gicv2, in_kernel, "", "KVM makes the GIC that the host's own can bear",
              "KVM vgic-init.c, kvm_vgic_create", "arm_vgic_v2"},
    Exclusion{feature::gicv3, in_kernel, "", "KVM makes the GIC that the host's own can bear",
              "KVM vgic-init.c, kvm_vgic_create", "arm_vgic_v3"},
    Exclusion{feature::its, in_kernel, "", "there is an ITS beside a GICv3 only",
              "KVM vgic-its.c, vgic_its_create", "arm_vgic_its"},
    Exclusion{feature::gicv3, in_userspace, "", "without a GICv3 of KVM a vCPU has no registers for one",
              "vmm/arm64/userspace_gic.hpp; KVM sys_regs.c"},
    Exclusion{feature::its, in_userspace, "", "there is an ITS beside a GICv3 only",
              "vmm/arm64/userspace_gic.hpp"},
    Exclusion{feature::foreign_deactivation, in_kernel, "",
              "a retargeted SPI waits when a third vCPU deactivates it",
              "docs/findings.md, G; IHI 0069, 12.2 ICC_DIR_EL1"},
    Exclusion{feature::masked_retarget, in_kernel, "",
              "an SPI that its vCPU masks by priority does not reach the vCPU it is sent to",
              "docs/findings.md, K; IHI 0069, 12.9 GICD_IROUTER"},
    Exclusion{feature::held_edge, in_kernel, "",
              "an edge that comes while it is active is its vCPU's, disabled or sent elsewhere",
              "docs/findings.md, L; IHI 0069, 12.9 GICD_ICENABLER and GICD_IROUTER"},
    Exclusion{feature::software_active, in_kernel, "",
              "an EOI ends what software made active, and not the interrupt of its handler",
              "docs/findings.md, M; IHI 0069, 12.9 GICD_ISACTIVER"},
    Exclusion{feature::lpi_eoi_mode, in_kernel, "",
              "with more pending than list registers the EOI of an LPI deactivates another interrupt",
              "docs/findings.md, J; IHI 0069, 4.1.2"},
    Exclusion{feature::distributor_off, in_kernel, "distributor_enable_unnoticed",
              "what came to a disabled distributor is not forwarded when it is enabled",
              "docs/findings.md, A; IHI 0069, 4.7"},
    Exclusion{feature::software_level, in_kernel, "software_pending_while_active",
              "what software made pending is pending while it is active",
              "docs/findings.md, B; IHI 0048, 4.3.7"},
    Exclusion{feature::discard_pending, in_kernel, "", "DISCARD leaves the LPI pending",
              "docs/findings.md, C; IHI 0069, 5.3"},
    Exclusion{feature::collections, in_kernel, "", "MAPC moves what is pending, of which only MOVALL speaks",
              "irqchip/arm64/its.hpp; KVM vgic-its.c, update_affinity_collection; IHI 0069, 5.3"},
    Exclusion{feature::resample, in_kernel, "resampled_spi_taken_twice",
              "the SPI of a resampling irqfd is taken twice", "docs/findings.md, D; KVM api.rst, KVM_IRQFD"},
    Exclusion{feature::level_irqfd, in_kernel, "",
              "a plain irqfd leaves the line of a level-sensitive SPI high",
              "docs/findings.md, E; KVM vgic-irqfd.c, kvm_arch_set_irq_inatomic"},
    Exclusion{
        feature::pending_id, in_kernel, "",
        "GICC_HPPIR of QEMU's GICv2, which a guest reads, has nothing that the priority mask holds back",
        "docs/lab.md; IHI 0048, 4.4.7"},
};

}  // namespace

std::span<const Exclusion> exclusions() { return arm64_table; }

}  // namespace irqbench::tools::fuzz::arm64
