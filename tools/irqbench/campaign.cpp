#include "tools/irqbench/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/run.hpp"
#include "tools/irqbench/campaign_task.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/irqbench/states.hpp"
#include "tools/report/json.hpp"
#include "tools/report/words.hpp"
#include "vmm/kernel_trace.hpp"

namespace irqbench::tools {

namespace {

using Clock = std::chrono::steady_clock;
using scenarios::Scenario;
using scenarios::Verdict;

constexpr std::chrono::milliseconds progress_period{100};
constexpr std::chrono::milliseconds record_period{200};
/// Beyond as many in all recordings, runs that pass have none: some 200 MB.
constexpr std::size_t most_events_of_passed = 1'000'000;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// So that whoever reads of it can have the same order of things again.
void name_seed(Verdict& verdict, std::uint64_t seed) {
    verdict.reason += fmt::format("; --seed {}", seed);
    if (!verdict.failure) return;
    std::string& remark = verdict.failure->remark;
    if (!remark.empty()) remark += "; ";
    remark += fmt::format("things happen in this order again with --run free --seed {}", seed);
}

class Campaign {
  public:
    Campaign(const vmm::Host& host, const CampaignOptions& options, const Surroundings& surroundings)
        : host_(host), options_(options), surroundings_(surroundings) {}

    void add(const Loaded& file) {
        if (file.scenario) {
            for (const auto& mode : modes_of(file, host_, options_)) add(file, mode);
            return;
        }
        Task& task = tasks_.emplace_back();
        task.result = result_of(file, "", host_);
        task.result.verdict = unusable(*file.error);
        task.result.malformed = !task.result.verdict.invalid;
    }

    std::vector<Result> run(const std::function<void(const ProgressState&)>& report) {
        // Once for all runs, and before there is a vCPU: to begin patches the kernel.
        const std::shared_ptr<vmm::KernelTrace> kernel_trace = begin_kernel_trace();
        for (Task& task : tasks_) {
            state_.total += runs_of(task);
            take_earlier(task);
        }
        recorded_ = state_.earlier = state_.done;
        const auto begun = Clock::now();
        std::vector<std::thread> workers;
        const std::size_t jobs =
            std::clamp<std::size_t>(options_.jobs, 1, std::max<std::size_t>(state_.total, 1));
        for (std::size_t i = 0; i < jobs; ++i) workers.emplace_back([this] { work(); });
        {
            std::unique_lock lock(mutex_);
            // Told at least once, however soon they are done.
            do {
                changed_.wait_for(lock, progress_period, [&] { return finished_ == jobs; });
                record_progress();
                state_.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
                const ProgressState state = state_;
                lock.unlock();
                report(state);
                lock.lock();
            } while (finished_ < jobs);
        }
        for (auto& worker : workers) worker.join();
        std::vector<Result> results;
        for (Task& task : tasks_) {
            if (task.ended == 0) continue;
            if (task.ended < runs_of(task)) finish(task);
            results.push_back(std::move(task.result));
        }
        return results;
    }

  private:
    void add(const Loaded& file, const std::string& mode) {
        Task& task = tasks_.emplace_back();
        task.result = result_of(file, mode, host_);
        if (const auto reason = scenarios::skip_reason(*file.scenario, mode, host_, options_.run)) {
            task.result.verdict.kind = Verdict::Kind::skip;
            task.result.verdict.reason = *reason;
        } else if (const auto unmigrated = scenarios::unmigrated_reason(*file.scenario, mode, host_);
                   options_.migrate && unmigrated) {
            task.result.verdict.kind = Verdict::Kind::skip;
            task.result.verdict.reason = *unmigrated;
        } else if (const auto unmoved = unmoved_reason(*file.scenario, mode)) {
            task.result.verdict.kind = Verdict::Kind::skip;
            task.result.verdict.reason = *unmoved;
        } else {
            task.scenario = &*file.scenario;
        }
    }

    /// Why it cannot go where its steps, or the command line, want it to go on.
    [[nodiscard]] std::optional<std::string> unmoved_reason(const Scenario& scenario,
                                                            const std::string& mode) const {
        for (const std::string& to : scenarios::moves_to(scenario))
            if (const auto reason = scenarios::skip_reason(scenario, to, host_, options_.run))
                return fmt::format("moves to {} mode: {}", to, *reason);
        if (const auto reason = scenarios::apart_reason(scenario, modes_entered(scenario, mode), host_))
            return reason;
        if (options_.migrate_to.empty()) return std::nullopt;
        if (const auto reason = scenarios::unmigrated_reason(scenario, options_.migrate_to, host_))
            return reason;
        return scenarios::unmoved_reason(scenario, mode, options_.migrate_to, host_, options_.run);
    }

    /// The mode of the run, and those that it goes on in.
    [[nodiscard]] std::vector<std::string> modes_entered(const Scenario& scenario,
                                                         const std::string& mode) const {
        std::vector<std::string> modes = scenarios::moves_to(scenario);
        if (!options_.migrate_to.empty()) modes.push_back(options_.migrate_to);
        if (!modes.empty()) modes.insert(modes.begin(), mode);
        return modes;
    }

    /// Nobody has to run it again.
    void take_earlier(Task& task) {
        const auto found = options_.earlier.find({task.result.file, task.result.irqchip});
        if (found == options_.earlier.end()) return;
        task.result = found->second;
        task.begun = task.ended = runs_of(task);
        state_.done += task.ended;
        if (went_wrong(task.result.verdict)) state_.failed += std::max(task.result.bad_runs, 1U);
        record(record::Finished{index_of(task), true, task.result});
    }

    /// How often somebody has to take it.
    [[nodiscard]] std::uint32_t runs_of(const Task& task) const {
        return task.scenario != nullptr ? options_.repeat : 1;
    }

    struct Turn {
        Task* task;
        std::uint32_t run;
    };

    /// The next run that nobody has taken; several workers may have runs of one task.
    std::optional<Turn> next_turn() {
        const std::lock_guard lock(mutex_);
        if (surroundings_.interrupted.load()) return std::nullopt;
        while (next_ < tasks_.size() && tasks_[next_].begun == runs_of(tasks_[next_])) ++next_;
        if (next_ == tasks_.size()) return std::nullopt;
        Task& task = tasks_[next_];
        state_.running = fmt::format("{} {}", task.result.irqchip, task.result.file);
        if (task.scenario != nullptr && task.begun == 0)
            record(record::Started{next_, task.result.scenario, task.result.file, task.result.irqchip,
                                   host_.kernel});
        return Turn{&task, task.begun++};
    }

    void work() {
        while (const auto turn = next_turn())
            if (!perform(*turn->task, turn->run)) break;
        const std::lock_guard lock(mutex_);
        ++finished_;
        changed_.notify_all();
    }

    /// @returns false when interrupted meanwhile: such a run does not count
    bool perform(Task& task, std::uint32_t run) {
        std::vector<vmm::Event> trace;
        std::optional<Verdict> verdict;
        std::optional<std::string> retried;
        const auto begin = Clock::now();
        if (task.scenario != nullptr) {
            const std::string& mode = task.result.irqchip;
            std::uint32_t attempts = 0;
            for (std::uint32_t retries = options_.retries;; --retries) {
                verdict = play(*task.scenario, mode, run, trace);
                if (!verdict) return false;
                if (retries == 0 || verdict->kind != Verdict::Kind::error || verdict->invalid) break;
                if (!retried) retried = first_line(verdict->reason);
                write_trace(task.result, run, ++attempts, trace, *verdict);
                trace.clear();
            }
            if (verdict->kind == Verdict::Kind::error) verdict->reason = with_remedy(verdict->reason);
            const vmm::RunMode way = scenarios::run_mode(*task.scenario, options_.run);
            *verdict = scenarios::apply_known(std::move(*verdict), *task.scenario, mode, way, host_);
            const bool follows_seed = way == vmm::RunMode::free && !host_.uses_kvm(mode);
            if (follows_seed && went_wrong(*verdict)) name_seed(*verdict, options_.seed + run);
            write_trace(task.result, run, std::nullopt, trace, *verdict);
        }
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
        const std::lock_guard lock(mutex_);
        ++state_.done;
        if (went_wrong(verdict ? *verdict : task.result.verdict)) ++state_.failed;
        if (verdict) {
            task.result.duration += took;
            if (!task.result.retried) task.result.retried = std::move(retried);
            const bool records = options_.recordings && has_room(*verdict);
            recorded_events_ -= recorded(task.result);
            task.add(run, std::move(*verdict), trace, records);
            recorded_events_ += recorded(task.result);
        }
        if (++task.ended == runs_of(task)) finish(task);
        return true;
    }

    /// Nobody runs the task any more.
    void finish(Task& task) {
        task.finish();
        record(record::Finished{index_of(task), task.ended == runs_of(task), task.result});
    }

    static std::size_t recorded(const Result& result) {
        return result.recording ? result.recording->events.size() : 0;
    }
    /// What went wrong is always recorded, the rest as long as that does not fill the memory.
    [[nodiscard]] bool has_room(const Verdict& verdict) const {
        return verdict.kind != Verdict::Kind::pass || recorded_events_ < most_events_of_passed;
    }

    [[nodiscard]] std::size_t index_of(const Task& task) const {
        return static_cast<std::size_t>(&task - tasks_.data());
    }

    void record(const Record& record) const {
        if (options_.record) options_.record(record);
    }

    void record_progress() {
        const auto now = Clock::now();
        if (state_.done == recorded_ || now - recorded_at_ < record_period) return;
        record(record::Progress{state_.done, state_.failed, state_.total, host_.kernel});
        recorded_ = state_.done;
        recorded_at_ = now;
    }

    std::optional<Verdict> play(const Scenario& scenario, const std::string& mode, std::uint32_t number,
                                std::vector<vmm::Event>& events) {
        scenarios::RunOptions run;
        const auto modes = modes_entered(scenario, mode);
        run.config = modes.empty() ? scenario.config : scenarios::settled(scenario, modes, host_);
        run.config.placement = mode;
        run.config.seed = options_.seed + number;
        run.config.run = scenarios::run_mode(scenario, options_.run);
        run.cancel = &surroundings_.interrupted;
        run.migrate = options_.migrate;
        run.migrate_to = options_.migrate_to;
        if (!options_.states.empty()) run.states = folder_of_states(options_, scenario.file, mode, number);
        run.config.kernel_trace = is_traced(scenario);
        vmm::Trace trace;
        try {
            // What the kernel's own threads do for a machine does not say for which.
            std::shared_lock together(traced_, std::defer_lock);
            std::unique_lock alone(traced_, std::defer_lock);
            run.config.kernel_trace ? alone.lock() : together.lock();
            const auto machine = scenarios::machine_for(scenario, run, trace, surroundings_.make_machine);
            if (const std::string unsaved = machine->unsaved(); run.migrate && !unsaved.empty())
                return skipped(unsaved);
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
            return ended_in_error(error.what());
        }
    }

    /// Null where nothing is traced, or where it does not work: each run that needs it says why.
    [[nodiscard]] std::shared_ptr<vmm::KernelTrace> begin_kernel_trace() const {
        if (!any_traced() || !vmm::KernelTrace::unavailable().empty()) return nullptr;
        try {
            return vmm::KernelTrace::shared();
        } catch (const std::system_error&) {
            return nullptr;
        }
    }

    [[nodiscard]] bool any_traced() const {
        return std::any_of(tasks_.begin(), tasks_.end(), [this](const Task& task) {
            return task.scenario != nullptr && is_traced(*task.scenario) &&
                   host_.uses_kvm(task.result.irqchip);
        });
    }

    [[nodiscard]] bool is_traced(const Scenario& scenario) const {
        return options_.kernel_trace || scenarios::needs_kernel_trace(scenario);
    }

    /// @param attempt which one it was of those that were played again; none: the one that counts
    void write_trace(const Result& result, std::uint32_t run, std::optional<std::uint32_t> attempt,
                     const std::vector<vmm::Event>& trace, const Verdict& verdict) {
        if (options_.trace_out != nullptr)
            options_.trace_out->add(result, run, attempt, trace,
                                    verdict.failure ? &*verdict.failure : nullptr);
    }

    const vmm::Host& host_;
    const CampaignOptions& options_;
    const Surroundings& surroundings_;
    std::shared_mutex traced_;  ///< held alone by a run whose kernel is traced
    std::mutex mutex_;          ///< of everything below but the scenarios
    std::condition_variable changed_;
    std::vector<Task> tasks_;
    std::size_t next_ = 0;  ///< the task that turns come from
    ProgressState state_;
    std::size_t recorded_ = 0;  ///< runs that were over when progress was last recorded
    Clock::time_point recorded_at_{};
    std::size_t recorded_events_ = 0;  ///< of recordings
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
