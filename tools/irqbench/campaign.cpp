#include "tools/irqbench/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/run.hpp"
#include "tools/report/json.hpp"
#include "tools/report/timeline.hpp"

namespace irqbench::tools {

namespace {

using Clock = std::chrono::steady_clock;
using scenarios::Scenario;
using scenarios::Verdict;

constexpr std::chrono::milliseconds progress_period{100};

struct Task {
    const Loaded* file = nullptr;
    std::string mode;
};

Result result_of(const Task& task, const vmm::Host& host) {
    Result result;
    result.file = task.file->file.generic_string();
    result.scenario = task.file->scenario ? task.file->scenario->name : result.file;
    result.irqchip = task.mode;
    result.kernel = host.kernel;
    if (task.file->scenario) {
        result.source = task.file->scenario->source;
        result.reference = task.file->scenario->reference;
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

bool worse(const Verdict& verdict, const Verdict& than) {
    const auto rank = [](Verdict::Kind kind) {
        switch (kind) {
            case Verdict::Kind::error: return 4;
            case Verdict::Kind::fail: return 3;
            case Verdict::Kind::known: return 2;
            case Verdict::Kind::pass: return 1;
            case Verdict::Kind::skip: return 0;
        }
        return 0;
    };
    return rank(verdict.kind) > rank(than.kind);
}

/// The judge counts what was performed; readers of a trace know the steps of the file.
void number_steps(std::vector<vmm::Event>& events, const scenarios::Performance& performance) {
    for (auto& event : events)
        if (event.step < performance.performed.size())
            event.step = static_cast<std::uint32_t>(performance.performed[event.step].step->number);
}

void add_histogram(std::vector<scenarios::OutcomeCount>& sum,
                   const std::vector<scenarios::OutcomeCount>& more) {
    if (sum.empty()) {
        sum = more;
        return;
    }
    for (std::size_t i = 0; i < sum.size() && i < more.size(); ++i) sum[i].count += more[i].count;
}

class Campaign {
  public:
    Campaign(const vmm::Host& host, const CampaignOptions& options, const Surroundings& surroundings)
        : host_(host), options_(options), surroundings_(surroundings) {}

    void add(const Loaded& file) {
        if (!file.scenario) {
            tasks_.push_back({&file, ""});
            return;
        }
        for (const auto& mode : options_.modes) tasks_.push_back({&file, mode});
    }

    std::vector<Result> run(const std::function<void(const ProgressState&)>& report) {
        results_.resize(tasks_.size());
        state_.total = tasks_.size();
        std::vector<std::thread> workers;
        const std::size_t jobs =
            std::clamp<std::size_t>(options_.jobs, 1, std::max<std::size_t>(tasks_.size(), 1));
        for (std::size_t i = 0; i < jobs; ++i) workers.emplace_back([this] { work(); });
        {
            std::unique_lock lock(mutex_);
            while (finished_ < jobs) {
                changed_.wait_for(lock, progress_period);
                const ProgressState state = state_;
                lock.unlock();
                report(state);
                lock.lock();
            }
        }
        for (auto& worker : workers) worker.join();
        std::vector<Result> done;
        for (auto& result : results_)
            if (result) done.push_back(std::move(*result));
        return done;
    }

  private:
    void work() {
        while (!surroundings_.interrupted.load()) {
            const std::size_t index = next_.fetch_add(1);
            if (index >= tasks_.size()) break;
            const Task& task = tasks_[index];
            {
                const std::lock_guard lock(mutex_);
                state_.running = fmt::format("{} {}", task.mode, task.file->file.generic_string());
            }
            auto result = perform(task);
            const std::lock_guard lock(mutex_);
            if (!result) break;
            ++state_.done;
            if (result->verdict.kind == Verdict::Kind::fail || result->verdict.kind == Verdict::Kind::error)
                ++state_.failed;
            results_[index] = std::move(result);
        }
        const std::lock_guard lock(mutex_);
        ++finished_;
        changed_.notify_all();
    }

    /// @returns nothing when interrupted before the first run was over; later, the runs so far
    std::optional<Result> perform(const Task& task) {
        Result result = result_of(task, host_);
        if (task.file->error) {
            result.verdict = unusable(*task.file->error);
            result.malformed = !result.verdict.invalid;
            return result;
        }
        const Scenario& scenario = *task.file->scenario;
        if (const auto reason = scenarios::skip_reason(scenario, task.mode, host_, options_.run)) {
            result.verdict.kind = Verdict::Kind::skip;
            result.verdict.reason = *reason;
            return result;
        }
        result.runs = options_.repeat;
        const auto begin = Clock::now();
        std::vector<scenarios::OutcomeCount> histogram;
        for (std::uint32_t run = 0; run < options_.repeat; ++run) {
            std::vector<vmm::Event> trace;
            auto verdict = play(scenario, task.mode, trace);
            if (!verdict) {
                if (run == 0) return std::nullopt;
                result.runs = run;
                break;
            }
            *verdict = scenarios::apply_known(std::move(*verdict), scenario, task.mode, host_);
            add_histogram(histogram, verdict->histogram);
            write_trace(result, run, trace);
            if (run == 0 || worse(*verdict, result.verdict)) {
                result.bad_runs = 0;
                result.excerpt = verdict->failure ? excerpt(trace, *verdict->failure) : Excerpt{};
                result.verdict = std::move(*verdict);
                ++result.bad_runs;
            } else if (verdict->kind == result.verdict.kind) {
                ++result.bad_runs;
            }
        }
        result.verdict.histogram = std::move(histogram);
        result.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
        return result;
    }

    std::optional<Verdict> play(const Scenario& scenario, const std::string& mode,
                                std::vector<vmm::Event>& events) {
        scenarios::RunOptions run;
        run.config = scenario.config;
        run.config.placement = mode;
        run.config.run = options_.run.value_or(scenarios::needs_free_run(scenario) ? vmm::RunMode::free
                                                                                   : vmm::RunMode::stepped);
        run.cancel = &surroundings_.interrupted;
        vmm::Trace trace;
        try {
            const auto machine = surroundings_.make_machine(run.config, trace);
            const auto performance = scenarios::perform(scenario, *machine, trace, run);
            machine->close();
            if (performance.cancelled || (!performance.complete && surroundings_.interrupted.load()))
                return std::nullopt;
            events = trace.take();
            auto verdict = scenarios::judge(scenario, performance, events);
            number_steps(events, performance);
            return verdict;
        } catch (const scenarios::ScenarioError& error) {
            return unusable(error);
        } catch (const std::exception& error) {
            Verdict verdict;
            verdict.kind = Verdict::Kind::error;
            verdict.reason = error.what();
            return verdict;
        }
    }

    void write_trace(const Result& result, std::uint32_t run, const std::vector<vmm::Event>& trace) {
        if (options_.trace_out == nullptr) return;
        const std::string lines = trace_lines(result, run, trace);
        const std::lock_guard lock(mutex_);
        *options_.trace_out << lines;
    }

    const vmm::Host& host_;
    const CampaignOptions& options_;
    const Surroundings& surroundings_;
    std::vector<Task> tasks_;
    std::vector<std::optional<Result>> results_;
    std::atomic<std::size_t> next_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    ProgressState state_;
    std::size_t finished_ = 0;
};

}  // namespace

std::vector<Result> run_campaign(std::span<const Loaded> files, const vmm::Host& host,
                                 const CampaignOptions& options, const Surroundings& surroundings,
                                 const std::function<void(const ProgressState&)>& report) {
    Campaign campaign(host, options, surroundings);
    for (const Loaded& file : files) campaign.add(file);
    return campaign.run(report);
}

ExitStatus exit_status(std::span<const Result> results, bool was_interrupted) {
    if (was_interrupted) return ExitStatus::interrupted;
    const auto any = [results](auto wanted) { return std::any_of(results.begin(), results.end(), wanted); };
    if (any([](const Result& each) { return each.malformed; })) return ExitStatus::malformed;
    if (any([](const Result& each) { return each.verdict.invalid; })) return ExitStatus::invalid_scenario;
    if (any([](const Result& each) { return each.verdict.kind == Verdict::Kind::error; }))
        return ExitStatus::bench_error;
    if (any([](const Result& each) { return each.verdict.kind == Verdict::Kind::fail; }))
        return ExitStatus::failed;
    if (!any([](const Result& each) { return each.verdict.kind != Verdict::Kind::skip; }))
        return ExitStatus::nothing_executed;
    return ExitStatus::passed;
}

}  // namespace irqbench::tools
