#pragma once

#include <algorithm>
#include <chrono>

namespace irqbench::vmm {

/// How often a vCPU that has been asked for something is asked again, and the log is looked at.
inline constexpr std::chrono::microseconds poll_interval{500};

/// How long a vCPU is left alone before it is taken out of KVM_RUN to be looked at: longer each time. Where a
/// way into the guest and back takes longer than that (an emulated CPU, a host with too much to do) it would
/// otherwise never get to execute anything.
class Patience {
  public:
    static constexpr std::chrono::microseconds longest = 40 * poll_interval;

    explicit Patience(std::chrono::microseconds shortest) : interval_(shortest) {}

    /// How long to leave it alone now.
    [[nodiscard]] std::chrono::microseconds next() {
        last_ = interval_;
        interval_ = std::min(2 * interval_, longest);
        return last_;
    }
    /// For who looks at something else meanwhile: whether it has been left alone for so long. The first time
    /// it has.
    [[nodiscard]] bool is_over() {
        const auto now = std::chrono::steady_clock::now();
        if (now < until_) return false;
        until_ = now + next();
        return true;
    }
    /// What next() said last.
    [[nodiscard]] std::chrono::microseconds last() const { return last_; }

  private:
    std::chrono::microseconds interval_;
    std::chrono::microseconds last_{};
    std::chrono::steady_clock::time_point until_{};
};

/// Ends a wait. One in which this process was hardly ever scheduled says nothing about the guest: it goes on,
/// up to ten times as long.
class Watchdog {
  public:
    explicit Watchdog(std::chrono::milliseconds limit) : limit_(limit) {}

    /// To be asked once after each `waited`. A process that is not scheduled asks late, and seldom.
    [[nodiscard]] bool expired(std::chrono::microseconds waited = poll_interval) {
        asked_ += waited;
        const auto wall = std::chrono::steady_clock::now() - start_;
        return wall > limit_ && (!starved() || wall > 10 * limit_);
    }
    [[nodiscard]] bool starved() const { return asked_ < limit_ / 20; }

  private:
    std::chrono::microseconds limit_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::microseconds asked_{};
};

}  // namespace irqbench::vmm
