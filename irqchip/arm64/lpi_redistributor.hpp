#pragma once

// Models: the LPI side of a GICv3 redistributor: GICR_PROPBASER and GICR_PENDBASER, what follows from
//   GICR_CTLR.EnableLPIs, configurations cached until INV or INVALL, pending LPIs, the one to take next.
// Leaves out: GICR_CTLR and GICR_TYPER themselves (the rest of the redistributor has them), virtual LPIs,
//   two security states (LPIs are Group 1, their priority is the table's), GICR_CTLR.RWP and GICR_SYNCR
//   (nothing takes time).
// Differs from KVM: each redistributor caches configurations of its own, KVM has one for each mapped LPI;
//   any bit of the pending table counts, in KVM only those of mapped LPIs; clearing EnableLPIs writes the
//   pending table (KVM forgets what was pending); a message for a redistributor whose EnableLPIs is clear
//   is lost, also one on the move; each redistributor has a GICR_PROPBASER of its own. As in KVM, the
//   tables' registers are read-only while EnableLPIs is set, memory attributes read back as with_possible_
//   attributes() says, and of equal priorities the lowest INTID is first.
// Source: IHI 0069, chapter 5.1 (LPIs), 12.11 (GICR_PROPBASER, GICR_PENDBASER); KVM arm-vgic-v3.rst.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/arm64/lpi_memory.hpp"
#include "irqchip/arm64/lpi_registers.hpp"
#include "irqchip/arm64/lpi_set.hpp"

namespace irqbench::irqchip::arm64 {

struct PriorityLpi {
    std::uint32_t intid;
    std::uint8_t priority;
    friend bool operator==(const PriorityLpi&, const PriorityLpi&) = default;
};

class LpiRedistributor {
  public:
    static constexpr unsigned default_id_bits = 16;
    static constexpr unsigned max_id_bits = 24;

    /// `id_bits` is GICD_TYPER.IDbits plus one: 14 to 24.
    explicit LpiRedistributor(unsigned id_bits = default_id_bits);

    /// Guest access to GICR_PROPBASER and GICR_PENDBASER at `offset` from RD_base, 4 or 8 bytes, aligned.
    /// Anything else reads zero and ignores writes.
    std::uint64_t read(std::uint32_t offset, unsigned size) const;
    void write(std::uint32_t offset, unsigned size, std::uint64_t value);

    /// GICR_CTLR.EnableLPIs. Setting it reads the pending table, unless GICR_PENDBASER.PTZ says it is zero;
    /// clearing it writes the table and forgets all that was cached.
    void set_enabled(bool enabled, TableMemory& memory);
    bool enabled() const { return enabled_; }

    /// @returns whether the LPI was not pending before. An INTID out of range is ignored.
    bool set_pending(std::uint32_t intid, const TableMemory& memory);
    /// @returns whether the LPI was pending. Taking an LPI is the same: it has no active state.
    bool clear_pending(std::uint32_t intid);
    bool pending(std::uint32_t intid) const;

    /// The enabled pending LPI of the highest priority. Costs the same whatever is mapped or pending.
    std::optional<PriorityLpi> best() const;

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
