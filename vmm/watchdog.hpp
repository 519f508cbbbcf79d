#pragma once

#include <chrono>
#include <cstdint>

namespace irqbench::vmm {

/// How often a vCPU that has been asked for something is asked again, and the log is looked at.
inline constexpr std::chrono::microseconds poll_interval{500};

/// Ends a wait. One in which this process was hardly ever scheduled says nothing about the guest: it goes on,
/// up to ten times as long.
class Watchdog {
  public:
    explicit Watchdog(std::chrono::milliseconds limit) : limit_(limit) {}

    /// To be asked about once a poll_interval.
    [[nodiscard]] bool expired() {
        ++looks_;
        const auto waited = std::chrono::steady_clock::now() - start_;
        return waited > limit_ && (!starved() || waited > 10 * limit_);
    }
    [[nodiscard]] bool starved() const { return looks_ * poll_interval < limit_ / 20; }

  private:
    std::chrono::milliseconds limit_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::int64_t looks_ = 0;
};

}  // namespace irqbench::vmm
