#include "tools/irqbench/lab_run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include "tools/irqbench/campaign.hpp"
#include "tools/lab/diagnosis.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/records.hpp"
#include "tools/report/report.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Clock = std::chrono::steady_clock;

lab::Job job_of(const LabPlan& plan) {
    const InnerCommand& inner = plan.inner;
    lab::Job job;
    job.folder = std::filesystem::current_path();
    const auto inside = [&job](const std::filesystem::path& path) {
        return (job.folder / path).lexically_normal();
    };
    for (const auto& file : inner.files) job.files.push_back(inside(file));
    for (const auto& folder : inner.folders) job.folders.push_back(inside(folder));
    job.environment = {"PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb", "LC_ALL=C"};
    job.arguments = inner.arguments;
    job.records = inner.name == "run";
    if (!job.records) return job;
    // Of an option given twice the last counts. Behind `--` there would be paths only.
    std::vector<std::string> ours = {"--format", "jsonl", "--quiet"};
    if (!inner.trace_out.empty()) ours.insert(ours.end(), {"--trace-out", "/lab/trace"});
    if (!inner.names_jobs) ours.insert(ours.end(), {"--jobs", fmt::format("{}", plan.setup.cpus)});
    const auto end_of_options = std::find(job.arguments.begin(), job.arguments.end(), "--");
    job.arguments.insert(end_of_options, ours.begin(), ours.end());
    return job;
}

/// The whole of several sessions, for the one line there is.
class SharedProgress {
  public:
    SharedProgress(Progress& line, std::size_t sessions) : line_(line), states_(sessions) {}

    void show(std::size_t session, const std::string& kernel, const ProgressState& state) {
        states_[session] = state;
        ProgressState sum;
        for (const auto& each : states_) {
            sum.done += each.done;
            sum.total += each.total;
            sum.failed += each.failed;
        }
        sum.running = fmt::format("{} {}", kernel, state.running);
        line_.show(sum);
    }

  private:
    Progress& line_;
    std::vector<ProgressState> states_;
};

/// A kernel's name, or the path of its image, as the name of a file.
std::string file_name(std::string name) {
    std::replace(name.begin(), name.end(), '/', '_');
    return name;
}

class LabRun {
  public:
    LabRun(const LabPlan& plan, Surroundings& surroundings)
        : plan_(plan),
          surroundings_(surroundings),
          job_(job_of(plan)),
          line_(progress_of(surroundings, plan.inner.quiet || !job_.records)),
          progress_(line_, plan.kernels.size()),
          visits_(plan.kernels.size()),
          outputs_(plan.kernels.size()) {}

    int run() {
        if (!open_trace()) return ExitStatus::malformed;
        const auto begin = Clock::now();
        std::vector<std::thread> workers;
        const std::size_t jobs = std::clamp<std::size_t>(plan_.jobs, 1, plan_.kernels.size());
        for (std::size_t i = 0; i < jobs; ++i) workers.emplace_back([this] { work(); });
        for (auto& worker : workers) worker.join();
        line_.clear();
        const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
        return job_.records ? report(elapsed) : pass_on();
    }

  private:
    bool open_trace() {
        if (plan_.inner.trace_out.empty()) return true;
        for (const auto& file : plan_.inner.files) {
            std::error_code error;
            if (!std::filesystem::equivalent(file, plan_.inner.trace_out, error)) continue;
            spdlog::error("--trace-out: {} is a file that the command reads", plan_.inner.trace_out);
            return false;
        }
        trace_.open(plan_.inner.trace_out, std::ios::binary);
        if (trace_) return true;
        spdlog::error("--trace-out: cannot write {}", plan_.inner.trace_out);
        return false;
    }

    void work() {
        for (;;) {
            std::size_t mine = 0;
            {
                const std::lock_guard lock(mutex_);
                if (next_ == plan_.kernels.size() || surroundings_.interrupted.load()) return;
                mine = next_++;
            }
            lab::Visit visit = visit_kernel(mine);
            const std::lock_guard lock(mutex_);
            visits_[mine] = std::move(visit);
            keep_log(plan_.kernels[mine], visits_[mine]);
        }
    }

    lab::Visit visit_kernel(std::size_t index) {
        const lab::Kernel& kernel = plan_.kernels[index];
        lab::Listener listener;
        listener.progress = [this, index, &kernel](const ProgressState& state) {
            const std::lock_guard lock(mutex_);
            progress_.show(index, kernel.name, state);
        };
        listener.record = [this, index](const Record& record) {
            if (plan_.inner.format != "jsonl") return;
            const std::lock_guard lock(mutex_);
            pass_on_record(index, record);
        };
        listener.note = [this](const std::string& text) {
            const std::lock_guard lock(mutex_);
            line_.clear();
            spdlog::warn("{}", printable_lines(text));
        };
        listener.output = [this, index](lab::said::Stream stream, const std::string& text) {
            const std::lock_guard lock(mutex_);
            take_output(index, stream, text);
        };
        try {
            return lab::visit(plan_.qemu, kernel, plan_.setup, plan_.program, job_, plan_.patience, listener,
                              surroundings_.interrupted);
        } catch (const std::exception& error) {
            lab::Visit visit;
            visit.trouble = error.what();
            return visit;
        }
    }

    /// As it comes. Indices are made those of the whole: by scenario, then by kernel.
    void pass_on_record(std::size_t kernel, Record record) {
        if (std::holds_alternative<record::End>(record)) return;
        const std::size_t kernels = plan_.kernels.size();
        if (auto* started = std::get_if<record::Started>(&record))
            started->index = started->index * kernels + kernel;
        if (auto* finished = std::get_if<record::Finished>(&record))
            finished->index = finished->index * kernels + kernel;
        surroundings_.out << record_line(record) << std::flush;
    }

    /// With one kernel what it says is passed on at once, with several when each has ended.
    void take_output(std::size_t index, lab::said::Stream stream, const std::string& text) {
        if (stream == lab::said::Stream::trace) {
            if (trace_.is_open()) trace_ << text;
        } else if (stream == lab::said::Stream::err) {
            line_.clear();
            surroundings_.err << printable_lines(text) << std::flush;
        } else if (plan_.kernels.size() == 1) {
            surroundings_.out << text << std::flush;
        } else {
            outputs_[index] += text;
        }
    }

    void keep_log(const lab::Kernel& kernel, const lab::Visit& visit) {
        std::error_code error;
        std::filesystem::create_directories(plan_.log_folder, error);
        const auto file = plan_.log_folder / (file_name(kernel.name) + ".log");
        std::ofstream(file, std::ios::binary) << visit.console;
        if (visit.trouble.empty() || visit.interrupted) return;
        constexpr std::size_t most_lines = 40;
        line_.clear();
        spdlog::error("{}: {}", kernel.name, printable_lines(visit.trouble));
        const std::string console = lab::last_lines(visit.console, most_lines, "  console: ");
        if (console.empty()) return;
        surroundings_.err << printable_lines(console);
        spdlog::error("the whole console is in {}", file.string());
    }

    int report(std::chrono::microseconds elapsed) {
        std::vector<Result> results;
        std::vector<int> statuses;
        for (std::size_t i = 0; i < visits_.size(); ++i) {
            auto& visit = visits_[i];
            std::move(visit.results.begin(), visit.results.end(), std::back_inserter(results));
            if (!visit.trouble.empty() && !visit.interrupted) {
                results.push_back(failed_boot(i));
                if (plan_.inner.format == "jsonl") pass_on_record(i, last_record(results.back()));
            }
            // Wrong usage that only the inside can see, an output that could not be written.
            const bool refused = visit.status == ExitStatus::malformed || visit.results.empty();
            if (visit.trouble.empty() && refused) statuses.push_back(visit.status);
        }
        const bool interrupted = surroundings_.interrupted.load();
        int status = results.empty() && !interrupted
                         ? worst(statuses)
                         : with_refusals(exit_status(results, interrupted), statuses);
        if (trace_.is_open() && !trace_.flush()) {
            spdlog::error("--trace-out: writing {} failed", plan_.inner.trace_out);
            status = ExitStatus::bench_error;
        }
        if (plan_.inner.format == "jsonl") {
            surroundings_.out << record_line(record::End{status, interrupted, elapsed}) << std::flush;
        } else {
            ReportOptions options = report_options(surroundings_, plan_.inner.format);
            options.verbose = plan_.inner.verbose;
            options.interrupted = interrupted;
            options.elapsed = elapsed;
            surroundings_.out << report_text(results, options) << std::flush;
        }
        if (interrupted) spdlog::warn("interrupted: these are the results so far");
        return status;
    }

    /// Behind all others.
    static record::Finished last_record(const Result& result) {
        record::Finished record;
        record.index = std::uint32_t{0xffff'ffff};
        record.result = result;
        return record;
    }

    /// So that those who read the results only see it too.
    Result failed_boot(std::size_t index) {
        const lab::Kernel& kernel = plan_.kernels[index];
        const lab::Visit& visit = visits_[index];
        Result result;
        result.scenario = "the lab runs the scenarios on " + kernel.name;
        result.file = kernel.name;
        result.kernel = visit.release.empty() ? kernel.name : visit.release;
        result.verdict.kind = scenarios::Verdict::Kind::error;
        result.verdict.reason = visit.trouble;
        return result;
    }

    int pass_on() {
        std::vector<int> statuses;
        for (std::size_t i = 0; i < visits_.size(); ++i) {
            if (plan_.kernels.size() > 1)
                surroundings_.out << fmt::format("{}{}:\n", i == 0 ? "" : "\n", plan_.kernels[i].name)
                                  << outputs_[i] << std::flush;
            statuses.push_back(visits_[i].trouble.empty() ? visits_[i].status : int{ExitStatus::bench_error});
        }
        return surroundings_.interrupted.load() ? int{ExitStatus::interrupted} : worst(statuses);
    }

    /// A kernel on which nothing could be run is no success, whatever the others have.
    static int with_refusals(int status, std::vector<int> statuses) {
        statuses.push_back(status);
        return status == ExitStatus::interrupted ? status : worst(statuses);
    }

    static int worst(const std::vector<int>& statuses) {
        for (const int each : {ExitStatus::interrupted, ExitStatus::malformed, ExitStatus::invalid_scenario,
                               ExitStatus::bench_error, ExitStatus::failed, ExitStatus::nothing_executed})
            if (std::find(statuses.begin(), statuses.end(), each) != statuses.end()) return each;
        const auto other = std::find_if(statuses.begin(), statuses.end(), [](int each) { return each != 0; });
        return other == statuses.end() ? int{ExitStatus::passed} : int{ExitStatus::bench_error};
    }

    const LabPlan& plan_;
    Surroundings& surroundings_;
    lab::Job job_;
    std::mutex mutex_;  ///< of everything below
    std::ofstream trace_;
    Progress line_;
    SharedProgress progress_;
    std::vector<lab::Visit> visits_;
    std::vector<std::string> outputs_;  ///< with several kernels, what each wrote
    std::size_t next_ = 0;
};

}  // namespace

int run_lab(const LabPlan& plan, Surroundings& surroundings) { return LabRun(plan, surroundings).run(); }

}  // namespace irqbench::tools
