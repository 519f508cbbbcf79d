#include "tools/report/junit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/report/kernels.hpp"
#include "tools/report/text.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

double seconds(std::chrono::microseconds duration) { return std::chrono::duration<double>(duration).count(); }

std::string class_name(const Result& result) {
    std::string name = without_json(result.file);
    std::replace(name.begin(), name.end(), '/', '.');
    return name;
}

std::string body(const Result& result) {
    const std::string reason = xml_attribute(result.verdict.reason);
    switch (result.verdict.kind) {
        case Kind::pass: return "";
        case Kind::skip: return fmt::format("      <skipped message=\"{}\"/>\n", reason);
        case Kind::known: return fmt::format("      <skipped message=\"known divergence: {}\"/>\n", reason);
        case Kind::fail:
        case Kind::error: {
            const char* element = result.verdict.kind == Kind::fail ? "failure" : "error";
            return fmt::format("      <{0} message=\"{1}\">{2}</{0}>\n", element, reason,
                               xml_text(failure_text(result, {})));
        }
    }
    return "";
}

std::string suite(const std::string& name, std::span<const Result> mine) {
    const Summary summary = summarise(mine);
    std::chrono::microseconds total{};
    for (const Result& result : mine) total += result.duration;
    std::string text = fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
        "time=\"{:.6f}\">\n",
        xml_attribute(name), mine.size(), summary.failed, summary.errors, summary.skipped + summary.known,
        seconds(total));
    for (const Result& result : mine) {
        std::string inside = body(result);
        if (result.retried)
            inside += fmt::format("      <system-out>{}</system-out>\n", xml_text(retried_text(result)));
        text += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.6f}\"",
                            xml_attribute(class_name(result)), xml_attribute(result.scenario),
                            seconds(result.duration));
        text += inside.empty() ? "/>\n" : ">\n" + inside + "    </testcase>\n";
    }
    return text + "  </testsuite>\n";
}

}  // namespace

std::string junit_report(std::span<const Result> results) {
    const auto kernels = by_kernel(results);
    std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"irqbench\">\n";
    for (const auto& kernel : kernels) {
        for (const auto& mode : kernel.modes) {
            const std::string irqchip = mode.irqchip.empty() ? "not loaded" : mode.irqchip;
            text += suite(kernels.size() > 1 ? kernel.release + ' ' + irqchip : irqchip, mode.results);
        }
    }
    return text + "</testsuites>\n";
}

}  // namespace irqbench::tools
