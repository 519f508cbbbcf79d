#include "tools/report/tap.hpp"

#include <fmt/format.h>

#include "tools/report/kernels.hpp"
#include "tools/report/text.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

/// A description or a reason on its line: `#` would begin a directive.
std::string plain(const std::string& text) {
    std::string result;
    for (const char c : printable(text)) {
        if (c == '#' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

std::string diagnostics(const Result& result) {
    std::string text =
        fmt::format("  ---\n  file: {}\n  reason: {}\n", quoted(result.file), quoted(result.verdict.reason));
    if (const auto& failure = result.verdict.failure)
        text += fmt::format("  step: {}\n  line: {}\n  expected: {}\n  came: {}\n", failure->step,
                            failure->line, quoted(failure->expected), quoted(failure->came));
    return text + "  ...\n";
}

/// The mode, behind the kernel where results are of several; either may be unknown.
std::string placement(const Result& result, bool several) {
    if (!several) return result.irqchip;
    return result.irqchip.empty() ? result.kernel : result.kernel + ' ' + result.irqchip;
}

}  // namespace

std::string tap_report(std::span<const Result> results, bool interrupted) {
    const bool several = by_kernel(results).size() > 1;
    std::string text = fmt::format("TAP version 13\n1..{}\n", results.size());
    std::size_t number = 0;
    for (const Result& result : results) {
        const Kind kind = result.verdict.kind;
        const bool ok = kind == Kind::pass || kind == Kind::skip;
        text += fmt::format("{} {} - {}", ok ? "ok" : "not ok", ++number, plain(result.scenario));
        const std::string where = placement(result, several);
        if (!where.empty()) text += fmt::format(" [{}]", plain(where));
        if (kind == Kind::skip) text += " # SKIP " + plain(result.verdict.reason);
        if (kind == Kind::known) text += " # TODO known divergence: " + plain(result.verdict.reason);
        text += '\n';
        if (kind == Kind::fail || kind == Kind::error) text += diagnostics(result);
        if (result.retried) text += fmt::format("# {}\n", retried_text(result));
    }
    if (interrupted) text += "Bail out! interrupted\n";
    return text;
}

}  // namespace irqbench::tools
