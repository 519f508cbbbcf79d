#pragma once

// Models: a GICv3 with one security state and affinity routing, put together: distributor, and per CPU a
//   redistributor and a CPU interface; SGIs to lists of affinities and to all others; the choice for 1 of N.
//   What LPIs and an ITS add comes from outside, by set_best_lpi() and LpiCommand: see Gicv3WithIts.
// Leaves out, Differs from KVM: see the headers of the three parts. One more: interrupts of equal priority
//   are taken lowest INTID first, not in the order of their arrival. As in KVM, ICC_SGI1R_EL1 reaches SGIs of
//   either group, the other two those of group 0 (IHI 0069, "Forwarding an SGI to a target PE"), and
//   deactivation by EOIR or DIR, but not by ICACTIVER, tells the watchers of a level-triggered SPI.
// Source: Arm IHI 0069; Linux Documentation/virt/kvm/devices/arm-vgic-v3.rst.

#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/arm64/gic_cpu_interface.hpp"
#include "irqchip/arm64/gic_distributor.hpp"
#include "irqchip/arm64/gic_redistributor.hpp"
#include "irqchip/effect.hpp"

namespace irqbench::irqchip::arm64 {

class Gicv3 {
  public:
    explicit Gicv3(const Gicv3Options& options = {});

    const Gicv3Options& options() const { return distributor_.options(); }
    std::size_t cpu_count() const { return cpus_.size(); }

    std::uint64_t read_distributor(std::uint32_t offset, unsigned size) const {
        return distributor_.read(offset, size);
    }
    void write_distributor(std::uint32_t offset, unsigned size, std::uint64_t value) {
        distributor_.write(offset, size, value);
    }
    /// The frames of `cpu`, whoever reads or writes them.
    std::uint64_t read_redistributor(unsigned cpu, std::uint32_t offset, unsigned size) const {
        return cpus_[cpu].redistributor.read(offset, size);
    }
    Effects write_redistributor(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value);

    /// MRS and MSR of a register numbered as by sysreg(). Nothing where the instruction is UNDEFINED. A read
    /// of IAR0 or IAR1 acknowledges. An INTID from 8192 up is the LPI that was handed in: its keeper takes
    /// its pending state away and hands in the next.
    std::optional<std::uint64_t> read_sysreg(unsigned cpu, std::uint32_t number);
    std::optional<Effects> write_sysreg(unsigned cpu, std::uint32_t number, std::uint64_t value);
    /// A read without side effects.
    std::optional<std::uint64_t> peek_sysreg(unsigned cpu, std::uint32_t number) const;

    /// One driver of an input line changes; the line is asserted while any driver asserts it. `intid` is an
    /// SPI, or a PPI of `cpu`.
    void set_line(std::uint32_t intid, bool asserted, LineSource source = LineSource::wire, unsigned cpu = 0);

    /// The best LPI that is pending, enabled and of this CPU; from its keeper, on every change.
    void set_best_lpi(unsigned cpu, std::optional<Candidate> lpi) {
        cpus_[cpu].redistributor.set_best_lpi(lpi);
    }

    /// What a CPU interface tells its CPU: group 1 by IRQ, group 0 by FIQ.
    bool irq(unsigned cpu) const { return signals(cpu, Group::group1); }
    bool fiq(unsigned cpu) const { return signals(cpu, Group::group0); }

    /// `intid` is an SPI, or an SGI or PPI of `cpu`.
    InterruptState state(unsigned cpu, std::uint32_t intid) const;

    /// For inspection: interrupt_fields(), and `route` of an SPI; the registers, without side effects.
    std::vector<NamedValue> fields(unsigned cpu, std::uint32_t intid) const;
    std::vector<NamedValue> distributor_fields() const;
    std::vector<NamedValue> redistributor_fields(unsigned cpu) const;
    std::vector<NamedValue> cpu_interface_fields(unsigned cpu) const;

    const GicDistributor& distributor() const { return distributor_; }
    const GicRedistributor& redistributor(unsigned cpu) const { return cpus_[cpu].redistributor; }
    const GicCpuInterface& cpu_interface(unsigned cpu) const { return cpus_[cpu].interface; }

    friend bool operator==(const Gicv3&, const Gicv3&) = default;

  private:
    struct Cpu {
        GicRedistributor redistributor;
        GicCpuInterface interface;
        friend bool operator==(const Cpu&, const Cpu&) = default;
    };

    /// What waits for a CPU interface: SPIs, SGIs and PPIs, LPIs.
    BestOfGroups best(unsigned cpu) const;
    bool signals(unsigned cpu, Group group) const;
    /// Whether SPIs, or SGIs and PPIs, of this INTID exist.
    bool implements(std::uint32_t intid) const;

    std::uint32_t acknowledge(unsigned cpu, Group group);
    Effects end(unsigned cpu, Group group, std::uint32_t intid);
    Effects deactivate(unsigned cpu, std::uint32_t intid);
    void send_sgi(unsigned cpu, IccSgi command, bool group1);
    /// A CPU interface or a redistributor may have entered or left 1 of N.
    void choose();

    GicDistributor distributor_;
    std::vector<Cpu> cpus_;
};

}  // namespace irqbench::irqchip::arm64
