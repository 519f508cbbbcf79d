#include "tools/bench/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "tools/bench/text.hpp"

namespace irqbench::tools::bench {

namespace {

constexpr std::size_t most_rows = 20;
constexpr std::size_t bar_width = 50;

std::uint64_t ns_of(Nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

/// Where the row of a value begins, with 2^bits rows to a power of two.
std::uint64_t row_of(std::uint64_t value, unsigned bits) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = width > bits + 1 ? width - bits - 1 : 0;
    return value >> shift << shift;
}

/// Where the next one begins.
std::uint64_t row_behind(std::uint64_t begin, unsigned bits) {
    const auto width = static_cast<unsigned>(std::bit_width(begin));
    const unsigned shift = width > bits + 1 ? width - bits - 1 : 0;
    return begin + (std::uint64_t{1} << shift);
}

std::vector<PlotRow> rows_between(std::uint64_t first, std::uint64_t last, unsigned bits, std::size_t most) {
    std::vector<PlotRow> rows;
    for (std::uint64_t begin = row_of(first, bits); begin <= last && rows.size() <= most;) {
        const std::uint64_t end = row_behind(begin, bits);
        rows.push_back({begin, end, 0, 0});
        begin = end;
    }
    return rows;
}

PlotRow& row_with(std::vector<PlotRow>& rows, std::uint64_t value) {
    return *std::find_if(rows.begin(), rows.end(), [value](const PlotRow& row) { return value < row.end; });
}

/// In eighths of a column; a dot for what would be nothing.
std::string bar(std::uint64_t count, std::uint64_t most) {
    static constexpr std::array<const char*, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (count == 0) return {};
    const auto length = static_cast<std::size_t>(static_cast<double>(count) / static_cast<double>(most) *
                                                 static_cast<double>(bar_width * 8));
    if (length == 0) return "·";
    std::string text;
    for (std::size_t column = 0; column < length / 8; ++column) text += "█";
    return text + eighths.at(length % 8);
}

}  // namespace

std::vector<PlotRow> plot_rows(const Histogram& bench, const Histogram& raw, std::size_t most) {
    std::uint64_t first = ~std::uint64_t{0};
    std::uint64_t body = 0;
    std::uint64_t last = 0;
    for (const Histogram* times : {&bench, &raw}) {
        if (times->count() == 0) continue;
        first = std::min(first, ns_of(times->min()));
        body = std::max(body, ns_of(times->percentile(99)));
        last = std::max(last, ns_of(times->max()));
    }
    std::vector<PlotRow> rows;
    for (unsigned bits = LogLinearAxis::linear_bits + 1; bits-- > 0;) {
        rows = rows_between(first, body, bits, bits == 0 ? 64 : most);
        if (rows.size() <= most) break;
    }
    while (!rows.empty() && rows.back().end <= last)
        rows.push_back({rows.back().end, std::bit_ceil(rows.back().end + 1), 0, 0});
    for (const Histogram::Bin& bin : bench.bins()) row_with(rows, bin.lowest).bench += bin.count;
    for (const Histogram::Bin& bin : raw.bins()) row_with(rows, bin.lowest).raw += bin.count;
    return rows;
}

std::string plot_of(const Histogram& bench, const Histogram& raw, bool colour) {
    const auto rows = plot_rows(bench, raw, most_rows);
    std::uint64_t most = 1;
    for (const PlotRow& row : rows) most = std::max(most, row.bench);
    const bool has_raw = raw.count() != 0;
    std::string text = fmt::format("  {:>9}   {:>8}{:>9}\n", "from", "samples", has_raw ? "raw" : "");
    while (text.back() == ' ' || text.back() == '\n') text.pop_back();
    text += "\n";
    for (const PlotRow& row : rows) {
        text += fmt::format("  {:>9}   {:>8}", time_text(Nanoseconds{static_cast<std::int64_t>(row.lowest)}),
                            row.bench);
        text += has_raw ? fmt::format("{:>9}  ", row.raw) : "  ";
        const std::string blocks = bar(row.bench, most);
        text += colour && !blocks.empty() ? "\033[36m" + blocks + "\033[0m" : blocks;
        while (text.back() == ' ') text.pop_back();
        text += "\n";
    }
    return text;
}

}  // namespace irqbench::tools::bench
