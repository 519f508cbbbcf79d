#include "tools/report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "tools/report/kernels.hpp"
#include "tools/report/matrix.hpp"
#include "tools/report/timeline.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

std::string_view capitals(Kind kind) {
    switch (kind) {
        case Kind::pass: return "PASS";
        case Kind::fail: return "FAIL";
        case Kind::skip: return "SKIP";
        case Kind::known: return "KNOWN";
        case Kind::error: return "ERROR";
    }
    return "ERROR";
}

/// Verdict, name, file, mode and kernel: on one line where they fit, else on two.
std::string headline(const Result& result, const TextStyle& style) {
    const std::string name = printable(result.scenario);
    std::string where = printable(result.file);
    if (result.verdict.failure) where += fmt::format(":{}", result.verdict.failure->line);
    if (!result.irqchip.empty()) where += "   " + printable(result.irqchip);
    if (!result.kernel.empty()) where += "   Linux " + printable(result.kernel);
    const std::string verdict = fmt::format("{:<5}", capitals(result.verdict.kind));
    const std::size_t length = verdict.size() + 1 + name.size() + 3 + where.size();
    return fmt::format("{} {}{}{}\n", painted(verdict, result.verdict.kind, style), name,
                       length <= style.width ? "   " : "\n      ", where);
}

/// One line of the long list.
std::string list_line(const Result& result, const KernelNames& kernels, const TextStyle& style) {
    const std::string verdict =
        painted(fmt::format("{:<5}", capitals(result.verdict.kind)), result.verdict.kind, style);
    const std::size_t wide = kernels.several() ? 14 : 8;
    return fmt::format("{} {:<{}} {}\n", verdict, kernels.placement(result), wide,
                       printable(result.scenario));
}

std::string indented(const std::string& text, std::size_t by) {
    std::string result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        result.append(by, ' ').append(text, begin, end - begin).append("\n");
        begin = end + 1;
    }
    return result;
}

std::string histogram_text(const Result& result) {
    std::size_t wide = 0;
    for (const auto& outcome : result.verdict.histogram)
        wide = std::max(wide, printable(outcome.outcome).size());
    std::string text;
    for (const auto& outcome : result.verdict.histogram) {
        static constexpr std::array<const char*, 3> kinds = {"allowed", "required", "forbidden"};
        text += fmt::format("  {:>10}  {:<{}}  {}\n", outcome.count, printable(outcome.outcome), wide,
                            kinds.at(static_cast<std::size_t>(outcome.kind)));
    }
    return text;
}

std::string join(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

/// Where something was so: `kernel, split`, of several kernels `6.1 kernel, split; 7.2 kernel`.
class Places {
  public:
    void add(const Result& result) {
        const auto is_kernel = [&](const auto& each) { return each.first == result.kernel; };
        auto kernel = std::find_if(modes_.begin(), modes_.end(), is_kernel);
        if (kernel == modes_.end()) kernel = modes_.insert(modes_.end(), {result.kernel, {}});
        auto& modes = kernel->second;
        const std::string irqchip = printable(result.irqchip);
        if (std::find(modes.begin(), modes.end(), irqchip) == modes.end()) modes.push_back(irqchip);
    }
    [[nodiscard]] std::string text(const KernelNames& names) const {
        std::string text;
        for (const auto& [release, modes] : modes_) {
            if (!text.empty()) text += "; ";
            if (names.several()) text += names.of(release) + ' ';
            text += join(modes);
        }
        return text;
    }

  private:
    std::vector<std::pair<std::string, std::vector<std::string>>> modes_;
};

struct Reason {
    std::uint64_t count = 0;
    Places places;
};

/// Each reason once, with how often and where.
std::string reasons_text(const std::map<std::string, Reason>& reasons, const KernelNames& kernels,
                         const char* heading) {
    if (reasons.empty()) return {};
    std::string text = fmt::format("\n{}\n", heading);
    for (const auto& [reason, where] : reasons)
        text += fmt::format("  {:>4}  {} ({})\n", where.count, printable(reason), where.places.text(kernels));
    return text;
}

/// Skips and known divergences.
std::string grouped_reasons(std::span<const Result> results, const KernelNames& kernels, Kind kind,
                            const char* heading) {
    std::map<std::string, Reason> reasons;
    for (const Result& result : results) {
        if (result.verdict.kind != kind) continue;
        Reason& reason = reasons[result.verdict.reason];
        ++reason.count;
        reason.places.add(result);
    }
    return reasons_text(reasons, kernels, heading);
}

/// What could not be asserted though the rest was: without the numbers of steps, each reason once.
std::string unasserted(std::span<const Result> results, const KernelNames& kernels) {
    std::map<std::string, Reason> reasons;
    for (const Result& result : results) {
        for (const std::string& line : result.verdict.unasserted) {
            const std::size_t colon = line.find(": ");
            Reason& reason = reasons[colon == std::string::npos ? line : line.substr(colon + 2)];
            ++reason.count;
            reason.places.add(result);
        }
    }
    return reasons_text(reasons, kernels, "path not asserted");
}

/// What the first of the runs that were played again ended in: each reason once.
std::string retries(std::span<const Result> results, const KernelNames& kernels) {
    std::map<std::string, Reason> reasons;
    for (const Result& result : results) {
        if (!result.retried) continue;
        Reason& reason = reasons[*result.retried];
        ++reason.count;
        reason.places.add(result);
    }
    return reasons_text(reasons, kernels, "played again after an error");
}

/// Failures and errors: each run, with what happened.
std::string listed(std::span<const Result> results, const KernelNames& kernels, Kind kind,
                   const char* heading) {
    std::string text;
    for (const Result& result : results) {
        if (result.verdict.kind != kind) continue;
        const std::string placement = kernels.placement(result);
        text += fmt::format("  {}{}{}\n", printable(result.file), placement.empty() ? "" : "   ", placement);
        text += indented(printable_lines(result.verdict.reason), 8);
    }
    return text.empty() ? text : fmt::format("\n{}\n{}", heading, text);
}

std::string counts_text(const Summary& summary) {
    return fmt::format("{} passed, {} failed, {} skipped, {} known, {}", summary.passed, summary.failed,
                       summary.skipped, summary.known, counted(summary.errors, "error"));
}

/// What the short names stand for, and how each did.
std::string kernel_summaries(std::span<const Result> results) {
    std::string text = "\n";
    for (const auto& kernel : by_kernel(results)) {
        std::vector<Result> all;
        for (const auto& mode : kernel.modes) all.insert(all.end(), mode.results.begin(), mode.results.end());
        text += fmt::format("Linux {}: {}\n", printable(kernel.release), counts_text(summarise(all)));
    }
    return text;
}

std::string summary_line(std::span<const Result> results, std::chrono::microseconds elapsed) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    std::uint64_t runs = 0;
    for (const Result& result : results) runs += result.runs;
    return fmt::format("\n{}: {} in {:.1f} s\n", counts_text(summarise(results)), counted(runs, "run"),
                       seconds);
}

bool went_wrong(const Result& result) {
    return result.verdict.kind == Kind::fail || result.verdict.kind == Kind::error;
}

}  // namespace

std::string failure_text(const Result& result, const TextStyle& style) {
    std::string text = headline(result, style);
    const auto& verdict = result.verdict;
    if (result.runs > 1)
        text += fmt::format("  {} {} of {} runs; this is the first\n",
                            verdict.kind == Kind::fail ? "failed" : "error in", result.bad_runs, result.runs);
    if (!verdict.failure) return text + indented(printable_lines(verdict.reason), 2);
    const auto& failure = *verdict.failure;
    text += fmt::format("  step {}:  {}\n", failure.step, printable(failure.text));
    if (failure.iterations > 1)
        text += fmt::format("  iteration {} of {}\n", failure.iteration + 1, failure.iterations);
    if (failure.came.empty()) {
        text += indented(printable_lines(verdict.reason), 2);
    } else {
        text += fmt::format("  expected  {}\n  came      {}{}\n", printable(failure.expected),
                            printable(failure.came),
                            failure.since.empty() ? "" : ", " + printable(failure.since));
        if (!failure.remark.empty()) text += fmt::format("  {}\n", printable(failure.remark));
        if (verdict.invalid)
            text += "  so the scenario is invalid: what cannot be proven cannot be claimed\n";
    }
    text += indented(timeline(result.excerpt, printable(failure.mark), style.width - 4), 4);
    text += histogram_text(result);
    if (!result.source.empty()) text += fmt::format("  source: {}\n", printable(result.source));
    if (!result.reference.empty())
        text += fmt::format("  reference: {}\n", printable(join(result.reference)));
    return text;
}

std::string retried_text(const Result& result) {
    return "played again after an error: " + printable(result.retried.value_or(""));
}

std::string text_report(std::span<const Result> results, std::chrono::microseconds elapsed,
                        const TextStyle& style) {
    const KernelNames kernels(results);
    std::string text;
    for (const Result& result : results) {
        if (went_wrong(result) && result.verdict.failure)
            text += failure_text(result, style) + '\n';
        else if (!result.verdict.histogram.empty() && (style.verbose || !kernels.several()))
            text += headline(result, style) + histogram_text(result) + '\n';
        else if (style.verbose)
            text += list_line(result, kernels, style);
    }
    if (style.verbose && !text.empty()) text += '\n';
    text += kernels.several() ? kernel_matrix(results, style) : matrix(results);
    text += grouped_reasons(results, kernels, Kind::known, "known divergences");
    text += grouped_reasons(results, kernels, Kind::skip, "skipped");
    text += unasserted(results, kernels);
    text += retries(results, kernels);
    text += listed(results, kernels, Kind::fail, "failed");
    text += listed(results, kernels, Kind::error, "errors");
    if (kernels.several()) text += kernel_summaries(results);
    return text + summary_line(results, elapsed);
}

}  // namespace irqbench::tools
