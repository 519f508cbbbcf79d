#pragma once

// Models: the 82093AA I/O APIC, version 0x11, and version 0x20 with its EOI register: 24 pins, edge and
//   level, Remote IRR, delivery status, shared lines, the delayed delivery of an interrupt storm.
// Leaves out: the APIC bus (messages leave at once; the arbitration id only mirrors the id), pin polarity
//   (a line is asserted or not; the bit is kept for the guest), KVM's tracking of RTC interrupts on pin
//   8.
// Differs from KVM: reserved bits of an entry read zero; delivery status says "send pending" while a
//   level interrupt waits for a local APIC or for the storm delay; SMI, NMI, INIT and ExtINT entries act
//   as edge-triggered, since no EOI ends them; a switch to edge that ends an interrupt in service counts
//   as its EOI (bug O02); an entry write restarts the storm count (Q05); an edge on a masked pin leaves
//   no trace (KVM keeps it in IRR and never sends it either); resamplers of edge-triggered pins hear
//   nothing at EOI. As in KVM, reserved selectors read all ones.
// Source: 82093AA data sheet 3.1 and 3.2; 82801DB (ICH4) data sheet 9.5.5 (EOIR); SDM vol. 3, 11.8.5 (EOI
//   broadcast).

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/effect.hpp"
#include "irqchip/register.hpp"
#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/msi.hpp"
#include "irqchip/x86/saved_state.hpp"

namespace irqbench::irqchip::x86 {

enum class IoApicModel : std::uint8_t { v11 = 0x11, v20 = 0x20 };

struct IoApicOptions {
    IoApicModel model = IoApicModel::v11;
    /// Entry bits 55:49 carry destination bits 14:8 (KVM_FEATURE_MSI_EXT_DEST_ID).
    bool extended_destinations = false;

    friend bool operator==(const IoApicOptions&, const IoApicOptions&) = default;
};

/// The message an entry sends (82093AA 3.2.4; redirection hint as an ICH sets it, ICH10 data sheet 5.9.4).
Message message_of(const RedirectionEntry& entry);

/// Whether the pin behaves as level-triggered: only fixed and lowest-priority interrupts end with an EOI.
bool is_level(const RedirectionEntry& entry);

class IoApic {
  public:
    static constexpr unsigned pin_count = ioapic_pin_count;
    static constexpr std::uint32_t window_size = 0x1000;
    static constexpr std::uint32_t storm_threshold = 10'000;
    static constexpr std::chrono::milliseconds storm_delay{10};

    explicit IoApic(IoApicOptions options = {}) : options_(options) {}
    /// One with a state that was saved.
    IoApic(IoApicOptions options, const IoApicState& state);
    [[nodiscard]] IoApicState state() const;

    const IoApicOptions& options() const { return options_; }

    /// Guest access at `offset` bytes into the window. Registers are 32 bits wide; as in KVM a narrow write
    /// is extended with zeros, a wide one loses its upper half, and an offset without a register reads zero
    /// and ignores writes.
    std::uint64_t read(std::uint32_t offset, unsigned size) const;
    Effects write(std::uint32_t offset, unsigned size, std::uint64_t value);

    /// One driver of an input line changes; the line is asserted while any driver asserts it. A
    /// level-triggered pin sees every assertion, also a repeated one; an edge-triggered pin sees the line
    /// rise.
    Effects set_line(unsigned pin, bool asserted, LineSource source = LineSource::wire);

    /// What set_line(pin, true) would do now.
    LineStatus status_if_raised(unsigned pin) const;

    /// An EOI for `vector`, from a local APIC's broadcast or EOIR: asks for EoiOfPin for every
    /// level-triggered pin with that vector. Remote IRR stays set until the answer, so that nothing is sent
    /// while listeners let go of the line.
    Effects eoi(std::uint8_t vector);

    /// The answer to EoiOfPin: clears Remote IRR and sends the interrupt again if the line is still asserted.
    Effects finish_eoi(unsigned pin);

    /// An answer to Unmasked, and the answer to StormDelay: sends what is pending and may be sent.
    Effects deliver_pending(unsigned pin);

    /// An answer to Unmasked: forgets the pending interrupt, although the line may be asserted.
    void drop_pending(unsigned pin);

    /// The answer to a Deliver that no local APIC accepted: a level interrupt stays pending, an edge is lost.
    void refused(unsigned pin);

    /// The entry as the guest reads it.
    RedirectionEntry entry(unsigned pin) const;
    Message message(unsigned pin) const { return message_of(entries_[pin]); }
    bool asserted(unsigned pin) const { return lines_[pin] != 0; }
    /// A level interrupt asked for since its line was last deasserted; KVM's IRR bit.
    bool pending(unsigned pin) const { return (irr_ >> pin & 1) != 0; }
    /// Successive EOIs that found the line still asserted.
    std::uint32_t storm_count(unsigned pin) const { return storm_counts_[pin]; }

    /// The pin whose entry IOREGSEL selects.
    std::optional<unsigned> selected_pin() const;

    /// Every field of the pin's entry, then `irr` and `line`.
    std::vector<NamedValue> fields(unsigned pin) const;

    friend bool operator==(const IoApic&, const IoApic&) = default;

  private:
    std::uint32_t read_selected() const;
    Effects write_selected(std::uint32_t value);
    Effects write_entry(unsigned pin, bool high, std::uint32_t value);

    bool may_send(unsigned pin) const;
    void send(unsigned pin, Effects& effects);
    void set_pending(unsigned pin, bool value);

    IoApicOptions options_;
    IoRegSel select_;
    IoApicId id_;
    std::array<RedirectionEntry, pin_count> entries_{};
    /// Drivers that assert each line, one bit per LineSource.
    std::array<std::uint32_t, pin_count> lines_{};
    /// Level interrupts asked for and not withdrawn; never set for an edge-triggered pin.
    std::uint32_t irr_ = 0;
    std::array<std::uint32_t, pin_count> storm_counts_{};
};

}  // namespace irqbench::irqchip::x86
