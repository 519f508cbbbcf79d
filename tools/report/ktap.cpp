#include "tools/report/ktap.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/report/kernels.hpp"
#include "tools/report/text.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

/// A description cannot have a `#`, and the format has no escape for it.
std::string description(const std::string& text) {
    std::string result = printable(text);
    result.erase(std::remove(result.begin(), result.end(), '#'), result.end());
    return result;
}

/// Every line behind `before`.
std::string each_line(const std::string& text, const std::string& before) {
    std::string result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        result += before;
        result.append(text, begin, end - begin).append("\n");
        begin = end + 1;
    }
    return result;
}

bool is_ok(Kind kind) { return kind != Kind::fail && kind != Kind::error; }

std::string directive(const Result& result) {
    const std::string reason = printable(result.verdict.reason);
    switch (result.verdict.kind) {
        case Kind::pass:
        case Kind::fail: return "";
        case Kind::skip: return " # SKIP " + reason;
        case Kind::known: return " # XFAIL " + reason;
        case Kind::error: return " # ERROR " + reason;
    }
    return "";
}

/// Test cases of one level, and what their parent says of them.
class Level {
  public:
    void add(const Result& result) {
        std::string text;
        const bool says_more = !is_ok(result.verdict.kind) && result.verdict.failure;
        if (says_more) text = each_line(failure_text(result, {}), "# ");
        if (result.retried) text += each_line(retried_text(result), "# ");
        add(text, result.scenario, is_ok(result.verdict.kind), result.verdict.kind == Kind::skip,
            directive(result));
    }
    void add(const std::string& name, const Level& inner) {
        add(each_line(inner.text(name), "  "), name, inner.is_ok_, inner.is_skipped_,
            inner.is_skipped_ ? " # SKIP" : "");
    }
    /// @param name of the parent; empty for the outermost level
    [[nodiscard]] std::string text(const std::string& name) const {
        const std::string subtest = name.empty() ? "" : fmt::format("# Subtest: {}\n", description(name));
        return fmt::format("KTAP version 1\n{}1..{}\n{}", subtest, count_, lines_);
    }

  private:
    void add(const std::string& before, const std::string& name, bool ok, bool skipped,
             const std::string& rest) {
        lines_ += before;
        lines_ += fmt::format("{} {} {}{}\n", ok ? "ok" : "not ok", ++count_, description(name), rest);
        is_ok_ = is_ok_ && ok;
        is_skipped_ = is_skipped_ && skipped;
    }

    std::size_t count_ = 0;
    std::string lines_;
    bool is_ok_ = true;
    bool is_skipped_ = true;
};

}  // namespace

std::string ktap_report(std::span<const Result> results, bool interrupted) {
    Level kernels;
    for (const auto& kernel : by_kernel(results)) {
        Level modes;
        for (const auto& mode : kernel.modes) {
            Level scenarios;
            for (const Result& result : mode.results) scenarios.add(result);
            modes.add(mode.irqchip.empty() ? "not loaded" : mode.irqchip, scenarios);
        }
        kernels.add("Linux " + kernel.release, modes);
    }
    return kernels.text("") + (interrupted ? "Bail out! interrupted\n" : "");
}

}  // namespace irqbench::tools
