#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "vmm/trace.hpp"

namespace irqbench::vmm {

/// Where the parts of a machine leave their events until the machine moves them into its trace. May be used
/// from several threads.
class Recorder {
  public:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] std::chrono::nanoseconds now() const { return Clock::now() - start_ + skipped(); }
    /// When that was, on the clock of the events.
    [[nodiscard]] std::chrono::nanoseconds when(std::chrono::nanoseconds monotonic) const {
        return monotonic - start_.time_since_epoch() + skipped();
    }
    /// Virtual time passes at once: whatever is recorded from now on comes that much later.
    void skip(std::chrono::nanoseconds time) { skipped_ += time.count(); }
    /// How much virtual time has passed so.
    [[nodiscard]] std::chrono::nanoseconds skipped() const {
        return std::chrono::nanoseconds{skipped_.load(std::memory_order_relaxed)};
    }

    template <class What>
    void add(Lane lane, What what, std::optional<std::uint32_t> vcpu = std::nullopt) {
        add_at(now(), lane, std::move(what), vcpu);
    }

    template <class What>
    void add_at(std::chrono::nanoseconds at, Lane lane, What what,
                std::optional<std::uint32_t> vcpu = std::nullopt) {
        Event event;
        event.at = at;
        event.lane = lane;
        event.vcpu = vcpu;
        event.what = std::move(what);
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(event));
    }

    /// Moves what has been added into the trace, ordered by time.
    void flush(Trace& trace);

  private:
    Clock::time_point start_ = Clock::now();
    std::atomic<std::chrono::nanoseconds::rep> skipped_{0};
    std::mutex mutex_;
    std::vector<Event> waiting_;
};

}  // namespace irqbench::vmm
