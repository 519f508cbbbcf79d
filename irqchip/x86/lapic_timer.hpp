#pragma once

#include <cstdint>
#include <optional>

#include "irqchip/effect.hpp"
#include "irqchip/x86/lapic_registers.hpp"

namespace irqbench::irqchip::x86 {

/// What time it is: ticks of the undivided bus clock, which never runs backwards, and of the time-stamp
/// counter, which the guest may set.
struct LapicTime {
    std::uint64_t bus = 0;
    std::uint64_t tsc = 0;
};

/// By how much the bus clock is divided (SDM vol. 3, figure 11-10): 2, 4, 8, 16, 32, 64, 128, 1.
constexpr std::uint32_t divisor_of(TimerDivide divide) {
    const unsigned code = unsigned{divide.get(divide.high)} << 2 | divide.get(divide.low);
    return code == 7 ? 1 : 2U << code;
}

/// The counter of a local APIC (SDM vol. 3, 11.5.4). Time is an argument; whatever changes the timer expects
/// that expire() was asked first.
class LapicTimer {
  public:
    LapicTimer() = default;
    /// One whose registers hold these at that bus tick.
    LapicTimer(TimerMode mode, std::uint32_t initial, std::uint32_t divide, std::uint32_t current,
               std::uint64_t tsc_deadline, std::uint64_t bus);

    std::uint32_t initial() const { return initial_.raw(); }
    std::uint32_t divide() const { return divide_.raw(); }
    std::uint32_t current(std::uint64_t bus) const;
    /// Zero once it has been reached.
    std::uint64_t tsc_deadline(std::uint64_t tsc) const { return tsc < tsc_deadline_ ? tsc_deadline_ : 0; }

    /// When expire() will be true next.
    std::optional<ArmTimer> deadline() const;
    /// Whether the timer went off since it was asked last; many periods count once.
    bool expire(LapicTime now);

    /// One-shot and periodic share the counter, which goes on; any other change of mode stops the timer and
    /// clears it.
    void set_mode(TimerMode mode);
    void set_initial(std::uint32_t value, std::uint64_t bus);
    /// A counter that runs goes on from where it is. The part of a divided tick that has gone by is lost.
    void set_divide(std::uint32_t value, std::uint64_t bus);
    void set_tsc_deadline(std::uint64_t value);
    void stop();

    friend bool operator==(const LapicTimer&, const LapicTimer&) = default;

  private:
    bool counts() const { return mode_ == TimerMode::one_shot || mode_ == TimerMode::periodic; }
    std::uint64_t divisor() const { return divisor_of(divide_); }
    std::uint64_t end() const { return start_ + count_ * divisor(); }

    TimerMode mode_ = TimerMode::one_shot;
    TimerInitial initial_;
    TimerDivide divide_;
    /// The counter held `count_` at bus tick `start_`; zero if it does not run.
    std::uint32_t count_ = 0;
    std::uint64_t start_ = 0;
    std::uint64_t tsc_deadline_ = 0;
};

}  // namespace irqbench::irqchip::x86
