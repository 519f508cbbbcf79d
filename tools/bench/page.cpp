#include "tools/bench/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/bench/plot.hpp"
#include "tools/bench/text.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools::bench {

namespace {

constexpr std::string_view skeleton_begin = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>irqbench: latency</title>
<style>
:root { color-scheme: light dark; --ink: #1a1c20; --faint: #646a75; --line: #d9dce1; --bench: #3568d4; --raw: #d18a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e6eb; --faint: #98a0ad; --line: #343942; --bench: #7ba2ff; --raw: #e5a93a; } }
body { color: var(--ink); font: 14px/1.4 system-ui, sans-serif; margin: 12px 16px; }
pre, svg text { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12px; }
h1 { font-size: 18px; } h2 { font-size: 15px; margin-bottom: 0; }
p { color: var(--faint); margin: 2px 0 6px; }
svg { max-width: 860px; width: 100%; } svg text { fill: var(--faint); }
.bench { fill: var(--bench); } .raw { fill: none; stroke: var(--raw); stroke-width: 1.5; } .axis { stroke: var(--line); }
</style>
</head>
<body>
<h1>Latency</h1>
)";

constexpr int page_width = 860;
constexpr int height = 200;
constexpr int bottom = 170;
constexpr std::size_t plot_rows_at_most = 80;

/// From the first row's begin to the last one's end, logarithmic.
class Scale {
  public:
    explicit Scale(const std::vector<PlotRow>& rows)
        : first_(std::log(static_cast<double>(std::max<std::uint64_t>(rows.front().lowest, 1)))),
          span_(std::max(std::log(static_cast<double>(rows.back().end)) - first_, 1e-9)) {}
    [[nodiscard]] double operator()(std::uint64_t ns) const {
        return (std::log(static_cast<double>(std::max<std::uint64_t>(ns, 1))) - first_) / span_ * page_width;
    }

  private:
    double first_;
    double span_;
};

/// Times at which the axis has a mark: 1, 2 and 5 of each power of ten.
std::string marks(const std::vector<PlotRow>& rows, const Scale& x) {
    std::string text;
    for (std::uint64_t power = 1; power <= rows.back().end && power < 1'000'000'000'000; power *= 10)
        for (const std::uint64_t ns : {power, 2 * power, 5 * power}) {
            if (ns < rows.front().lowest || ns > rows.back().end) continue;
            text += fmt::format(
                R"(<line class="axis" x1="{0:.1f}" y1="0" x2="{0:.1f}" y2="{1}"/><text x="{0:.1f}" y="{2}">{3}</text>)",
                x(ns), bottom, bottom + 16, time_text(Nanoseconds{static_cast<std::int64_t>(ns)}));
            text += '\n';
        }
    return text;
}

double tall(std::uint64_t count, std::uint64_t most) {
    return static_cast<double>(count) / static_cast<double>(most) * (bottom - 6);
}

std::string picture(const Measured& row) {
    const auto rows = plot_rows(row.bench, row.raw, plot_rows_at_most);
    if (rows.empty()) return {};
    const Scale x(rows);
    std::uint64_t most = 1;
    for (const PlotRow& each : rows) most = std::max({most, each.bench, each.raw});
    std::string text = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}, {}\">\n",
                                   page_width, height, info_of(row.path).name, xml_attribute(row.irqchip));
    text += marks(rows, x);
    std::string outline;
    for (const PlotRow& each : rows) {
        const double left = x(each.lowest);
        const double right = x(each.end);
        if (each.bench != 0)
            text += fmt::format(
                "<rect class=\"bench\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
                "<title>{}: {}</title></rect>\n",
                left, bottom - std::max(tall(each.bench, most), 1.0), right - left,
                std::max(tall(each.bench, most), 1.0),
                time_text(Nanoseconds{static_cast<std::int64_t>(each.lowest)}), each.bench);
        const double y = bottom - tall(each.raw, most);
        outline +=
            fmt::format("{}{:.1f},{:.1f} {:.1f},{:.1f}", outline.empty() ? "" : " ", left, y, right, y);
    }
    if (row.raw.count() != 0) text += fmt::format("<polyline class=\"raw\" points=\"{}\"/>\n", outline);
    return text + "</svg>\n";
}

}  // namespace

std::string page_of(const Report& report, const std::optional<Comparison>& comparison) {
    TextOptions options;
    options.plots = false;
    std::string text(skeleton_begin);
    std::string table = text_of(report, options);
    if (comparison) table += text_of(*comparison, options);
    text += "<pre>" + xml_text(table) + "</pre>\n";
    for (const Measured& row : report.measured) {
        if (!row.reason.empty()) continue;
        text += fmt::format("<h2>{}, {}</h2>\n", info_of(row.path).name, xml_text(row.irqchip));
        text += fmt::format("<p>{}; filled: irqbench, line: {}</p>\n", info_of(row.path).doc,
                            row.raw.count() != 0 ? "the raw loop" : xml_text("none, since " + row.no_raw));
        text += picture(row);
    }
    return text + "</body>\n</html>\n";
}

}  // namespace irqbench::tools::bench
