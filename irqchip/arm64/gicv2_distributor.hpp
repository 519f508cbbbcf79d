#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "irqchip/arm64/candidates.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/interrupt_block.hpp"
#include "irqchip/effect.hpp"

// The distributor half of a GICv2. Its header lines are those of irqchip/arm64/gicv2.hpp.
namespace irqbench::irqchip::arm64 {

struct Gicv2Options {
    /// 1 to 8.
    unsigned cpus = 1;
    /// A multiple of 32 from 32 up, or all 988.
    std::uint32_t spis = 64;
    /// 4 to 8.
    unsigned priority_bits = 5;
    /// GICD_IIDR.Revision: what KVM_VGIC_IMP_REV says.
    std::uint8_t revision = 3;

    friend bool operator==(const Gicv2Options&, const Gicv2Options&) = default;
};

class Gicv2Distributor {
  public:
    static constexpr unsigned maximum_cpus = 8;

    explicit Gicv2Distributor(const Gicv2Options& options);

    const Gicv2Options& options() const { return options_; }
    /// INTIDs up to here exist.
    std::uint32_t intid_count() const { return private_count + options_.spis; }

    /// Guest access by `cpu`, whose registers of INTIDs 0 to 31 are its own.
    std::uint64_t read(unsigned cpu, std::uint32_t offset, unsigned size) const;
    void write(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value);

    /// `intid` is an SPI, or a PPI of `cpu`.
    void set_line(unsigned cpu, std::uint32_t intid, bool asserted, LineSource source);

    bool enabled(Group group) const;
    /// What waits for a CPU interface, in the groups that GICD_CTLR enables.
    BestOfGroups best(unsigned cpu) const;

    /// The CPU takes a candidate. SGIs of one number from several CPUs are taken one by one.
    void acknowledge(unsigned cpu, std::uint32_t intid);
    /// The CPU whose SGI is taken next: the lowest of those that sent it. Zero for other interrupts.
    unsigned source(unsigned cpu, std::uint32_t intid) const;
    /// Whether that ended a level-triggered SPI.
    bool deactivate(unsigned cpu, std::uint32_t intid);

    /// `intid` is below intid_count().
    InterruptState state(unsigned cpu, std::uint32_t intid) const;
    /// The set of CPUs that sent an SGI which is pending.
    std::uint8_t sources(unsigned cpu, std::uint32_t intid) const { return sources_[cpu][intid]; }
    /// The set of CPUs an SPI goes to.
    std::uint8_t targets(std::uint32_t intid) const { return targets_[intid - private_count]; }

    friend bool operator==(const Gicv2Distributor&, const Gicv2Distributor&) = default;

  private:
    using SourcesOfSgis = std::array<std::uint8_t, sgi_count>;

    std::uint8_t all_cpus() const { return static_cast<std::uint8_t>((1U << options_.cpus) - 1); }
    /// Block n holds INTIDs 32 * n and up; block 0 is one per CPU.
    InterruptBlock& block(unsigned cpu, std::uint32_t number);
    const InterruptBlock& block(unsigned cpu, std::uint32_t number) const;
    BlockRules rules(std::uint32_t number) const;
    template <class Change>
    void change(unsigned cpu, std::uint32_t number, std::uint32_t mask, Change change);

    std::uint32_t read_register(unsigned cpu, const GicAccess& access) const;
    void write_targets(const GicAccess& access, std::uint32_t value);
    void send_sgi(unsigned cpu, GicdSgir command);
    void set_sources(unsigned cpu, std::uint32_t intid, unsigned sources);

    Gicv2Options options_;
    GicdCtlrV2 ctlr_;
    std::vector<InterruptBlock> private_;
    std::vector<InterruptBlock> shared_;
    std::vector<std::uint8_t> targets_;
    /// CPUs from which each SGI is pending; the latch of an SGI is set while there are any.
    std::vector<SourcesOfSgis> sources_;
    std::vector<CandidateLists> waiting_;
};

}  // namespace irqbench::irqchip::arm64
