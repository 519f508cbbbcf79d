#pragma once

// Models: a GICv2 without Security Extensions: distributor and up to eight CPU interfaces, both groups,
//   SGIs by source, PPIs, up to 988 SPIs, priorities with binary points, preemption, EOImode 0 and 1,
//   active priorities, IRQ and FIQ outputs.
// Leaves out: the bypass of interrupts around the CPU interface, NSACR, lockable SPIs, the virtual CPU
//   interface. A PPI is level-triggered; KVM has them so too.
// Differs from KVM: GICD_CTLR enables each group by itself; an SPI waits for every CPU in its target list,
//   and for none while the list is empty (KVM takes the lowest, and CPU 0); GICC_NSAPR holds the active
//   priorities of group 1 (a GICV has one register for both); an edge-triggered input sees its line rise,
//   not every raise, and its line is kept for the day it becomes level-triggered; only CPUs that exist can
//   be sources of an SGI; ICPIDR2 says GICv2. Among equal priorities the lowest INTID goes first. As in
//   KVM, EOIR deactivates what it names, whichever register acknowledged it and whatever it drops.
// Source: Arm IHI 0048B.b, chapters 3 and 4; Linux Documentation/virt/kvm/devices/arm-vgic.rst.

#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/arm64/gic_priorities.hpp"
#include "irqchip/arm64/gicv2_distributor.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/effect.hpp"

namespace irqbench::irqchip::arm64 {

class Gicv2 {
  public:
    static constexpr std::uint32_t distributor_size = 0x1000;
    static constexpr std::uint32_t cpu_interface_size = 0x2000;

    explicit Gicv2(const Gicv2Options& options = {});

    const Gicv2Options& options() const { return distributor_.options(); }

    /// Guest accesses by `cpu`. Registers are read and written by aligned words, those of a byte per INTID
    /// also by bytes. Anything else reads zero and writes nothing.
    std::uint64_t read_distributor(unsigned cpu, std::uint32_t offset, unsigned size) const {
        return distributor_.read(cpu, offset, size);
    }
    void write_distributor(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value) {
        distributor_.write(cpu, offset, size, value);
    }
    /// Reads of IAR and AIAR acknowledge.
    std::uint64_t read_cpu_interface(unsigned cpu, std::uint32_t offset, unsigned size);
    Effects write_cpu_interface(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value);
    /// The register at `offset` of the CPU interface, without side effects.
    std::uint32_t peek_cpu_interface(unsigned cpu, std::uint32_t offset) const;

    /// One driver of an input line changes; the line is asserted while any driver asserts it. `intid` is an
    /// SPI, or a PPI of `cpu`.
    void set_line(std::uint32_t intid, bool asserted, LineSource source = LineSource::wire,
                  unsigned cpu = 0) {
        distributor_.set_line(cpu, intid, asserted, source);
    }

    /// What a CPU interface tells its CPU: group 1 by IRQ, group 0 by FIQ if GICC_CTLR.FIQEn is set.
    bool irq(unsigned cpu) const { return signals(cpu, false); }
    bool fiq(unsigned cpu) const { return signals(cpu, true); }

    InterruptState state(unsigned cpu, std::uint32_t intid) const { return distributor_.state(cpu, intid); }

    /// For inspection: interrupt_fields() of an INTID that exists, and `sources` of an SGI or `targets` of an
    /// SPI; the registers as `cpu` reads them, without side effects.
    std::vector<NamedValue> fields(unsigned cpu, std::uint32_t intid) const;
    std::vector<NamedValue> distributor_fields(unsigned cpu) const;
    std::vector<NamedValue> cpu_interface_fields(unsigned cpu) const;

    const Gicv2Distributor& distributor() const { return distributor_; }
    std::uint8_t running_priority(unsigned cpu) const { return cpus_[cpu].priorities.running(); }

    friend bool operator==(const Gicv2&, const Gicv2&) = default;

  private:
    struct CpuInterface {
        GiccCtlr ctlr;
        GicPriorities priorities;
        friend bool operator==(const CpuInterface&, const CpuInterface&) = default;
    };

    bool signals(unsigned cpu, bool fiq) const;
    std::optional<Waiting> signalled(unsigned cpu) const {
        return cpus_[cpu].priorities.signalled(distributor_.best(cpu));
    }
    std::uint32_t acknowledge(unsigned cpu, bool alias);
    /// What IAR or HPPIR, or their alias for group 1, make of what waits.
    std::uint32_t visible(unsigned cpu, const std::optional<Waiting>& waiting, bool alias) const;
    Effects end(unsigned cpu, std::uint32_t intid);
    Effects deactivate(unsigned cpu, std::uint32_t intid);
    std::uint32_t read_register(unsigned cpu, const GicAccess& access) const;
    void write_ctlr(CpuInterface& cpu, std::uint32_t value);

    Gicv2Distributor distributor_;
    std::vector<CpuInterface> cpus_;
};

}  // namespace irqbench::irqchip::arm64
