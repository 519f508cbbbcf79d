#pragma once

// Models: the CPU interface of a GICv3 with one security state, by system registers: both groups, binary
//   points, preemption, EOImode 0 and 1, active priorities. SGI generation is Gicv3's, which knows the other
//   CPUs.
// Leaves out: legacy operation and bypass (ICC_SRE_EL1 reads 7), PMHE, RSS, NMIs, EL2 and EL3 registers.
// Differs from KVM: IDbits and A3V go by Gicv3Options and not by the host. A guest of KVM has the virtual CPU
//   interface, and its rules are used where the manual leaves open what happens: EOIR drops the highest
//   active priority whatever it names, and deactivates what it names only if that is active, of its group
//   and of the dropped priority; HPPIR looks neither at PMR nor at the running priority.
// Source: Arm IHI 0069, chapter 4 (4.8 for priorities) and the system registers.

#include <cstdint>
#include <optional>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gic_distributor.hpp"
#include "irqchip/arm64/gic_priorities.hpp"

namespace irqbench::irqchip::arm64 {

class GicCpuInterface {
  public:
    explicit GicCpuInterface(const Gicv3Options& options);

    /// The row of a register that exists here; of AP0R and AP1R only those that the priority bits need do.
    std::optional<RegisterMatch> find(std::uint32_t number) const;

    /// Registers that are state; zero for those that are commands.
    std::uint64_t read(const RegisterMatch& which) const;
    void write(const RegisterMatch& which, std::uint64_t value);

    bool enabled(Group group) const { return priorities_.enabled(group); }
    bool split_eoi() const { return ctlr_.get(ctlr_.eoi_mode); }
    std::uint8_t running_priority() const { return priorities_.running(); }

    /// What the CPU is told of: IRQ for group 1, FIQ for group 0.
    std::optional<Waiting> signalled(const BestOfGroups& best) const { return priorities_.signalled(best); }
    /// What IAR or HPPIR of a group reads.
    std::uint32_t acknowledgeable(Group group, const BestOfGroups& best) const;
    std::uint32_t highest_pending(Group group, const BestOfGroups& best) const;
    /// The CPU takes what acknowledgeable() told.
    void acknowledge(const Waiting& taken) { priorities_.activate(taken); }

    /// EOIR: the priority that was dropped, if any was active.
    std::optional<std::uint8_t> drop() { return priorities_.drop(); }
    /// Whether an EOIR of `group` that dropped `dropped` deactivates an interrupt in this state.
    bool ends(const InterruptState& state, Group group, std::uint8_t dropped) const;

    friend bool operator==(const GicCpuInterface&, const GicCpuInterface&) = default;

  private:
    IccCtlr ctlr_;
    GicPriorities priorities_;
};

}  // namespace irqbench::irqchip::arm64
