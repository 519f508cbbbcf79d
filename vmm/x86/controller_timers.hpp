#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "routing/platform.hpp"

namespace irqbench::vmm::x86 {

/// The timers of controllers in our process: whose clock says what at which time of the machine, and what is
/// due. Times are since the machine was made.
class ControllerTimers {
  public:
    using Time = std::chrono::nanoseconds;
    using Platform = routing::x86::Platform;

    /// Ticks of the local APICs' bus clock, before it is divided, in a nanosecond: 1 GHz, as KVM's.
    static constexpr std::uint64_t bus_ticks_per_ns = 1;

    /// A time-stamp counter that was `counter` at `at`.
    struct Tsc {
        std::uint64_t counter = 0;
        Time at{};
        std::uint32_t khz = 1'000'000;
    };

    explicit ControllerTimers(std::size_t cpus) : cpus_(cpus) {}

    void set_tsc(std::size_t cpu, const Tsc& tsc);
    /// What the clocks of this CPU and of the PIT say at `now`.
    [[nodiscard]] Platform::Time clocks(std::size_t cpu, Time now) const;

    /// Arms or disarms a timer.
    /// @returns false if it is about none
    bool take(const routing::x86::PlatformRequest& todo, Time now);
    /// When the next timer is due; a time that is past if one is due already.
    [[nodiscard]] std::optional<Time> next() const { return next_; }
    /// Tells the platform of the timer that has been due for longest, if any is.
    [[nodiscard]] std::optional<routing::x86::PlatformResponse> expire(Platform& platform, Time now);
    [[nodiscard]] bool storm_armed(unsigned pin) const { return storms_.at(pin).has_value(); }

  private:
    struct Cpu {
        Tsc tsc;
        std::optional<irqchip::ArmTimer> armed;
    };

    [[nodiscard]] std::optional<Time> due(const Cpu& cpu) const;
    [[nodiscard]] std::optional<Time> pit_due() const;
    void find_next();

    std::vector<Cpu> cpus_;
    std::optional<std::uint64_t> pit_;
    std::array<std::optional<Time>, irqchip::x86::IoApic::pin_count> storms_{};
    std::optional<Time> next_;
};

}  // namespace irqbench::vmm::x86
