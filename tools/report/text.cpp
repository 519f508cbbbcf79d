#include "tools/report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "tools/report/timeline.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

constexpr std::array all_kinds = {Kind::pass, Kind::known, Kind::skip, Kind::fail, Kind::error};

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

std::string_view colour_of(Kind kind) {
    switch (kind) {
        case Kind::pass: return "\033[32m";
        case Kind::fail:
        case Kind::error: return "\033[1;31m";
        case Kind::known: return "\033[33m";
        case Kind::skip: return "\033[2m";
    }
    return "";
}

std::string painted(std::string text, Kind kind, const TextStyle& style) {
    return style.colour ? fmt::format("{}{}\033[0m", colour_of(kind), text) : text;
}

/// Verdict, name, file, mode and kernel: on one line where they fit, else on two.
std::string headline(const Result& result, const TextStyle& style) {
    const std::string name = printable(result.scenario);
    std::string where = printable(result.file);
    if (result.verdict.failure) where += fmt::format(":{}", result.verdict.failure->line);
    if (!result.irqchip.empty()) where += "   " + result.irqchip;
    if (!result.kernel.empty()) where += "   Linux " + result.kernel;
    const std::string verdict = fmt::format("{:<5}", capitals(result.verdict.kind));
    const std::size_t length = verdict.size() + 1 + name.size() + 3 + where.size();
    return fmt::format("{} {}{}{}\n", painted(verdict, result.verdict.kind, style), name,
                       length <= style.width ? "   " : "\n      ", where);
}

/// One line of the long list.
std::string list_line(const Result& result, const TextStyle& style) {
    const std::string verdict =
        painted(fmt::format("{:<5}", capitals(result.verdict.kind)), result.verdict.kind, style);
    return fmt::format("{} {:<8} {}\n", verdict, result.irqchip, printable(result.scenario));
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
    for (const auto& outcome : result.verdict.histogram) wide = std::max(wide, outcome.outcome.size());
    std::string text;
    for (const auto& outcome : result.verdict.histogram) {
        static constexpr std::array<const char*, 3> kinds = {"allowed", "required", "forbidden"};
        text += fmt::format("  {:>10}  {:<{}}  {}\n", outcome.count, outcome.outcome, wide,
                            kinds.at(static_cast<std::size_t>(outcome.kind)));
    }
    return text;
}

std::string folder_of(const Result& result) {
    return std::filesystem::path(result.file).parent_path().generic_string();
}

/// What all folders begin with, so that the matrix need not repeat it.
std::filesystem::path common_parent(std::span<const Result> results) {
    std::filesystem::path common = folder_of(results.front());
    for (const Result& result : results) {
        const std::filesystem::path folder = folder_of(result);
        auto a = common.begin();
        std::filesystem::path shared;
        for (auto b = folder.begin(); a != common.end() && b != folder.end() && *a == *b; ++a, ++b)
            shared /= *a;
        common = shared;
    }
    return common;
}

std::string row_name(const Result& result, const std::filesystem::path& common) {
    const auto relative = std::filesystem::path(folder_of(result)).lexically_relative(common);
    if (!relative.empty() && relative != ".") return relative.generic_string();
    return common.empty() ? "." : common.filename().generic_string();
}

using Cell = std::map<Kind, std::uint64_t>;

std::string cell_text(const Cell& cell) {
    std::string text;
    for (const Kind kind : all_kinds)
        if (const auto found = cell.find(kind); found != cell.end())
            text += fmt::format("{}{} {}", text.empty() ? "" : " ", found->second, scenarios::word(kind));
    return text.empty() ? "-" : text;
}

std::string join(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

struct Reason {
    std::uint64_t count = 0;
    std::vector<std::string> modes;
};

/// Skips and known divergences: each reason once, with how often and in which modes.
std::string grouped_reasons(std::span<const Result> results, Kind kind, const char* heading) {
    std::map<std::string, Reason> reasons;
    for (const Result& result : results) {
        if (result.verdict.kind != kind) continue;
        Reason& reason = reasons[result.verdict.reason];
        ++reason.count;
        if (std::find(reason.modes.begin(), reason.modes.end(), result.irqchip) == reason.modes.end())
            reason.modes.push_back(result.irqchip);
    }
    if (reasons.empty()) return {};
    std::string text = fmt::format("\n{}\n", heading);
    for (const auto& [reason, where] : reasons)
        text += fmt::format("  {:>4}  {} ({})\n", where.count, printable(reason), join(where.modes));
    return text;
}

/// Failures and errors: each run, with what happened.
std::string listed(std::span<const Result> results, Kind kind, const char* heading) {
    std::string text;
    for (const Result& result : results) {
        if (result.verdict.kind != kind) continue;
        text += fmt::format("  {}{}{}\n", printable(result.file), result.irqchip.empty() ? "" : "   ",
                            result.irqchip);
        text += indented(printable_lines(result.verdict.reason), 8);
    }
    return text.empty() ? text : fmt::format("\n{}\n{}", heading, text);
}

std::string summary_line(std::span<const Result> results, std::chrono::microseconds elapsed) {
    const Summary summary = summarise(results);
    const double seconds = std::chrono::duration<double>(elapsed).count();
    std::uint64_t runs = 0;
    for (const Result& result : results) runs += result.runs;
    return fmt::format("\n{} passed, {} failed, {} skipped, {} known, {}: {} in {:.1f} s\n", summary.passed,
                       summary.failed, summary.skipped, summary.known, counted(summary.errors, "error"),
                       counted(runs, "run"), seconds);
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
    text += indented(timeline(result.excerpt, failure.mark, style.width - 4), 4);
    text += histogram_text(result);
    if (!result.source.empty()) text += fmt::format("  source: {}\n", printable(result.source));
    if (!result.reference.empty())
        text += fmt::format("  reference: {}\n", printable(join(result.reference)));
    return text;
}

std::string matrix(std::span<const Result> results) {
    if (results.empty()) return {};
    const auto common = common_parent(results);
    std::vector<std::string> rows;
    std::vector<std::string> modes;
    std::map<std::pair<std::string, std::string>, Cell> cells;
    const auto remember = [](std::vector<std::string>& list, const std::string& word) {
        if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
    };
    for (const Result& result : results) {
        const std::string mode = result.irqchip.empty() ? "not loaded" : result.irqchip;
        const std::string row = row_name(result, common);
        remember(rows, row);
        remember(modes, mode);
        ++cells[{row, mode}][result.verdict.kind];
        ++cells[{"all", mode}][result.verdict.kind];
    }
    if (rows.size() > 1) rows.emplace_back("all");

    std::size_t name_width = 0;
    for (const auto& row : rows) name_width = std::max(name_width, row.size());
    std::string text = fmt::format("  {:<{}}", "", name_width);
    std::map<std::string, std::size_t> widths;
    for (const auto& mode : modes) {
        widths[mode] = mode.size();
        for (const auto& row : rows)
            widths[mode] = std::max(widths[mode], cell_text(cells[{row, mode}]).size());
        text += fmt::format("   {:<{}}", mode, widths[mode]);
    }
    const auto finish = [](std::string& line) { line.erase(line.find_last_not_of(' ') + 1).push_back('\n'); };
    finish(text);
    for (const auto& row : rows) {
        std::string line = fmt::format("  {:<{}}", row, name_width);
        for (const auto& mode : modes)
            line += fmt::format("   {:<{}}", cell_text(cells[{row, mode}]), widths[mode]);
        finish(line);
        text += line;
    }
    return text;
}

std::string text_report(std::span<const Result> results, std::chrono::microseconds elapsed,
                        const TextStyle& style) {
    std::string text;
    for (const Result& result : results) {
        if (went_wrong(result) && result.verdict.failure)
            text += failure_text(result, style) + '\n';
        else if (!result.verdict.histogram.empty())
            text += headline(result, style) + histogram_text(result) + '\n';
        else if (style.verbose)
            text += list_line(result, style);
    }
    if (style.verbose && !text.empty()) text += '\n';
    text += matrix(results);
    text += grouped_reasons(results, Kind::known, "known divergences");
    text += grouped_reasons(results, Kind::skip, "skipped");
    text += listed(results, Kind::fail, "failed");
    text += listed(results, Kind::error, "errors");
    return text + summary_line(results, elapsed);
}

}  // namespace irqbench::tools
