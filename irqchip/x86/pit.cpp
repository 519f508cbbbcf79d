#include "irqchip/x86/pit.hpp"

#include <cassert>

namespace irqbench::irqchip::x86 {

namespace {

constexpr std::uint64_t refresh_pulses = 18;
constexpr std::uint8_t read_back_command = 3;

OutputChanged channel0(bool level) { return {0, level}; }

}  // namespace

void Pit::advance(std::uint64_t now, Effects& effects) {
    if (now <= now_) return;
    const std::uint64_t pulses = now - now_;
    now_ = now;
    const bool before = channels_[0].out();
    const bool rose = channels_[0].run(pulses);
    channels_[1].run(pulses);
    channels_[2].run(pulses);
    bool told = before;
    const auto tell = [&](bool level) {
        if (level != told) effects.add(channel0(level));
        told = level;
    };
    if (rose) {
        tell(false);
        tell(true);
    }
    tell(channels_[0].out());
}

void Pit::conclude(bool out_before, Effects& effects) {
    const PitChannel& channel = channels_[0];
    if (channel.out() != out_before) effects.add(channel0(channel.out()));
    const auto pulses = channel.pulses_to_edge();
    const auto deadline = pulses ? std::optional(now_ + *pulses) : std::nullopt;
    if (deadline == deadline_) return;
    deadline_ = deadline;
    if (deadline)
        effects.add(ArmTimer{TimerClock::pit, *deadline});
    else
        effects.add(DisarmTimer{});
}

Effects Pit::write(std::uint16_t port, std::uint8_t value, std::uint64_t now) {
    Effects effects;
    if (!owns_port(port)) return effects;
    advance(now, effects);
    const bool out = channels_[0].out();
    if (port == port::system_control_b) {
        port_b_.write(value);
        channels_[2].set_gate(port_b_.get(port_b_.gate2));
    } else if (port == port::pit_control) {
        command(value);
    } else {
        channels_[port - port::pit_channel0].write(value);
    }
    conclude(out, effects);
    return effects;
}

void Pit::command(std::uint8_t value) {
    const PitControl control{value};
    if (const std::uint8_t channel = control.get(control.channel); channel != read_back_command) {
        if (control.get(control.access) == PitAccess::latch)
            channels_[channel].latch_count();
        else
            channels_[channel].program(control);
        return;
    }
    const PitReadBack read_back{value};
    for (unsigned i = 0; i < channel_count; ++i) {
        if ((read_back.get(read_back.channels) >> i & 1) == 0) continue;
        if (!read_back.get(read_back.keeps_count)) channels_[i].latch_count();
        if (!read_back.get(read_back.keeps_status)) channels_[i].latch_status();
    }
}

Pit::PortRead Pit::read(std::uint16_t port, std::uint64_t now) {
    PortRead result{0xFF, {}};
    if (!owns_port(port)) return result;
    advance(now, result.effects);
    if (port == port::system_control_b)
        result.value = read_port_b();
    else if (port != port::pit_control)
        result.value = channels_[port - port::pit_channel0].read();
    conclude(channels_[0].out(), result.effects);
    return result;
}

std::uint8_t Pit::read_port_b() const {
    SystemControlB value = port_b_;
    value.set(value.output2, channels_[2].out());
    value.set(value.refresh, now_ / refresh_pulses % 2 != 0);
    return value.raw();
}

Effects Pit::set_gate(unsigned channel, bool level, std::uint64_t now) {
    assert(channel < channel_count);
    Effects effects;
    advance(now, effects);
    const bool out = channels_[0].out();
    channels_[channel].set_gate(level);
    conclude(out, effects);
    return effects;
}

Effects Pit::expired(std::uint64_t now) {
    Effects effects;
    advance(now, effects);
    // The timer that brought us here is spent, so the next deadline is told even if it is the same.
    deadline_.reset();
    conclude(channels_[0].out(), effects);
    return effects;
}

std::vector<NamedValue> Pit::fields(unsigned channel, std::uint64_t now) const {
    Pit then = *this;
    Effects ignored;
    then.advance(now, ignored);
    return then.channels_[channel].fields();
}

}  // namespace irqbench::irqchip::x86
