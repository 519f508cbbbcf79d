#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace irqbench::vmm::model {

/// What is further away, 146 years in nanoseconds, never comes.
inline constexpr auto farthest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 2);

/// That time, or never.
constexpr std::optional<std::chrono::nanoseconds> deadline_at(std::uint64_t ns) {
    if (ns > farthest) return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(ns));
}

/// When each of so many timers has something to do. The next one is found at once, however many there are.
class Deadlines {
  public:
    using Time = std::chrono::nanoseconds;

    explicit Deadlines(std::size_t timers) : deadlines_(timers) {}

    /// In place of the one it has.
    void set(std::size_t timer, std::optional<Time> deadline) {
        if (deadlines_[timer]) queue_.erase({*deadlines_[timer], timer});
        deadlines_[timer] = deadline;
        if (deadline) queue_.emplace(*deadline, timer);
    }
    [[nodiscard]] std::optional<Time> at(std::size_t timer) const { return deadlines_[timer]; }
    [[nodiscard]] std::optional<Time> next() const {
        if (queue_.empty()) return std::nullopt;
        return queue_.begin()->first;
    }
    /// The next timer whose deadline has come by now, which is thereby over.
    std::optional<std::size_t> take_due(Time now) {
        if (queue_.empty() || queue_.begin()->first > now) return std::nullopt;
        const std::size_t timer = queue_.begin()->second;
        set(timer, std::nullopt);
        return timer;
    }

  private:
    std::vector<std::optional<Time>> deadlines_;
    std::set<std::pair<Time, std::size_t>> queue_;
};

}  // namespace irqbench::vmm::model
