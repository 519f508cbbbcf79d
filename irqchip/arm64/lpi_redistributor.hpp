#pragma once

// Models: the LPIs of a GICv3 redistributor: their tables in memory, configurations cached until INV or
//   INVALL, pending LPIs, the one to take next.
// Leaves out: the registers (GicRedistributor has them), virtual LPIs, two security states (LPIs are of
//   group 1, their priority is the table's), time: nothing takes any.
// Differs from KVM: each redistributor caches configurations of its own, KVM has one for each mapped LPI;
//   any bit of the pending table counts, in KVM only those of mapped LPIs; clearing EnableLPIs writes the
//   pending table (KVM forgets what was pending); a message for a redistributor whose EnableLPIs is clear
//   is lost, also one on the move. As in KVM, of equal priorities the lowest INTID is first.
// Source: Arm IHI 0069, 5.1; Linux Documentation/virt/kvm/devices/arm-vgic-v3.rst.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/arm64/candidates.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/lpi_memory.hpp"
#include "irqchip/arm64/lpi_set.hpp"

namespace irqbench::irqchip::arm64 {

class LpiRedistributor {
  public:
    /// `id_bits` is GICD_TYPER.IDbits plus one: 14 to 24.
    explicit LpiRedistributor(unsigned id_bits = default_lpi_id_bits);

    /// GICR_CTLR.EnableLPIs becomes set, with tables where the two registers say until disable(). Reads the
    /// pending table, unless GICR_PENDBASER.PTZ says it is zero.
    void enable(GicrPropbaser propbaser, GicrPendbaser pendbaser, const TableMemory& memory);
    /// EnableLPIs becomes clear. Writes the pending table and forgets the rest.
    void disable(TableMemory& memory);
    bool enabled() const { return enabled_; }

    /// @returns whether the LPI was not pending before. An INTID out of range is ignored.
    bool set_pending(std::uint32_t intid, const TableMemory& memory);
    /// @returns whether the LPI was pending. Taking an LPI is the same: it has no active state.
    bool clear_pending(std::uint32_t intid);
    bool pending(std::uint32_t intid) const;

    /// The enabled pending LPI of the highest priority. Costs the same whatever is mapped or pending.
    std::optional<Candidate> best() const;

    /// Reads the configuration of an LPI unless it is cached.
    void learn(std::uint32_t intid, const TableMemory& memory);
    /// The configuration as it is cached.
    std::optional<LpiConfiguration> configuration(std::uint32_t intid) const;
    /// INV: reads the configuration again. What cannot be read is cached no more, and its LPI stays pending
    /// unseen.
    void invalidate(std::uint32_t intid, const TableMemory& memory);
    /// INVALL: reads every cached configuration again.
    void invalidate_all(const TableMemory& memory);

    /// MOVI: the LPI and its configuration go to another redistributor.
    void move(std::uint32_t intid, LpiRedistributor& to, const TableMemory& memory);
    /// MOVALL: every pending LPI does so. What is not pending follows its collection, which only MAPC moves.
    void move_all(LpiRedistributor& to, const TableMemory& memory);

    /// KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES. Nothing to save is a success.
    /// @returns false if a part of the table is outside memory; the others are written all the same.
    bool save_pending(TableMemory& memory) const;

    friend bool operator==(const LpiRedistributor&, const LpiRedistributor&) = default;

  private:
    static constexpr unsigned priority_count = 64;
    /// RES1 in a configuration: what is cached is never zero.
    static constexpr std::uint8_t known = 0b10;

    /// INTIDs from here up are out of range: what GICR_PROPBASER says, within what there is.
    std::uint32_t end_of_lpis() const;
    bool in_range(std::uint32_t intid) const { return intid >= first_lpi && intid < end_of_lpis(); }
    std::uint8_t cached(std::uint32_t intid) const;
    /// Replaces what is cached, zero for nothing.
    void cache(std::uint32_t intid, std::uint8_t configuration);
    void set_ready(std::uint32_t intid, bool ready);
    void load_pending(const TableMemory& memory);

    unsigned id_bits_;
    GicrPropbaser propbaser_;
    GicrPendbaser pendbaser_;
    bool enabled_ = false;
    LpiSet pending_;
    /// Pending LPIs whose cached configuration enables them, by priority; `priorities_` has a bit for each
    /// set that is not empty.
    std::array<LpiSet, priority_count> ready_;
    std::uint64_t priorities_ = 0;
    /// By INTID from first_lpi, as far as was needed.
    std::vector<std::uint8_t> configurations_;
};

}  // namespace irqbench::irqchip::arm64
