#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/gic_state.hpp"

// Which registers the state of a GIC is in, and in which order a new one takes them. Source: Linux,
// Documentation/virt/kvm/devices/arm-vgic.rst, arm-vgic-v3.rst and arm-vgic-its.rst; IHI 0048, IHI 0069.
namespace irqbench::vmm::arm64 {

/// A GIC's registers as whoever saves it has them: no access has a side effect; GICD_ISPENDR and GICR_ISPENDR
/// are of the pending latch alone, without what a line that is high makes pending and without the SGIs of a
/// GICv2; GICC_PMR has its bits where the guest has them, and GICC_APR is of both groups.
class RegisterFile {
  public:
    [[nodiscard]] virtual std::uint64_t read_register(const GicRegister& where) const = 0;
    virtual void write_register(const GicRegister& where, std::uint64_t value) = 0;

  protected:
    ~RegisterFile() = default;
};

struct GicShape {
    bool is_v3 = true;
    bool its = false;
    std::uint32_t cpus = 1;
    std::uint32_t spis = 0;
};

/// What is set comes where it belongs when it is told to be active or pending: group, priority, trigger and
/// target are known by then. Of registers that set bits alone, those that clear them come first.
[[nodiscard]] RegisterValues distributor_values(const RegisterFile& gic, const GicShape& shape);
/// Where the tables of LPIs are comes before GICR_CTLR, which enables LPIs: it cannot be said afterwards.
[[nodiscard]] RegisterValues redistributor_values(const RegisterFile& gic, const GicShape& shape);
/// CTLR comes last: BPR1 is neither read nor written while CBPR has it follow BPR0, so that this bit is taken
/// away for the time being.
[[nodiscard]] RegisterValues cpu_interface_values(RegisterFile& gic, const GicShape& shape);
/// GITS_CREADR after GITS_CBASER, which resets it; without GITS_CTLR.
[[nodiscard]] RegisterValues its_values(const RegisterFile& gic);

void write_registers(RegisterFile& gic, const RegisterValues& values);

/// Where a redistributor with these registers has its table of pending LPIs, with all bits clear: a bit for
/// each INTID below 2^IDbits, of which no GIC here has more than 16 (IHI 0069, 5.1.2; KVM's
/// INTERRUPT_ID_BITS_ITS).
[[nodiscard]] PendingTable pending_table_of(std::uint64_t propbaser, std::uint64_t pendbaser);

/// One register of GICR_PROPBASER and GICR_PENDBASER, which are written by halves.
[[nodiscard]] std::uint64_t read_wide(const RegisterFile& gic, GicRegister where);

}  // namespace irqbench::vmm::arm64
