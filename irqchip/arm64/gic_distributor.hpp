#pragma once

// Models: the distributor of a GICv3 with one security state (GICD_CTLR.DS) and affinity routing: up to 988
//   SPIs, edge and level, both groups, IROUTER with Aff3 to Aff0 and 1 of N.
// Leaves out: legacy operation, message-based SPIs (GICD_SETSPI_NSR), the extended SPI range, GICD_STATUSR,
//   NMIs, wake-up (E1NWF). RWP is never set: writes take effect at once.
// Differs from KVM: GICD_CTLR enables each group by itself; 1 of N is there: the lowest CPU takes part that
//   has the group enabled in its CPU interface and GICR_CTLR.DPG clear; an edge-triggered input sees its
//   line rise, not every raise, and its line is kept for the day it becomes level-triggered. As in KVM, SPIs
//   are of group 1 after reset, and an affinity that no CPU has leads nowhere.
// Source: Arm IHI 0069, chapters 2 to 4 and the distributor registers; Linux
//   Documentation/virt/kvm/devices/arm-vgic-v3.rst.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/arm64/candidates.hpp"
#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/interrupt_block.hpp"
#include "irqchip/effect.hpp"

namespace irqbench::irqchip::arm64 {

struct Gicv3Options {
    /// The affinities of the CPUs, each once, in the order of their numbers.
    std::vector<Affinity> cpus{0};
    /// GICR_TYPER.Processor_Number of each of them, each once; without any a CPU's is its index.
    std::vector<std::uint16_t> processor_numbers{};
    /// A multiple of 32 from 32 up, or all 988.
    std::uint32_t spis = 64;
    /// 4 to 8.
    unsigned priority_bits = 5;
    /// GICD_TYPER.LPIS and what follows from it.
    bool lpis = true;
    /// GICD_TYPER.IDbits plus one, if there are LPIs: 14 to 24.
    unsigned lpi_id_bits = default_lpi_id_bits;
    /// A3V: whether Aff3 may be other than zero.
    bool affinity3 = false;
    /// Whether IROUTER can name any CPU; the complement of GICD_TYPER.No1N.
    bool one_of_n = true;
    /// GICR_TYPER.DPGS: whether a CPU can stay out of 1 of N.
    bool disable_selection = false;
    /// GICD_IIDR.Revision: what KVM_VGIC_IMP_REV says. From 3 on redistributors have GICR_INVLPIR.
    std::uint8_t revision = 3;

    friend bool operator==(const Gicv3Options&, const Gicv3Options&) = default;
};

class GicDistributor {
  public:
    static constexpr std::uint32_t frame_size = 0x10000;

    explicit GicDistributor(const Gicv3Options& options);

    const Gicv3Options& options() const { return options_; }
    /// SPIs have INTIDs from 32 to below this.
    std::uint32_t intid_count() const { return private_count + options_.spis; }
    bool implements(std::uint32_t intid) const { return intid >= private_count && intid < intid_count(); }

    /// Guest access. Registers are read and written by aligned words, IPRIORITYR also by bytes and IROUTER
    /// by 64 bits. Anything else reads zero and writes nothing.
    std::uint64_t read(std::uint32_t offset, unsigned size) const;
    void write(std::uint32_t offset, unsigned size, std::uint64_t value);

    /// The functions below take INTIDs of SPIs that exist.
    void set_line(std::uint32_t intid, bool asserted, LineSource source);
    /// The CPU takes a candidate.
    void acknowledge(std::uint32_t intid);
    /// Whether that ended a level-triggered SPI.
    bool deactivate(std::uint32_t intid);
    InterruptState state(std::uint32_t intid) const;
    GicdIrouter route(std::uint32_t intid) const { return routes_[intid - private_count]; }

    bool enabled(Group group) const {
        return group == Group::group0 ? ctlr_.get(ctlr_.enable_group0) : ctlr_.get(ctlr_.enable_group1);
    }
    /// The best SPI for a CPU, whether or not GICD_CTLR enables the group.
    std::optional<Candidate> best(unsigned cpu, Group group) const;
    /// Which CPU takes the 1 of N interrupts of a group.
    void choose(Group group, std::optional<unsigned> cpu) { chosen_[index(group)] = cpu; }

    friend bool operator==(const GicDistributor&, const GicDistributor&) = default;

  private:
    /// Values of targets_ that are no CPU.
    static constexpr std::uint16_t any_cpu = 0xFFFF;
    static constexpr std::uint16_t no_cpu = 0xFFFE;

    InterruptBlock& block(std::uint32_t intid) { return blocks_[intid / 32 - 1]; }
    const InterruptBlock& block(std::uint32_t intid) const { return blocks_[intid / 32 - 1]; }
    BlockRules rules(std::uint32_t number) const;
    std::uint16_t target_of(const GicdIrouter& route) const;
    template <class Change>
    void change(std::uint32_t number, std::uint32_t mask, Change change);

    std::uint64_t read_register(const GicAccess& access) const;
    void write_route(const GicAccess& access, std::uint64_t value);

    Gicv3Options options_;
    GicdCtlr ctlr_;
    /// Block n - 1 holds INTIDs 32 * n and up.
    std::vector<InterruptBlock> blocks_;
    std::vector<GicdIrouter> routes_;
    /// Where routes_ lead: the number of a CPU.
    std::vector<std::uint16_t> targets_;
    std::vector<CandidateLists> waiting_;
    CandidateLists waiting_for_any_;
    std::array<std::optional<unsigned>, groups.size()> chosen_{};
};

}  // namespace irqbench::irqchip::arm64
