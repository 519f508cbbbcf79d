#include "tools/irqbench/lab_run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/kernel_labels.hpp"
#include "tools/irqbench/lab_log.hpp"
#include "tools/irqbench/page_file.hpp"
#include "tools/irqbench/resume.hpp"
#include "tools/irqbench/trace_file.hpp"
#include "tools/lab/diagnosis.hpp"
#include "tools/lab/packed_lines.hpp"
#include "tools/report/json.hpp"
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
    const auto inside = [&job](const std::filesystem::path& path) { return job.folder / path; };
    for (const auto& file : inner.files) job.files.push_back(inside(file));
    for (const auto& folder : inner.folders) job.folders.push_back(inside(folder));
    job.environment = {"PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb", "LC_ALL=C"};
    job.arguments = inner.arguments;
    job.records = inner.name == "run";
    if (!job.records) return job;
    job.environment.push_back(fmt::format("{}=1", lab::packing_variable));
    // Of an option given twice the last counts. Behind `--` there would be paths only.
    std::vector<std::string> ours = {"--format", "jsonl", "--quiet"};
    // The page is of all kernels, and made here of what the records have.
    if (!inner.report.empty()) ours.insert(ours.end(), {"--report", ""});
    if (!inner.report.empty() || inner.format == "html") ours.emplace_back("--events");
    if (!inner.trace_out.empty())
        ours.insert(ours.end(),
                    {"--trace-out", is_chrome_trace(inner.trace_out) ? "/lab/trace.json" : "/lab/trace"});
    // One more than CPUs: now and then one of them waits for real time to pass.
    if (!inner.names_jobs) ours.insert(ours.end(), {"--jobs", fmt::format("{}", plan.setup.cpus + 1)});
    // An emulated processor now and then loses what a guest was about, about once in a thousand storms.
    if (plan.setup.accelerator == "tcg" && !inner.counts_errors)
        ours.insert(ours.end(), {"--retry-errors", "2"});
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
        // What a machine has to do is known only once it is up.
        const bool all_known = std::all_of(states_.begin(), states_.end(),
                                           [](const ProgressState& each) { return each.total != 0; });
        if (all_known)
            sum.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_);
        line_.show(sum);
    }

  private:
    Progress& line_;
    std::vector<ProgressState> states_;
    Clock::time_point begun_ = Clock::now();
};

class LabRun {
  public:
    LabRun(const LabPlan& plan, Surroundings& surroundings)
        : plan_(plan),
          surroundings_(surroundings),
          labels_(plan.kernels),
          job_(job_of(plan)),
          trace_(plan.inner.trace_out),
          line_(progress_of(surroundings, plan.inner.quiet || !job_.records)),
          progress_(line_, plan.kernels.size()),
          visits_(plan.kernels.size()),
          tasks_(plan.kernels.size()),
          outputs_(plan.kernels.size()),
          page_(plan.inner.report) {}

    /// @throws CLI::ValidationError when a file that it goes on from, or writes, is none
    int run() {
        if (!plan_.inner.resume.empty()) earlier_ = read_run(plan_.inner.resume, "--resume").results;
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
        std::vector<std::filesystem::path> read = plan_.inner.files;
        if (!plan_.inner.resume.empty()) read.emplace_back(plan_.inner.resume);
        for (const auto& file : read) {
            std::error_code error;
            if (!std::filesystem::equivalent(file, plan_.inner.trace_out, error)) continue;
            spdlog::error("--trace-out: {} is a file that the command reads", plan_.inner.trace_out);
            return false;
        }
        if (trace_.open()) return true;
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
            tell_of_end(mine);
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
            lab::Job job = job_;
            if (!plan_.inner.resume.empty()) job.earlier = records_for(index);
            lab::Visit visit = lab::visit(plan_.qemu, kernel, plan_.setup, plan_.program, job, plan_.patience,
                                          listener, surroundings_.interrupted);
            for (Result& result : visit.results) result.kernel = labels_.label(index, result.kernel);
            return visit;
        } catch (const std::exception& error) {
            lab::Visit visit;
            visit.trouble = error.what();
            return visit;
        }
    }

    /// The records of the file of --resume that concern one kernel, as its machine is to find them.
    [[nodiscard]] std::string records_for(std::size_t kernel) const {
        std::string lines;
        for (const Result& result : earlier_) {
            const auto release = labels_.release(kernel, result.kernel);
            if (!release) continue;
            record::Finished record;
            record.result = result;
            record.result.kernel = *release;
            lines += record_line(record);
        }
        return lines;
    }

    /// As it comes. Indices are made those of the whole: by scenario, then by kernel.
    void pass_on_record(std::size_t kernel, Record record) {
        std::visit([&](auto& each) { make_one_of_the_whole(kernel, each); }, record);
        if (!std::holds_alternative<record::End>(record))
            surroundings_.out << record_line(record) << std::flush;
    }
    void make_one_of_the_whole(std::size_t kernel, record::Begin& begin) {
        begin.kernel = labels_.label(kernel, begin.kernel);
        tasks_[kernel] = begin.tasks;
    }
    void make_one_of_the_whole(std::size_t kernel, record::Started& started) {
        started.index = index_in_whole(kernel, started.index);
        started.kernel = labels_.label(kernel, started.kernel);
    }
    void make_one_of_the_whole(std::size_t kernel, record::Progress& progress) {
        progress.kernel = labels_.label(kernel, progress.kernel);
    }
    void make_one_of_the_whole(std::size_t kernel, record::Finished& finished) {
        finished.index = index_in_whole(kernel, finished.index);
        finished.result.kernel = labels_.label(kernel, finished.result.kernel);
    }
    static void make_one_of_the_whole(std::size_t, record::End&) {}
    [[nodiscard]] std::uint64_t index_in_whole(std::size_t kernel, std::uint64_t index) const {
        return index * plan_.kernels.size() + kernel;
    }

    /// With one kernel what it says is passed on at once, with several what it writes to standard output when
    /// each has ended.
    void take_output(std::size_t index, lab::said::Stream stream, const std::string& text) {
        if (stream == lab::said::Stream::trace) {
            const auto label = [&](const std::string& release) { return labels_.label(index, release); };
            trace_.add_line(text, index,
                            labels_.has_names() ? label : std::function<std::string(const std::string&)>());
        } else if (stream == lab::said::Stream::err) {
            line_.clear();
            if (plan_.kernels.size() > 1) surroundings_.err << plan_.kernels[index].name << ": ";
            surroundings_.err << printable_lines(text) << std::flush;
        } else if (plan_.kernels.size() == 1) {
            surroundings_.out << text << std::flush;
        } else {
            outputs_[index] += text;
        }
    }

    void tell_of_end(std::size_t index) {
        const lab::Kernel& kernel = plan_.kernels[index];
        const lab::Visit& visit = visits_[index];
        const std::string log = keep_lab_log(plan_.log_folder, kernel, visit.log);
        if (visit.trouble.empty() || visit.interrupted) return;
        constexpr std::size_t most_lines = 40;
        line_.clear();
        spdlog::error("{}: {}", kernel.name, printable_lines(visit.trouble));
        const std::string console = lab::last_lines(visit.console, most_lines, "  console: ");
        if (console.empty()) return;
        surroundings_.err << printable_lines(console);
        spdlog::error("{}", log);
    }

    int report(std::chrono::microseconds elapsed) {
        std::vector<Result> results;
        std::vector<int> statuses;
        for (std::size_t i = 0; i < visits_.size(); ++i) {
            auto& visit = visits_[i];
            std::move(visit.results.begin(), visit.results.end(), std::back_inserter(results));
            if (!visit.trouble.empty() && !visit.interrupted) {
                results.push_back(failed_boot(i));
                if (plan_.inner.format == "jsonl") write_failed_boot(i, results.back());
            }
            // Wrong usage that only the inside can see, an output that could not be written.
            const bool refused = visit.status == ExitStatus::malformed || visit.results.empty();
            if (visit.trouble.empty() && refused) statuses.push_back(visit.status);
        }
        const bool interrupted = surroundings_.interrupted.load();
        int status = results.empty() && !interrupted
                         ? worst(statuses)
                         : with_refusals(exit_status(results, interrupted), statuses);
        if (!trace_.close()) status = ExitStatus::bench_error;
        PageOptions page;
        page.interrupted = interrupted;
        if (!page_.write(results, page)) status = ExitStatus::bench_error;
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

    /// So that those who read the results only see it too.
    Result failed_boot(std::size_t index) {
        const lab::Kernel& kernel = plan_.kernels[index];
        const lab::Visit& visit = visits_[index];
        Result result;
        result.scenario = "the lab runs the scenarios on " + kernel.name;
        result.file = kernel.name;
        result.kernel = visit.release.empty() ? kernel.name : labels_.label(index, visit.release);
        result.verdict.kind = scenarios::Verdict::Kind::error;
        result.verdict.reason = visit.trouble;
        result.bad_runs = 1;
        return result;
    }

    /// Behind all of its kernel, the only one where there are no others.
    void write_failed_boot(std::size_t index, const Result& result) {
        if (tasks_[index] == 0)
            surroundings_.out << record_line(record::Begin{IRQBENCH_VERSION, result.kernel, 1});
        record::Finished record;
        record.index = index_in_whole(index, tasks_[index]);
        record.result = result;
        surroundings_.out << record_line(record) << std::flush;
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
    KernelLabels labels_;
    lab::Job job_;
    std::vector<Result> earlier_;  ///< of --resume
    std::mutex mutex_;             ///< of everything below
    TraceFile trace_;
    Progress line_;
    SharedProgress progress_;
    std::vector<lab::Visit> visits_;
    std::vector<std::uint64_t> tasks_;  ///< of each kernel, as its first record tells
    std::vector<std::string> outputs_;  ///< with several kernels, what each wrote
    std::size_t next_ = 0;
    PageFile page_;
};

}  // namespace

Shares share_host(std::uint32_t host_cpus, std::size_t kernels, std::uint32_t machines, std::uint32_t cpus) {
    const std::uint32_t here = std::max(1U, host_cpus);
    const auto wanted = static_cast<std::uint32_t>(std::max<std::size_t>(1, kernels));
    const std::uint32_t at_a_time = std::min(machines != 0 ? machines : here, wanted);
    return {at_a_time, cpus != 0 ? cpus : std::clamp(here / at_a_time, 1U, 2U)};
}

int run_lab(const LabPlan& plan, Surroundings& surroundings) { return LabRun(plan, surroundings).run(); }

}  // namespace irqbench::tools
