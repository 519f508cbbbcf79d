#include "tools/irqbench/campaign_task.hpp"

#include <fmt/format.h>

#include "tools/report/timeline.hpp"

namespace irqbench::tools {

using scenarios::Verdict;

namespace {

void add_histogram(std::vector<scenarios::OutcomeCount>& sum,
                   const std::vector<scenarios::OutcomeCount>& more) {
    if (sum.empty()) {
        sum = more;
        return;
    }
    for (std::size_t i = 0; i < sum.size() && i < more.size(); ++i) sum[i].count += more[i].count;
}

}  // namespace

Result result_of(const Loaded& file, const std::string& mode, const vmm::Host& host) {
    Result result;
    result.file = file.file.generic_string();
    result.scenario = file.scenario ? file.scenario->name : result.file;
    result.irqchip = mode;
    result.kernel = host.kernel;
    result.runs = 0;
    if (file.scenario) {
        result.source = file.scenario->source;
        result.reference = file.scenario->reference;
    }
    return result;
}

Verdict unusable(const scenarios::ScenarioError& error) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::error;
    verdict.invalid = error.kind() == scenarios::ScenarioError::Kind::invalid;
    verdict.reason = error.what();
    return verdict;
}

Verdict ended_in_error(std::string reason) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::error;
    verdict.reason = std::move(reason);
    return verdict;
}

Verdict skipped(std::string reason) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::skip;
    verdict.reason = std::move(reason);
    return verdict;
}

void number_steps(std::vector<vmm::Event>& events, const scenarios::Performance& performance) {
    for (auto& event : events)
        if (event.step < performance.performed.size())
            event.step = static_cast<std::uint32_t>(performance.performed[event.step].step->number);
}

void Task::add(std::uint32_t run, Verdict verdict, const std::vector<vmm::Event>& trace, bool records) {
    add_histogram(histogram, verdict.histogram);
    const bool is_first = result.runs++ == 0;
    const bool is_worse = is_first || severity(verdict.kind) > severity(result.verdict.kind);
    const bool is_equal = !is_first && verdict.kind == result.verdict.kind;
    if (is_worse) result.bad_runs = 0;
    if (is_worse || is_equal) ++result.bad_runs;
    if (!is_worse && !(is_equal && run < worst)) return;
    worst = run;
    const scenarios::Failure* failure = verdict.failure ? &*verdict.failure : nullptr;
    result.excerpt = failure != nullptr ? excerpt(trace, *failure) : Excerpt{};
    result.recording.reset();
    if (records && !trace.empty()) result.recording = recording(trace, failure);
    result.verdict = std::move(verdict);
}

void Task::finish() {
    result.verdict.histogram = std::move(histogram);
    if (result.runs > 1 && went_wrong(result.verdict))
        result.verdict.reason += fmt::format(" ({} of {} runs)", result.bad_runs, result.runs);
}

}  // namespace irqbench::tools
