#pragma once

// Models: the 8259A pair of a PC, slave on IR2 of the master, with the edge/level registers of a PIIX:
//   all ICWs and OCWs, rotation, automatic EOI, special mask, special fully nested mode, poll, default
//   IR7.
// Leaves out: MCS-80/85 and buffered mode, other cascades than IR2 (ICW3 is taken and ignored), ICW1.LTIM
//   (replaced by ELCR), the drop of an edge request whose line falls before the acknowledge (as in KVM it
//   stays latched).
// Differs from KVM: poll puts the request in service; special mask mode lets lower levels through; in
//   special fully nested mode a slave in service still blocks IR3-IR7; ICW1 clears ISR, and an edge line
//   that stays high, the cascade too, has to fall before it counts again; single mode (ICW1.SNGL) takes no
//   ICW3; no GSI drives the cascade input.
// Source: 8259A data sheet (231468), "Programming the 8259A"; 82371SB (PIIX3) data sheet 2.5 (ELCR).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "irqchip/effect.hpp"
#include "irqchip/register.hpp"
#include "irqchip/x86/pic_registers.hpp"
#include "irqchip/x86/saved_state.hpp"

namespace irqbench::irqchip::x86 {

/// A set of the eight inputs of one 8259A.
using IrMask = std::uint8_t;

/// One 8259A. Functions that end interrupts return which.
class I8259A {
  public:
    enum class Role : std::uint8_t { master, slave };

    static constexpr unsigned cascade_irq = 2;

    explicit I8259A(Role role) : role_(role) {}
    /// One with a state that was saved.
    I8259A(Role role, const I8259AState& state);
    [[nodiscard]] I8259AState state() const;

    struct Acknowledged {
        unsigned irq;
        IrMask ended;
    };

    /// One driver of an input changes.
    void set_line(unsigned irq, bool asserted, LineSource source);
    /// What set_line(irq, true) would do now.
    LineStatus status_if_raised(unsigned irq) const;

    /// The slave's INT rises: an edge of the cascade input.
    void latch_cascade() { latched_ |= 1U << cascade_irq; }
    void drop_cascade() { latched_ &= static_cast<IrMask>(~(1U << cascade_irq)); }

    /// The input to acknowledge next; the INT output is high while there is one.
    std::optional<unsigned> request() const;
    /// The interrupt acknowledge sequence; without a request the default IR7, which changes nothing.
    Acknowledged acknowledge();

    IrMask write_command(std::uint8_t value);
    IrMask write_data(std::uint8_t value);
    std::uint8_t read_command() const { return reads_isr_ ? isr_ : irr(); }
    std::uint8_t read_data() const { return imr_.raw(); }

    /// Which register these writes reach.
    static std::string_view command_register(std::uint8_t value);
    std::string_view data_register() const;

    /// Whether the next read returns a poll word.
    bool polled() const { return poll_; }
    void end_poll() { poll_ = false; }

    std::uint8_t elcr() const { return elcr_; }
    void set_elcr(std::uint8_t value) { elcr_ = value; }

    bool asserted(unsigned irq) const { return (lines_ >> irq & 1) != 0; }
    IrMask irr() const { return static_cast<IrMask>((latched_ & ~elcr_) | (lines_ & elcr_)); }
    IrMask isr() const { return isr_; }
    IrMask imr() const { return imr_.raw(); }
    std::uint8_t base() const { return base_; }
    /// Whether it is the only 8259A (ICW1.SNGL), so that IR2 is an input like any other.
    bool single() const { return single_; }

    /// irr, isr, imr, elcr, base, lowest_priority and the modes.
    std::vector<NamedValue> fields() const;

    friend bool operator==(const I8259A&, const I8259A&) = default;

  private:
    enum class InitStep : std::uint8_t { done, icw2, icw3, icw4 };

    /// Position of `irq` in the priority order, 0 first.
    unsigned rank(unsigned irq) const { return (irq - lowest_priority_ - 1) & 7; }
    std::optional<unsigned> highest(IrMask inputs) const;

    IrMask initialize(Icw1 icw1);
    IrMask operate(Ocw2 ocw2);
    void select(Ocw3 ocw3);
    IrMask end(unsigned irq, bool rotate);
    IrMask end_highest(bool rotate);

    Role role_;
    /// Drivers that assert each line, one bit per LineSource, and the lines with any.
    std::array<std::uint32_t, 8> drivers_{};
    IrMask lines_ = 0;
    /// Edges seen and not acknowledged; without meaning for a level-triggered input.
    IrMask latched_ = 0;
    IrMask isr_ = 0;
    Ocw1 imr_;
    std::uint8_t elcr_ = 0;
    std::uint8_t base_ = 0;
    std::uint8_t lowest_priority_ = 7;
    InitStep init_step_ = InitStep::done;
    bool single_ = false;
    bool needs_icw4_ = false;
    bool auto_eoi_ = false;
    bool rotates_on_auto_eoi_ = false;
    bool special_mask_ = false;
    bool special_fully_nested_ = false;
    bool poll_ = false;
    bool reads_isr_ = false;
};

/// The pair. Pins 0-7 are the master's inputs, 8-15 the slave's; pin 2 is the cascade and no line of the
/// outside.
class Pic {
  public:
    static constexpr unsigned pin_count = 16;
    static constexpr unsigned cascade_pin = 2;

    Pic() = default;
    /// A pair with a state that was saved.
    explicit Pic(const PicState& state);
    [[nodiscard]] PicState state() const;

    struct PortRead {
        std::uint8_t value;
        Effects effects;
    };
    struct Acknowledged {
        std::uint8_t vector;
        Effects effects;
    };

    /// Whether a port of the pair belongs to its slave.
    static bool on_slave(std::uint16_t port);
    static bool owns_port(std::uint16_t port) { return find_register(pic_registers, port).has_value(); }

    /// Guest access to one of the pair's ports, a byte at a time. Reading carries out a poll command.
    PortRead read(std::uint16_t port);
    Effects write(std::uint16_t port, std::uint8_t value);

    /// The name of the register that write(port, value) would reach.
    std::string_view register_at(std::uint16_t port, std::uint8_t value) const;

    /// The answer to EoiOfPin: lets the slave ask again for what is still asserted. Asking any earlier would
    /// leave a request of the slave behind that the listeners are about to take back, and so a default IR7.
    Effects finish_eoi();

    /// One driver of an input line changes; the line is asserted while any driver asserts it.
    Effects set_line(unsigned pin, bool asserted, LineSource source = LineSource::wire);
    LineStatus status_if_raised(unsigned pin) const;

    bool asserted(unsigned pin) const { return chip_of(pin).asserted(pin & 7); }

    /// The CPU acknowledges: the vector to take, spurious or not.
    Acknowledged acknowledge();

    /// The INTR output.
    bool intr() const { return master_.request().has_value(); }

    const I8259A& master() const { return master_; }
    const I8259A& slave() const { return slave_; }

    friend bool operator==(const Pic&, const Pic&) = default;

  private:
    I8259A& chip_of(unsigned pin) { return pin < 8 ? master_ : slave_; }
    const I8259A& chip_of(unsigned pin) const { return pin < 8 ? master_ : slave_; }
    std::uint8_t poll(I8259A& chip, Effects& effects);
    void add_ended(const I8259A& chip, IrMask ended, Effects& effects) const;
    /// Derives the wires between the chips and to the CPU from their state, and tells when INTR differs from
    /// before.
    void rewire(bool intr_before, Effects& effects);

    I8259A master_{I8259A::Role::master};
    I8259A slave_{I8259A::Role::slave};
    /// The slave's INT as the master sees it.
    bool cascade_ = false;
};

}  // namespace irqbench::irqchip::x86
