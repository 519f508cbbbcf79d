#pragma once

// Models: a redistributor of a GICv3 with one security state: its SGIs and PPIs, the registers that point to
//   LPI tables and switch LPIs on, disable-processor-selection bits.
// Leaves out: the LPIs: LpiRedistributor, which keeps them, hides behind LpiCommand and the best candidate
//   that is handed in here; power (GICR_WAKER reads zero), GICR_STATUSR, extended PPIs, GICv4. SGIs are
//   edge-triggered and PPIs level-triggered; the guest cannot change that; KVM has them so too.
// Differs from KVM: GICR_PROPBASER is one per redistributor. As in KVM, SGIs are enabled and all is of
//   group 1 after reset; the bases cannot change while LPIs are enabled, and attributes of tables read back
//   as with_possible_attributes() says.
// Source: Arm IHI 0069, chapters 2 to 6 and the redistributor registers; Linux
//   Documentation/virt/kvm/devices/arm-vgic-v3.rst.

#include <cstdint>
#include <optional>

#include "irqchip/arm64/candidates.hpp"
#include "irqchip/arm64/gic_distributor.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/interrupt_block.hpp"
#include "irqchip/effect.hpp"

namespace irqbench::irqchip::arm64 {

class GicRedistributor {
  public:
    /// RD_base and SGI_base.
    static constexpr std::uint32_t frames_size = gicr::frames_size;

    /// Of CPU number `cpu` of `options.cpus`.
    GicRedistributor(const Gicv3Options& options, unsigned cpu);

    Affinity affinity() const { return typer_.get(typer_.affinity); }

    /// Guest access to the two frames. Registers are read and written by aligned words, IPRIORITYR also by
    /// bytes and 64-bit registers as a whole. Anything else reads zero and writes nothing.
    std::uint64_t read(std::uint32_t offset, unsigned size) const;
    Effects write(std::uint32_t offset, unsigned size, std::uint64_t value);

    /// The functions below take INTIDs below 32.
    void set_line(std::uint32_t intid, bool asserted, LineSource source);
    void send_sgi(std::uint32_t intid);
    void acknowledge(std::uint32_t intid);
    void deactivate(std::uint32_t intid);
    InterruptState state(std::uint32_t intid) const { return block_.state(intid); }

    /// The best SGI or PPI of a group.
    std::optional<Candidate> best(Group group) const { return waiting_[index(group)].best(); }

    /// The best LPI that is pending, enabled and of this CPU, from whoever keeps them: on every change.
    void set_best_lpi(std::optional<Candidate> lpi) { best_lpi_ = lpi; }
    /// Nothing while GICR_CTLR.EnableLPIs is clear.
    std::optional<Candidate> best_lpi() const { return lpis_enabled() ? best_lpi_ : std::nullopt; }
    bool lpis_enabled() const { return ctlr_.get(ctlr_.enable_lpis); }
    GicrPropbaser propbaser() const { return propbaser_; }
    /// pending_table_zero is what the guest wrote last.
    GicrPendbaser pendbaser() const { return pendbaser_; }

    /// Whether the CPU takes 1 of N interrupts of a group.
    bool selectable(Group group) const {
        return !(group == Group::group0 ? ctlr_.get(ctlr_.stay_out_group0)
                                        : ctlr_.get(ctlr_.stay_out_group1));
    }

    friend bool operator==(const GicRedistributor&, const GicRedistributor&) = default;

  private:
    template <class Change>
    void change(std::uint32_t mask, Change change);

    std::uint64_t read_register(const GicAccess& access) const;
    template <class Table>
    void move_table(Table& table, std::uint64_t value, std::uint64_t lanes) const;
    Effects write_ctlr(std::uint32_t value);
    Effects invalidate(const GicAccess& access, std::uint64_t value) const;

    /// Bits of GICR_CTLR that options leave to the guest.
    std::uint32_t ctlr_writable_ = 0;
    std::uint16_t cpu_;
    BlockRules rules_;
    GicrTyper typer_;
    GicrCtlr ctlr_;
    GicrPropbaser propbaser_;
    GicrPendbaser pendbaser_;
    InterruptBlock block_;
    CandidateLists waiting_;
    std::optional<Candidate> best_lpi_;
};

}  // namespace irqbench::irqchip::arm64
