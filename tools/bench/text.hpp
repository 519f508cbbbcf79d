#pragma once

#include <string>

#include "tools/bench/compare.hpp"
#include "tools/bench/result.hpp"

namespace irqbench::tools::bench {

struct TextOptions {
    bool colour = false;
    bool plots = true;
};

/// The percentiles that are reported.
inline constexpr std::array<double, 5> per_cents{50, 90, 99, 99.9, 99.99};

/// A time with three digits that count, in the unit that suits it: `4.32 us`.
[[nodiscard]] std::string time_text(Nanoseconds time);

/// The report for a terminal of 100 columns: what it was measured on, a table of percentiles, what is missing
/// and why, and a plot of each path.
[[nodiscard]] std::string text_of(const Report& report, const TextOptions& options);

/// What became of the times since the baseline.
[[nodiscard]] std::string text_of(const Comparison& comparison, const TextOptions& options);

}  // namespace irqbench::tools::bench
