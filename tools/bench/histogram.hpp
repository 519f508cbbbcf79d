#pragma once

#include <boost/histogram/histogram.hpp>
#include <boost/histogram/storage_adaptor.hpp>
#include <chrono>
#include <cstdint>
#include <tuple>
#include <vector>

namespace irqbench::tools::bench {

using Nanoseconds = std::chrono::nanoseconds;

/// Bins of 1 ns up to 256 ns, and from there 128 to each power of two: none is wider than 1/128 of its
/// values. Covers every 64-bit number.
class LogLinearAxis {
  public:
    static constexpr unsigned linear_bits = 7;  ///< bins to a power of two: 2^linear_bits

    [[nodiscard]] int index(std::uint64_t value) const;
    [[nodiscard]] int size() const;
    /// Nothing lies outside.
    static constexpr bool inclusive() { return true; }

    /// The smallest value of a bin, and the largest.
    [[nodiscard]] static std::uint64_t lowest(int index);
    [[nodiscard]] static std::uint64_t highest(int index);

    friend bool operator==(const LogLinearAxis&, const LogLinearAxis&) = default;
};

/// Times on such an axis. What is below 0, as a clock read too early can make it, counts as 0.
class Histogram {
  public:
    struct Bin {
        std::uint64_t lowest;  ///< ns
        std::uint64_t highest;
        std::uint64_t count;
        friend bool operator==(const Bin&, const Bin&) = default;
    };

    Histogram();

    void add(Nanoseconds time) { add(time, 1); }
    void add(Nanoseconds time, std::uint64_t count);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// The least and the greatest, exactly. 0 if there is none.
    [[nodiscard]] Nanoseconds min() const { return min_; }
    [[nodiscard]] Nanoseconds max() const { return max_; }
    /// Of a histogram that was read from a file. @pre they lie in its first and its last bin
    void set_extremes(Nanoseconds min, Nanoseconds max);
    /// The bins that are not empty, by ascending time.
    [[nodiscard]] std::vector<Bin> bins() const;

    /// The smallest time that `per_cent` of all do not exceed: the greatest value of its bin, as far as that
    /// has been seen (nearest rank: the ceil(per_cent / 100 * count)th). 0 if there is none.
    [[nodiscard]] Nanoseconds percentile(double per_cent) const;
    /// Whether so many were counted that one of them lies above the percentile.
    [[nodiscard]] bool resolves(double per_cent) const;

    friend bool operator==(const Histogram&, const Histogram&) = default;

  private:
    boost::histogram::histogram<std::tuple<LogLinearAxis>, boost::histogram::dense_storage<std::uint64_t>>
        bins_;
    std::uint64_t count_ = 0;
    Nanoseconds min_{};
    Nanoseconds max_{};
};

}  // namespace irqbench::tools::bench
