#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/register.hpp"
#include "irqchip/x86/pit_registers.hpp"
#include "irqchip/x86/saved_state.hpp"

namespace irqbench::irqchip::x86 {

/// One counter of an 8254: control logic, count register, counting element and latches. Its time is the CLK
/// pulses it is told of; a count or a trigger takes effect with the pulse that follows (data sheet, "Mode
/// Definitions").
class PitChannel {
  public:
    explicit PitChannel(bool gate) : gate_(gate) {}
    /// One with a state that was saved.
    explicit PitChannel(const PitChannelState& state);
    [[nodiscard]] PitChannelState state() const;

    void program(PitControl control);
    void write(std::uint8_t value);
    std::uint8_t read();
    void latch_count();
    void latch_status();
    void set_gate(bool level);

    /// Lets CLK pulses pass, however many. @returns whether OUT rose at least once
    bool run(std::uint64_t pulses);
    /// How many pulses from now OUT changes, if nothing else happens.
    std::optional<std::uint64_t> pulses_to_edge() const;

    bool out() const { return out_; }
    bool gate() const { return gate_; }
    /// What a latch command would latch.
    std::uint16_t count() const;
    PitStatus status() const;

    /// The fields of the status, then gate, count and reload (the count register, as it was written).
    std::vector<NamedValue> fields() const;

    friend bool operator==(const PitChannel&, const PitChannel&) = default;

  private:
    struct Latch {
        std::uint16_t value;
        bool low_was_read;
        friend bool operator==(const Latch&, const Latch&) = default;
    };

    bool periodic() const { return mode_ == 2 || mode_ == 3; }
    bool triggered() const { return mode_ == 1 || mode_ == 5; }
    bool strobing() const { return mode_ >= 4 && !out_; }
    /// Whether pulses change the counting element.
    bool counts() const { return counting_ && (gate_ || triggered()); }
    std::uint32_t modulus() const { return bcd_ ? 10'000 : 0x1'0000; }
    /// The count register as a number; zero stands for the largest count.
    std::uint32_t reload() const;

    void take_count(std::uint16_t count);
    void load();
    void reload_element();
    void step();
    /// How many pulses from now do nothing but count; nothing if all of them.
    std::optional<std::uint64_t> quiet_pulses() const;
    void skip(std::uint64_t quiet);
    /// Pulses after which everything is as it was, if so.
    std::optional<std::uint64_t> period() const;

    std::uint8_t mode_ = 0;
    PitAccess access_ = PitAccess::low_then_high;
    bool bcd_ = false;
    bool gate_;
    bool out_ = false;

    std::uint16_t count_register_ = 0;
    /// The first of two bytes.
    std::optional<std::uint8_t> low_byte_;
    bool low_was_read_ = false;
    std::optional<Latch> count_latch_;
    std::optional<PitStatus> status_latch_;

    /// A whole count was written since the control word.
    bool has_count_ = false;
    /// ... and is not in the counting element yet.
    bool null_count_ = true;
    bool load_next_ = false;
    bool counting_ = false;
    /// The terminal count is still to come (modes 0, 1, 4 and 5).
    bool armed_ = false;
    /// The half cycle under way lasts one pulse longer (mode 3).
    bool odd_ = false;
    std::uint32_t element_ = 0;
};

}  // namespace irqbench::irqchip::x86
