#pragma once

// Models: a local APIC, version 0x14, in xAPIC and x2APIC mode: registers, priorities, IPIs, all LVT
//   entries, LINT0 and LINT1, timer, errors, IA32_APIC_BASE and IA32_TSC_DEADLINE.
// Leaves out: the 3-wire bus (arbitration ids, remote read, ESR bits 3:0), the focus processor, AMD's
//   extended registers, the error of writing an illegal vector into an LVT entry ("may", 11.5.2). What a CPU
//   does on INIT, SIPI, NMI and SMI is the CPU's; delivery status is never "send pending", since nothing
//   waits. The polarity bit of LINT entries is kept and has no effect: pins are high when they ask.
// Differs from KVM: errors are recorded; bits 12 and 14 of LVT entries are read-only; reserved bits raise
//   #GP in x2APIC mode; IPIs are edge-triggered whatever the ICR says; ExtINT messages are taken; APR is
//   computed; leaving x2APIC mode resets the registers; a new divide configuration scales what is left of
//   the count and starts nothing; an expiry while the entry is masked is not kept; LINT0 takes the PIC's
//   INTR in every delivery mode, fixed, NMI, SMI and INIT included, where KVM's is for ExtINT, and for NMI
//   when its PIT ticks; lowest priority goes by APR; an xAPIC sees the low byte of a destination, so ids
//   above 255 alias. As in KVM, shorthands take modes that table 11-3 calls invalid, LINT1 can be
//   level-triggered, and disabling an xAPIC by IA32_APIC_BASE keeps its registers (11.4.3 allows their loss).
// Source: Intel SDM vol. 3, chapter 11; AMD APM vol. 2, chapter 16.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/effect.hpp"
#include "irqchip/register.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "irqchip/x86/lapic_timer.hpp"
#include "irqchip/x86/msi.hpp"
#include "irqchip/x86/saved_state.hpp"
#include "irqchip/x86/vector_set.hpp"

namespace irqbench::irqchip::x86 {

/// Delivery mode 110b, reserved in messages of devices, in an ICR (11.6.1).
inline constexpr DeliveryMode start_up = DeliveryMode::reserved_6;

enum class ApicMode : std::uint8_t { disabled, xapic, x2apic };

/// What implementations differ in.
struct LapicOptions {
    /// CPUID.01H:ECX[21].
    bool x2apic = true;
    /// CPUID.01H:ECX[24]: IA32_TSC_DEADLINE and LVT timer bit 18.
    bool tsc_deadline = true;
    /// IA32_MCG_CAP[10]: the LVT CMCI register.
    bool cmci = true;
    /// Version register bit 24: SVR bit 12 keeps EOIs from the I/O APICs.
    bool eoi_suppression = true;
    /// Whether lowest-priority IPIs are sent, or an error (11.5.3, "redirectable IPI").
    bool lowest_priority_ipis = true;
    /// A performance interrupt masks its LVT entry (11.5.1, figure 11-8); not on AMD.
    bool perf_masks_itself = true;
    /// IA32_APIC_BASE bits from here up are reserved; at most 52.
    unsigned physical_address_bits = 46;

    friend bool operator==(const LapicOptions&, const LapicOptions&) = default;
};

/// Events inside the CPU that have an LVT entry of their own.
enum class LocalEvent : std::uint8_t { cmci, thermal, performance };

class LocalApic {
  public:
    static constexpr std::uint32_t page_size = 0x1000;
    static constexpr std::uint64_t usual_page = 0xFEE0'0000;  ///< after RESET
    static constexpr std::uint32_t broadcast = 0xFFFF'FFFF;
    static constexpr unsigned lint_count = 2;

    struct Received {
        /// False if the sender has to try again or give up: IoApic::refused().
        bool accepted;
        Effects effects;
    };

    /// As after power-up (11.4.7.1). `id` is the x2APIC id; its low byte is the xAPIC id.
    explicit LocalApic(std::uint32_t id, bool bootstrap, LapicOptions options = {});

    const LapicOptions& options() const { return options_; }
    ApicMode mode() const { return mode_of(base_); }
    /// Where the xAPIC page is, in xAPIC mode.
    std::optional<std::uint64_t> mmio_base() const;
    std::uint64_t apic_base() const { return base_.raw(); }

    /// The id other local APICs know it by in its present mode.
    std::uint32_t id() const { return mode() == ApicMode::x2apic ? x2apic_id_ : id_.get(id_.id); }
    std::uint32_t x2apic_id() const { return x2apic_id_; }
    /// The logical id, as the register of its present mode has it.
    std::uint32_t ldr() const;
    /// How an xAPIC reads a logical destination.
    DestinationModel destination_model() const { return dfr_.get(dfr_.model); }
    bool bootstrap() const { return base_.get(base_.bootstrap); }
    bool software_enabled() const { return mode() != ApicMode::disabled && svr_.get(svr_.enabled); }

    /// Guest access at `offset` bytes into the xAPIC page. Registers are written by aligned 32-bit accesses
    /// only; their four bytes may be read in parts (11.4.1). Anything else reads zero and writes nothing.
    /// Outside xAPIC mode there is no page: ones and nothing.
    std::uint64_t read(std::uint32_t offset, unsigned size, LapicTime now);
    Effects write(std::uint32_t offset, unsigned size, std::uint64_t value, LapicTime now);

    /// Whether an MSR is the local APIC's: its base, its deadline and the x2APIC block.
    static bool owns_msr(std::uint32_t index);
    /// Nothing for #GP.
    std::optional<std::uint64_t> read_msr(std::uint32_t index, LapicTime now) const;
    std::optional<Effects> write_msr(std::uint32_t index, std::uint64_t value, LapicTime now);

    /// The highest vector that may interrupt the CPU now (11.8.3.1).
    std::optional<std::uint8_t> pending() const;
    /// The CPU takes what is pending: from IRR to ISR. If nothing is, the spurious vector, which is in
    /// service nowhere (11.9).
    std::uint8_t acknowledge();
    /// Whether the CPU is asked to fetch a vector from the PIC: by a LINT pin in ExtINT mode, by a message,
    /// or by LINT0 as it is if the APIC is disabled (11.4.3). TPR has no say.
    bool ext_int() const;
    /// The CPU runs the acknowledge cycle; a pin that is still high asks again.
    void acknowledge_ext_int() { ext_int_latched_ = false; }
    /// CR8 is the upper half of TPR; a write clears the lower half (11.8.6), so set it only when the CPU did.
    std::uint8_t cr8() const { return static_cast<std::uint8_t>(tpr_.get(tpr_.priority) >> 4); }
    void set_cr8(std::uint8_t priority_class);

    std::uint8_t tpr() const { return tpr_.get(tpr_.priority); }
    std::uint8_t ppr() const;
    /// What lowest-priority arbitration compares (11.6.2.4).
    std::uint8_t apr() const;

    /// Whether a destination means this local APIC. A broadcast of eight bits reaches an x2APIC only as all
    /// ones: see widened().
    bool accepts(std::uint32_t destination, DestinationMode mode) const;
    /// A message that is for it arrives, from the bus or the I/O APIC (11.8.2).
    Received deliver(const Message& message);

    /// A LINT pin changes level; `pin` is 0 or 1.
    Effects set_lint(unsigned pin, bool level);
    bool lint(unsigned pin) const { return lints_[pin]; }
    Effects raise(LocalEvent event);
    /// The answer to ArmTimer; does no harm at any other time.
    Effects expired(LapicTime now);

    /// INIT (11.4.7.3): all but id, base and pins.
    Effects init();
    /// RESET: as constructed, pins apart.
    Effects reset();

    const VectorSet& irr() const { return irr_; }
    const VectorSet& isr() const { return isr_; }
    const VectorSet& tmr() const { return tmr_; }

    [[nodiscard]] LapicState state(LapicTime now) const;
    /// Becomes what was saved. LINT1 is low.
    Effects restore(const LapicState& state, bool lint0_high, LapicTime now);

    /// The register of the xAPIC page in any mode, without side effects: what KVM_GET_LAPIC shows. Nothing
    /// where there is none.
    std::optional<std::uint32_t> peek(std::uint32_t offset, LapicTime now) const;
    /// The registers of lapic_registers by name, `id` as a number.
    std::vector<NamedValue> fields(LapicTime now) const;

    friend bool operator==(const LocalApic&, const LocalApic&) = default;

  private:
    enum Lvt : std::uint8_t { cmci, timer, thermal, performance, lint0, lint1, error, lvt_count };

    static constexpr ApicMode mode_of(ApicBase base) {
        if (!base.get(base.enabled)) return ApicMode::disabled;
        return base.get(base.extended) ? ApicMode::x2apic : ApicMode::xapic;
    }
    static std::optional<Lvt> lvt_at(std::uint16_t offset);
    /// The row of a register the implementation has.
    const LapicRegister* find(std::uint32_t offset) const;
    /// Bits of a register that options take away.
    std::uint64_t missing_bits(const LapicRegister& row) const;
    std::uint64_t value_of(const LapicRegister& row, LapicTime now) const;
    std::uint32_t version() const;

    /// The guest wrote `value`, of which only the bits in `writable` count.
    Effects write_register(const LapicRegister& row, std::uint64_t value, std::uint64_t writable,
                           LapicTime now);
    Effects write_svr(std::uint32_t value, LapicTime now);
    Effects write_lvt(Lvt which, std::uint32_t value, std::uint32_t writable, LapicTime now);
    std::optional<Effects> write_base(std::uint64_t value);
    std::optional<Effects> write_tsc_deadline(std::uint64_t value, LapicTime now);

    Effects send(X2apicIcr command);
    Effects self_ipi(std::uint8_t vector);
    Effects eoi();

    bool accept(std::uint8_t vector, Trigger trigger);
    void deliver_local(Lvt which, Effects& effects);
    void evaluate_lint(unsigned pin);
    bool is_level(Lvt which) const;
    void log(Esr errors);
    void latch_errors();

    /// When the timer has something to tell: never while its entry is masked, since an expiry is not kept
    /// then and the count is computed.
    std::optional<ArmTimer> awaited() const;
    /// Runs `change` on a timer that is up to date, and tells if it awaits another deadline afterwards.
    template <class Change>
    Effects change_timer(LapicTime now, Change change);
    void fire_timer(LapicTime now);
    Effects initialize();

    LapicOptions options_;
    std::uint32_t x2apic_id_;
    bool bootstrap_;
    ApicBase base_;
    LapicId id_;
    Tpr tpr_;
    Ldr ldr_;
    Dfr dfr_;
    Svr svr_;
    VectorSet irr_;
    VectorSet isr_;
    VectorSet tmr_;
    Esr esr_;
    /// Errors since ESR was written last.
    Esr errors_;
    /// In xAPIC mode the upper half is icr_high.
    X2apicIcr icr_;
    std::array<LvtEntry, lvt_count> lvt_{};
    std::array<bool, lint_count> lints_{};
    /// An ExtINT message that the CPU has not acknowledged.
    bool ext_int_latched_ = false;
    LapicTimer timer_;
};

template <class Change>
Effects LocalApic::change_timer(LapicTime now, Change change) {
    const auto before = awaited();
    fire_timer(now);
    change();
    fire_timer(now);  // a TSC deadline that has passed already
    const auto after = awaited();
    if (after == before) return {};
    return after ? Effects{*after} : Effects{DisarmTimer{}};
}

}  // namespace irqbench::irqchip::x86
