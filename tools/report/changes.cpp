#include "tools/report/changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Verdict = scenarios::Verdict;
using What = Change::Kind;
using std::chrono::microseconds;

struct ChangeInfo {
    What kind;
    std::string_view word;   ///< of a machine
    std::string_view title;  ///< for people
    bool listed;             ///< each of them, also when the report is short
};
constexpr std::array<ChangeInfo, 7> change_kinds{{
    {What::failing, "failing", "newly failing", true},
    {What::flaky, "flaky", "newly flaky", true},
    {What::lost, "lost", "no longer run", true},
    {What::known, "known", "newly known", true},
    {What::slower, "slower", "slower", true},
    {What::fixed, "fixed", "fixed", true},
    {What::added, "added", "added", false},
}};

/// All that one side says of a scenario in a mode.
struct Side {
    const Result* worst = nullptr;
    std::uint64_t runs = 0;
    std::uint64_t bad_runs = 0;
    std::vector<microseconds> durations;  ///< of one run each

    void add(const Result& result) {
        const bool is_bad =
            result.verdict.kind == Verdict::Kind::fail || result.verdict.kind == Verdict::Kind::error;
        if (result.verdict.kind != Verdict::Kind::skip) {
            runs += std::max(result.runs, 1U);
            bad_runs += is_bad ? std::max(result.bad_runs, 1U) : 0;
            durations.push_back(result.duration / std::max(result.runs, 1U));
        }
        if (worst == nullptr || severity(result.verdict.kind) > severity(worst->verdict.kind))
            worst = &result;
    }
    [[nodiscard]] bool has_run() const {
        return worst != nullptr && worst->verdict.kind != Verdict::Kind::skip;
    }
    [[nodiscard]] bool bad() const { return bad_runs != 0; }
    [[nodiscard]] bool flaky() const { return bad() && bad_runs < runs; }
    [[nodiscard]] bool passed() const {
        return worst != nullptr && worst->verdict.kind == Verdict::Kind::pass;
    }
    [[nodiscard]] std::string text() const {
        if (worst == nullptr) return {};
        std::string text(word(worst->verdict.kind));
        if (bad() && runs > 1) text += fmt::format(" ({} of {} runs)", bad_runs, runs);
        return text;
    }
};

template <class T>
T median(std::vector<T> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

using Key = std::tuple<std::string, std::string, std::string>;  ///< scenario, irqchip, kernel

struct Both {
    std::size_t place = 0;
    Side before;
    Side after;
};

std::set<std::string> kernels_of(std::span<const Result> results) {
    std::set<std::string> kernels;
    // What could not be loaded has none.
    for (const Result& each : results)
        if (!each.kernel.empty()) kernels.insert(each.kernel);
    return kernels;
}

std::vector<Both> match(std::span<const Result> before, std::span<const Result> after) {
    const bool by_kernel = kernels_of(before).size() > 1 || kernels_of(after).size() > 1;
    std::map<Key, Both> pairs;
    const auto pair_of = [&](const Result& result) -> Both& {
        const auto [found, is_new] =
            pairs.try_emplace({result.scenario, result.irqchip, by_kernel ? result.kernel : std::string()});
        if (is_new) found->second.place = pairs.size();
        return found->second;
    };
    for (const Result& each : after) pair_of(each).after.add(each);
    for (const Result& each : before) pair_of(each).before.add(each);
    std::vector<Both> list;
    for (auto& [key, pair] : pairs) list.push_back(std::move(pair));
    std::sort(list.begin(), list.end(), [](const Both& a, const Both& b) { return a.place < b.place; });
    return list;
}

bool passed_in_both(const Both& pair) { return pair.before.passed() && pair.after.passed(); }

double pace_of(const std::vector<Both>& pairs) {
    constexpr std::size_t fewest = 5;
    std::vector<double> ratios;
    for (const Both& pair : pairs)
        if (passed_in_both(pair) && median(pair.before.durations).count() > 0)
            ratios.push_back(static_cast<double>(median(pair.after.durations).count()) /
                             static_cast<double>(median(pair.before.durations).count()));
    return ratios.size() < fewest ? 1 : median(std::move(ratios));
}

bool is_slower(const Both& pair, double pace) {
    constexpr double factor = 3;
    constexpr double least_us = 250'000;
    if (!passed_in_both(pair)) return false;
    const double expected = static_cast<double>(median(pair.before.durations).count()) * pace;
    const auto took = static_cast<double>(median(pair.after.durations).count());
    return took > expected * factor && took - expected >= least_us;
}

std::optional<What> kind_of(const Both& pair, double pace) {
    const Side& was = pair.before;
    const Side& is = pair.after;
    if (is.bad()) {
        if (is.flaky()) return was.bad() ? std::nullopt : std::optional(What::flaky);
        return was.bad() && !was.flaky() ? std::nullopt : std::optional(What::failing);
    }
    if (!is.has_run()) return was.has_run() ? std::optional(What::lost) : std::nullopt;
    if (!was.has_run()) return What::added;
    if (was.bad() || (is.passed() && !was.passed())) return What::fixed;
    if (was.passed() && !is.passed()) return What::known;
    return is_slower(pair, pace) ? std::optional(What::slower) : std::nullopt;
}

Change change_of(const Both& pair, What kind) {
    const Side& shown = pair.after.worst != nullptr ? pair.after : pair.before;
    const Side& worse = kind == What::fixed ? pair.before : shown;
    Change change{kind,
                  shown.worst->scenario,
                  shown.worst->file,
                  shown.worst->irqchip,
                  shown.worst->kernel,
                  pair.before.text(),
                  pair.after.text(),
                  worse.worst->verdict.reason.substr(0, worse.worst->verdict.reason.find('\n')),
                  {},
                  {}};
    if (kind == What::slower) {
        change.before = median(pair.before.durations);
        change.after = median(pair.after.durations);
    }
    return change;
}

std::size_t count(const Changes& changes, What kind) {
    return static_cast<std::size_t>(std::count_if(changes.changes.begin(), changes.changes.end(),
                                                  [kind](const Change& each) { return each.kind == kind; }));
}

std::string line_of(const Change& change) {
    std::string line = fmt::format("  {}", printable(change.file));
    if (!change.irqchip.empty()) line += "   " + printable(change.irqchip);
    if (!change.kernel.empty()) line += "   Linux " + printable(change.kernel);
    line += fmt::format("\n        {} -> {}", change.was.empty() ? "absent" : change.was,
                        change.is.empty() ? "absent" : change.is);
    if (change.kind == What::slower)
        line += fmt::format(", {:.3f} s -> {:.3f} s", static_cast<double>(change.before.count()) / 1e6,
                            static_cast<double>(change.after.count()) / 1e6);
    if (!change.reason.empty()) line += ": " + printable(change.reason);
    return line + "\n";
}

std::string text_of(const Changes& changes, bool verbose) {
    std::string text;
    std::string summary;
    for (const ChangeInfo& info : change_kinds) {
        const std::size_t number = count(changes, info.kind);
        summary += fmt::format("{} {}, ", number, info.title);
        if (number == 0 || !(info.listed || verbose)) continue;
        text += fmt::format("{}\n", info.title);
        for (const Change& each : changes.changes)
            if (each.kind == info.kind) text += line_of(each);
        text += "\n";
    }
    return text + fmt::format("{}{} as before; a run takes {:.2f} times as long\n", summary, changes.same,
                              changes.pace);
}

std::string json_of(const Changes& changes) {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    Json summary = Json::object();
    for (const ChangeInfo& info : change_kinds) summary[info.word] = count(changes, info.kind);
    summary["same"] = changes.same;
    for (const Change& each : changes.changes) {
        Json change{{"change", change_kinds.at(static_cast<std::size_t>(each.kind)).word},
                    {"scenario", each.scenario},
                    {"file", each.file},
                    {"irqchip", each.irqchip},
                    {"kernel", each.kernel},
                    {"was", each.was},
                    {"is", each.is},
                    {"reason", each.reason}};
        if (each.kind == What::slower) {
            change["before_us"] = each.before.count();
            change["after_us"] = each.after.count();
        }
        list.push_back(std::move(change));
    }
    const Json json{{"changes", std::move(list)}, {"summary", std::move(summary)}, {"pace", changes.pace}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Changes changes_between(std::span<const Result> before, std::span<const Result> after) {
    const std::vector<Both> pairs = match(before, after);
    Changes changes;
    changes.pace = pace_of(pairs);
    for (const Both& pair : pairs) {
        if (const auto kind = kind_of(pair, changes.pace))
            changes.changes.push_back(change_of(pair, *kind));
        else
            ++changes.same;
    }
    std::stable_sort(changes.changes.begin(), changes.changes.end(),
                     [](const Change& a, const Change& b) { return a.kind < b.kind; });
    return changes;
}

std::string changes_text(const Changes& changes, const ReportOptions& options) {
    return options.format == "json" ? json_of(changes) : text_of(changes, options.verbose);
}

}  // namespace irqbench::tools
