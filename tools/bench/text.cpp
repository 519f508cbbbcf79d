#include "tools/bench/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/bench/plot.hpp"

namespace irqbench::tools::bench {

namespace {

constexpr std::size_t reason_width = 78;

std::string count_text(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// us, as columns have it.
std::string us(Nanoseconds time) {
    const double value = static_cast<double>(time.count()) / 1000;
    if (value >= 10'000) return fmt::format("{:.0f}", value);
    return fmt::format("{:.{}f}", value, value >= 1000 ? 0 : value >= 100 ? 1 : 2);
}

std::string overhead(const Measured& row) {
    const auto raw = static_cast<double>(row.raw.percentile(50).count());
    const auto bench = static_cast<double>(row.bench.percentile(50).count());
    return raw > 0 ? fmt::format("{:+.0f} %", (bench - raw) / raw * 100) : "-";
}

std::string head(const Report& report) {
    const Setup& setup = report.setup;
    std::string text = fmt::format("Latency on Linux {}: {} of each, guest {}, {}", report.kernel,
                                   count_text(setup.samples, "sample"),
                                   setup.spinning ? "spinning" : "halted", count_text(setup.vcpus, "vCPU"));
    if (setup.route_count != 0) text += fmt::format(", {} routes", setup.route_count);
    return text + "\n";
}

/// The words of a reason in lines that fit behind an indentation.
std::string folded(const std::string& reason, std::size_t indent) {
    std::string text;
    std::size_t column = 0;
    for (std::size_t begin = 0; begin < reason.size();) {
        const std::size_t end = std::min(reason.find(' ', begin), reason.size());
        const std::size_t length = end - begin;
        if (column != 0 && column + 1 + length > reason_width) {
            text += "\n" + std::string(indent, ' ');
            column = 0;
        } else if (column != 0) {
            text += ' ';
            ++column;
        }
        text += reason.substr(begin, length);
        column += length;
        begin = end + 1;
    }
    return text;
}

std::string table(const Report& report) {
    std::string text = fmt::format("\n  {:<10}{:<10}{:>8}{:>8}{:>8}{:>8}{:>8}{:>9}  {:>8}{:>9}\n", "us", "",
                                   "p50", "p90", "p99", "p99.9", "p99.99", "max", "raw p50", "overhead");
    for (const Measured& row : report.measured) {
        text += fmt::format("  {:<10}{:<10}", info_of(row.path).name, row.irqchip);
        if (!row.reason.empty()) {
            text += folded(fmt::format("{}{}", row.failed ? "not measured: " : "-  ", row.reason), 22) + "\n";
            continue;
        }
        for (const double per_cent : per_cents)
            text +=
                fmt::format("{:>8}", row.bench.resolves(per_cent) ? us(row.bench.percentile(per_cent)) : "-");
        text += fmt::format("{:>9}", us(row.bench.max()));
        if (row.no_raw.empty())
            text += fmt::format("  {:>8}{:>9}", us(row.raw.percentile(50)), overhead(row));
        else
            text += fmt::format("  {:>8}{:>9}", "-", "-");
        text += "\n";
    }
    return text;
}

std::string notes(const Report& report) {
    std::string text;
    for (const Measured& row : report.measured)
        if (row.reason.empty() && !row.no_raw.empty())
            text +=
                fmt::format("  {}, {}: no raw loop: {}\n", info_of(row.path).name, row.irqchip, row.no_raw);
    for (const Measured& row : report.measured)
        if (row.repeats != 0)
            text += fmt::format("  {}, {}: begun again {}: {}\n", info_of(row.path).name, row.irqchip,
                                count_text(row.repeats, "time"), row.repeated_since);
    return text.empty() ? text : "\n" + text;
}

std::string plot_head(const Measured& row) {
    const PathInfo& info = info_of(row.path);
    std::string text = fmt::format("\n{}, {}: {}, {}\n", info.name, row.irqchip, info.leg,
                                   count_text(row.bench.count(), "sample"));
    text += fmt::format("  {}\n", info.doc);
    if (row.inner && row.inner->count() != 0)
        text += fmt::format("  of it {}: p50 {}, p99 {}, by the guest's counter (+-{})\n", info.inner,
                            time_text(row.inner->percentile(50)), time_text(row.inner->percentile(99)),
                            time_text(row.uncertainty));
    else if (row.inner)
        text += fmt::format(
            "  of it {}: not known, since the guest's counter does not keep to the host's clock\n",
            info.inner);
    if (row.discarded != 0)
        text += fmt::format("  left out: {} whose deadline had passed when it was set\n",
                            count_text(row.discarded, "timer"));
    return text;
}

std::string coloured(const std::string& text, const char* code, const TextOptions& options) {
    return options.colour ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

std::string in_words(Change change) {
    switch (change) {
        case Change::slower: return "slower";
        case Change::faster: return "faster";
        case Change::none: break;
    }
    return "no difference";
}

std::string p_text(double p) { return p < 1e-12 ? "p < 1e-12" : fmt::format("p = {:.2g}", p); }

}  // namespace

std::string time_text(Nanoseconds time) {
    const auto ns = static_cast<double>(time.count());
    if (ns < 1000) return fmt::format("{:.0f} ns", ns);
    const double value = ns < 1e6 ? ns / 1e3 : ns / 1e6;
    const int digits = value < 10 ? 2 : value < 100 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, digits, ns < 1e6 ? "us" : "ms");
}

std::string text_of(const Report& report, const TextOptions& options) {
    std::string text = head(report);
    for (const std::string& warning : report.warnings)
        text += coloured("  noisy: " + folded(warning, 9), "33", options) + "\n";
    text += table(report) + notes(report);
    if (!options.plots) return text;
    for (const Measured& row : report.measured)
        if (row.reason.empty()) text += plot_head(row) + plot_of(row.bench, row.raw, options.colour);
    return text;
}

std::string text_of(const Comparison& comparison, const TextOptions& options) {
    std::string text = fmt::format("\nSince {} (Linux {}), by the test of Mann and Whitney\n\n",
                                   comparison.baseline, comparison.kernel_before);
    for (const Compared& row : comparison.rows) {
        text += fmt::format("  {:<10}{:<10}", info_of(row.path).name, row.irqchip);
        if (!row.reason.empty()) {
            text += folded("-  " + row.reason, 22) + "\n";
            continue;
        }
        const char* colour = row.change == Change::slower ? "31" : row.change == Change::faster ? "32" : "0";
        text += coloured(fmt::format("{:<14}", in_words(row.change)), colour, options);
        text += fmt::format("p50 {} -> {}, {}, effect {:.2f}", time_text(row.median_before),
                            time_text(row.median_after), p_text(row.test.p), row.test.effect);
        if (row.has_raw && row.change != Change::none)
            text += fmt::format("; the raw loop: {}", in_words(row.raw_change));
        text += "\n";
    }
    return text;
}

}  // namespace irqbench::tools::bench
