#include "tools/report/report.hpp"

#include "tools/report/json.hpp"
#include "tools/report/junit.hpp"
#include "tools/report/ktap.hpp"
#include "tools/report/page.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/records.hpp"
#include "tools/report/tap.hpp"
#include "tools/report/text.hpp"

namespace irqbench::tools {

namespace {

std::string result_records(std::span<const Result> results) {
    std::string text;
    for (std::size_t i = 0; i < results.size(); ++i)
        text += record_line(record::Finished{i, true, results[i]});
    return text;
}

}  // namespace

ReportOptions report_options(const Surroundings& surroundings, std::string format) {
    ReportOptions options;
    options.format = std::move(format);
    options.colour = surroundings.out_is_terminal && surroundings.environment("NO_COLOR").empty() &&
                     understands_escapes(surroundings);
    return options;
}

std::string report_text(std::span<const Result> results, const ReportOptions& options) {
    if (options.format == "json") return json_report(results);
    if (options.format == "jsonl") return result_records(results);
    if (options.format == "junit") return junit_report(results);
    if (options.format == "tap") return tap_report(results, options.interrupted);
    if (options.format == "ktap") return ktap_report(results, options.interrupted);
    if (options.format == "html") {
        PageOptions page;
        page.interrupted = options.interrupted;
        return html_page(results, page);
    }
    TextStyle style;
    style.verbose = options.verbose;
    style.colour = options.colour;
    return text_report(results, options.elapsed, style);
}

}  // namespace irqbench::tools
