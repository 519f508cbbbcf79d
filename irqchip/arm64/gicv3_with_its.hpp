#pragma once

// Models: a GICv3 with LPIs and one ITS, put together: an MSI of a device becomes an LPI that a CPU takes
//   through ICC_IAR1_EL1 and ends through ICC_EOIR1_EL1.
// Leaves out: several ITSes; MSIs whose DeviceID nobody gives (a CPU's write to GITS_TRANSLATER).
// Differs from KVM: see the headers of the parts: irqchip/arm64/gicv3.hpp, its.hpp and lpi_redistributor.hpp.
// Source: Arm IHI 0069; Linux Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic-its.rst.

#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/arm64/gicv3.hpp"
#include "irqchip/arm64/its.hpp"
#include "irqchip/arm64/lpi_effect.hpp"
#include "irqchip/arm64/lpi_memory.hpp"
#include "irqchip/arm64/lpi_redistributor.hpp"
#include "irqchip/effect.hpp"

namespace irqbench::irqchip::arm64 {

/// What wants guest memory is given it with each call: the tables of LPIs and of the ITS are there.
class Gicv3WithIts {
  public:
    /// Redistributors, their numbers and INTID bits of the ITS are those of `options`, whatever `its` says.
    explicit Gicv3WithIts(const Gicv3Options& options = {}, ItsOptions its = {});

    const Gicv3& gic() const { return gic_; }
    const Its& its() const { return its_; }
    const LpiRedistributor& lpis(unsigned cpu) const { return lpis_[cpu]; }

    /// For inspection: of an LPI of `cpu` enabled, pending and priority, as far as its configuration is
    /// cached; of any other interrupt what Gicv3::fields() tells.
    std::vector<NamedValue> fields(unsigned cpu, std::uint32_t intid) const;

    /// As the functions of Gicv3.
    std::uint64_t read_distributor(std::uint32_t offset, unsigned size) const {
        return gic_.read_distributor(offset, size);
    }
    void write_distributor(std::uint32_t offset, unsigned size, std::uint64_t value) {
        gic_.write_distributor(offset, size, value);
    }
    std::uint64_t read_redistributor(unsigned cpu, std::uint32_t offset, unsigned size) const {
        return gic_.read_redistributor(cpu, offset, size);
    }
    /// What a guest asks of LPIs here is done at once.
    void write_redistributor(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value,
                             TableMemory& memory);
    std::optional<std::uint64_t> read_sysreg(unsigned cpu, std::uint32_t number);
    std::optional<Effects> write_sysreg(unsigned cpu, std::uint32_t number, std::uint64_t value) {
        return gic_.write_sysreg(cpu, number, value);
    }
    std::optional<std::uint64_t> peek_sysreg(unsigned cpu, std::uint32_t number) const {
        return gic_.peek_sysreg(cpu, number);
    }
    void set_line(std::uint32_t intid, bool asserted, LineSource source = LineSource::wire,
                  unsigned cpu = 0) {
        gic_.set_line(intid, asserted, source, cpu);
    }
    bool irq(unsigned cpu) const { return gic_.irq(cpu); }
    bool fiq(unsigned cpu) const { return gic_.fiq(cpu); }

    /// As the functions of Its. What they return was carried out; it is for traces.
    std::uint64_t read_its(std::uint32_t offset, unsigned size) const { return its_.read(offset, size); }
    LpiEffects write_its(std::uint32_t offset, unsigned size, std::uint64_t value, TableMemory& memory);
    LpiEffects signal(std::uint32_t device, std::uint32_t event, TableMemory& memory);

    /// KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES: writes the pending tables of all CPUs whose LPIs are enabled.
    /// @returns false if a part of a table is outside memory; the others are written all the same
    bool save_pending_tables(TableMemory& memory) const;
    /// An LPI that is pending at a redistributor which the collections of its events have left: the tables of
    /// KVM, which looks for an LPI where its collection is, tell nothing of it.
    struct LeftBehind {
        std::uint32_t intid;
        unsigned cpu;
    };
    std::optional<LeftBehind> left_behind(const TableMemory& memory) const;
    /// As Its::save(), restore() and restore_creadr(). For a restore: ITS registers and tables first, then
    /// GICR_CTLR, which reads the pending tables.
    std::optional<TableFault> save_its_tables(TableMemory& memory) const { return its_.save(memory); }
    std::optional<TableFault> restore_its_tables(TableMemory& memory) { return its_.restore(memory); }
    bool restore_creadr(std::uint64_t value) { return its_.restore_creadr(value); }
    void reset_its() { its_.reset(); }

    friend bool operator==(const Gicv3WithIts&, const Gicv3WithIts&) = default;

  private:
    void carry_out(const LpiCommand& command, TableMemory& memory);
    void carry_out(const LpiEffects& effects, TableMemory& memory);
    /// The best LPI of `cpu` may be another.
    void hand_in(unsigned cpu) { gic_.set_best_lpi(cpu, lpis_[cpu].best()); }

    Gicv3 gic_;
    Its its_;
    /// By the number of the CPU, which is that of its redistributor.
    std::vector<LpiRedistributor> lpis_;
};

}  // namespace irqbench::irqchip::arm64
