#pragma once

// Models: an 8254 of a PC, pulse by pulse: three counters, six modes, binary and BCD, gates, latches,
//   read-back; port 0x61 with the gate and the output of channel 2.
// Leaves out: the sound; memory refresh (the refresh bit of port 0x61 toggles every 18 pulses, whatever
//   channel 1 is programmed for); the NMI sources of port 0x61; counts written while a CLK pulse is high.
// Differs from KVM: OUT of channel 0 is a wire with edges, which a control word moves at once; a count is
//   loaded with the pulse after it is written; counts go on below zero; modes 1, 2, 3 and 5 obey their gate;
//   BCD is BCD; a fixed reset state (mode 0, OUT low, no count), which the data sheet leaves undefined; port
//   0x43 reads ones.
// Source: 8254 data sheet (231164), "Operational Description" and "Mode Definitions"; 82801DB (ICH4) data
//   sheet 9.7.1.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "irqchip/effect.hpp"
#include "irqchip/x86/pit_channel.hpp"
#include "irqchip/x86/pit_registers.hpp"

namespace irqbench::irqchip::x86 {

/// Times are CLK pulses (1.193182 MHz) since some beginning, and never run backwards. Of the outputs channel
/// 0's alone leads somewhere: its edges are OutputChanged, due at the deadline of ArmTimer. Called late, the
/// PIT tells the last level and one rise of however many there were.
class Pit {
  public:
    static constexpr unsigned channel_count = pit_channel_count;
    static constexpr std::uint64_t clock_hz = 1'193'182;

    struct PortRead {
        std::uint8_t value;
        Effects effects;
    };

    static bool owns_port(std::uint16_t port) { return find_register(pit_registers, port).has_value(); }

    /// Guest access to one of the ports, a byte at a time.
    PortRead read(std::uint16_t port, std::uint64_t now);
    Effects write(std::uint16_t port, std::uint8_t value, std::uint64_t now);

    /// The gate of a channel; a PC wires those of channels 0 and 1 to high, and channel 2's to port 0x61.
    Effects set_gate(unsigned channel, bool level, std::uint64_t now);

    /// The answer to ArmTimer; does no harm at any other time.
    Effects expired(std::uint64_t now);

    [[nodiscard]] PitState state(std::uint64_t now) const;
    /// Becomes what was saved; whoever hears channel 0 knows of its level.
    Effects restore(const PitState& state, std::uint64_t now);

    /// As of the last call that was told the time.
    const PitChannel& channel(unsigned index) const { return channels_[index]; }
    bool speaker_enabled() const { return port_b_.get(port_b_.speaker); }
    /// See PitChannel::fields().
    std::vector<NamedValue> fields(unsigned channel, std::uint64_t now) const;

    friend bool operator==(const Pit&, const Pit&) = default;

  private:
    void advance(std::uint64_t now, Effects& effects);
    /// Tells an edge of channel 0 and another deadline.
    void conclude(bool out_before, Effects& effects);
    std::uint8_t read_port_b() const;
    void command(std::uint8_t value);

    std::array<PitChannel, channel_count> channels_{PitChannel{true}, PitChannel{true}, PitChannel{false}};
    SystemControlB port_b_;
    std::uint64_t now_ = 0;
    std::optional<std::uint64_t> deadline_;
};

}  // namespace irqbench::irqchip::x86
