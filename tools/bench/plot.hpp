#pragma once

#include <string>
#include <vector>

#include "tools/bench/histogram.hpp"

namespace irqbench::tools::bench {

/// One row of a plot: times from `lowest` up to, and not including, `end`, both in ns.
struct PlotRow {
    std::uint64_t lowest = 0;
    std::uint64_t end = 0;
    std::uint64_t bench = 0;
    std::uint64_t raw = 0;
    friend bool operator==(const PlotRow&, const PlotRow&) = default;
};

/// Both histograms in the same rows, with no empty one before the first and behind the last. Up to the time
/// that 99 of 100 do not exceed each power of two has the same number of rows, the greatest with which they
/// are no more than `most`, or one: their scale is logarithmic, and inside of a power of two linear. Above,
/// each row is a power of two.
[[nodiscard]] std::vector<PlotRow> plot_rows(const Histogram& bench, const Histogram& raw, std::size_t most);

/// Horizontal bars for a terminal of 100 columns. The bar's length is the number of samples, linear; a few
/// among many are a dot at least. Where the raw loop was measured its numbers stand beside.
[[nodiscard]] std::string plot_of(const Histogram& bench, const Histogram& raw, bool colour);

}  // namespace irqbench::tools::bench
