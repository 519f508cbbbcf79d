#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "scenarios/engine/scale.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/page_file.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/irqbench/states.hpp"
#include "tools/lab/packed_lines.hpp"
#include "tools/report/records.hpp"
#include "tools/report/report.hpp"

namespace irqbench::tools {

namespace {

constexpr std::uint32_t most_jobs = 256;
constexpr std::uint32_t most_repeats = 1'000'000;
constexpr std::uint32_t most_retries = 100;
constexpr double largest_scale = 1000;

struct RunCommand {
    Selection selection;
    std::string irqchip = "all";
    std::string run;
    std::uint32_t jobs = 1;
    std::uint32_t repeat = 1;
    std::uint32_t retry_errors = 0;
    double repeat_scale = 1;
    std::uint64_t seed = 1;
    bool migrate = false;
    std::string migrate_to;
    std::string states;
    bool kernel_trace = false;
    std::string format = "text";
    std::string trace_out;
    std::string report;
    bool events = false;
    std::string resume;
    std::string shard;
    bool verbose = false;
    bool quiet = false;
};

/// Writes `--format jsonl`: each record at once, so that what is there when the run is killed is complete.
class RecordWriter {
  public:
    RecordWriter(const RunCommand& command, Surroundings& surroundings)
        : wanted_(command.format == "jsonl"), out_(surroundings.out) {
        if (!surroundings.environment(lab::packing_variable).empty()) packer_.emplace();
    }

    [[nodiscard]] bool wanted() const { return wanted_; }
    void write(const Record& record) {
        if (!wanted_) return;
        const std::string line = record_line(record);
        out_ << (packer_ ? packer_->pack(line) : line) << std::flush;
    }
    /// @returns the status
    int end(int status, bool was_interrupted) {
        const auto elapsed = std::chrono::steady_clock::now() - begin_;
        write(record::End{status, was_interrupted,
                          std::chrono::duration_cast<std::chrono::microseconds>(elapsed)});
        return status;
    }

  private:
    bool wanted_;
    std::ostream& out_;
    std::optional<lab::LinePacker> packer_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// What writing to `path` would destroy, if it is something that this run reads.
std::string overwritten(const std::string& path, const std::vector<Loaded>& files,
                        const std::string& resume) {
    const auto is_path = [&path](const std::filesystem::path& file) {
        std::error_code error;
        return std::filesystem::equivalent(file, path, error);
    };
    if (!resume.empty() && is_path(resume)) return "the file of --resume";
    for (const Loaded& each : files) {
        if (is_path(each.file)) return "the scenario file " + each.file.string();
        for (const auto& read : each.reads)
            if (is_path(read)) return "a file that " + each.file.string() + " uses";
    }
    return {};
}

/// @throws CLI::ValidationError when the file of that option would destroy another
void check_output(const std::string& option, const std::string& path, const RunCommand& command,
                  const std::vector<Loaded>& files) {
    if (path.empty()) return;
    const std::string victim = overwritten(path, files, command.resume);
    if (!victim.empty()) throw CLI::ValidationError(option, path + " is " + victim);
}

/// @throws CLI::ValidationError when the file must not or cannot be written
void open_trace(TraceFile& file, const RunCommand& command, const std::vector<Loaded>& files) {
    check_output("--trace-out", file.path(), command, files);
    if (!file.open())
        throw CLI::ValidationError("--trace-out",
                                   "cannot write " + file.path() + ": " + std::strerror(errno));
}

/// Says that there is no KVM, where somebody could expect it.
void warn_without_kvm(const RunCommand& command, const std::vector<std::string>& modes,
                      const vmm::Host& host) {
    const bool wants_kvm =
        std::any_of(modes.begin(), modes.end(), [&](const std::string& mode) { return host.uses_kvm(mode); });
    if (host.unavailable.empty()) return;
    if (!wants_kvm) {
        // One who asked for the model alone is not surprised.
        if (command.irqchip == "all")
            spdlog::warn("no KVM on this host ({}): scenarios run in {} mode", host.unavailable,
                         fmt::join(modes, " and "));
        return;
    }
    spdlog::warn("no KVM on this host: {}", host.unavailable);
    if (const auto hint = remedy(host.unavailable); !hint.empty()) spdlog::warn("remedy: {}", hint);
}

/// Scripts get a report whatever happens.
int report_nothing(const RunCommand& command, const std::vector<Loaded>& files, RecordWriter& records,
                   const Surroundings& surroundings) {
    if (records.wanted())
        records.write(record::Begin{IRQBENCH_VERSION, "", 0});
    else if (command.format != "text")
        surroundings.out << report_text({}, report_options(surroundings, command.format));
    return records.end(loading_status(files), false);
}

int perform(const RunCommand& command, Surroundings& surroundings) {
    auto files = load_selection(command.selection);
    keep_shard(files, command.shard);
    for (Loaded& file : files)
        if (file.scenario)
            file.scenario = scenarios::scale_repeats(std::move(*file.scenario), command.repeat_scale);
    if (command.events && command.format != "jsonl")
        throw CLI::ValidationError("--events", "they go into the records of --format jsonl");
    RecordWriter records(command, surroundings);
    if (files.empty()) return report_nothing(command, files, records, surroundings);
    const vmm::Host host = surroundings.probe_host();
    CampaignOptions options;
    choose_modes(command.irqchip, host, options);
    warn_without_kvm(command, options.modes, host);
    if (command.kernel_trace && !host.untraced.empty()) {
        spdlog::error("--kernel-trace: {}", host.untraced);
        return ExitStatus::bench_error;
    }
    for (const std::string& line : left_out_files(files, host, options)) spdlog::info("{}", line);
    if (!command.resume.empty())
        options.earlier = earlier_results(read_run(command.resume, "--resume").results, host.kernel);
    options.repeat = command.repeat;
    options.states = command.states;
    if (const std::string clash = clash_of_states(files, host, options, command.trace_out); !clash.empty())
        throw CLI::ValidationError("--states", clash);
    check_output("--report", command.report, command, files);
    const PageFile page(command.report);
    options.recordings = page.wanted() || command.events || command.format == "html";
    TraceFile trace(command.trace_out);
    if (trace.wanted()) {
        open_trace(trace, command, files);
        options.trace_out = &trace;
    }
    options.jobs = command.jobs;
    options.retries = command.retry_errors;
    options.seed = command.seed;
    options.migrate = command.migrate;
    options.migrate_to = command.migrate_to;
    options.kernel_trace = command.kernel_trace;
    if (!command.run.empty())
        options.run = command.run == "free" ? vmm::RunMode::free : vmm::RunMode::stepped;
    if (records.wanted()) {
        records.write(record::Begin{IRQBENCH_VERSION, host.kernel, count_tasks(files, host, options)});
        options.record = [&records](const Record& record) { records.write(record); };
    }

    Progress progress = progress_of(surroundings, command.quiet);
    const auto begin = std::chrono::steady_clock::now();
    const auto results = run_campaign(files, host, options, surroundings,
                                      [&progress](const ProgressState& state) { progress.show(state); });
    ReportOptions report = report_options(surroundings, command.format);
    report.verbose = command.verbose;
    report.interrupted = surroundings.interrupted.load();
    report.elapsed =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    progress.clear();

    if (!records.wanted()) surroundings.out << report_text(results, report) << std::flush;
    PageOptions page_options;
    page_options.interrupted = report.interrupted;
    if (!page.write(results, page_options)) return records.end(ExitStatus::bench_error, report.interrupted);
    if (!trace.close()) return records.end(ExitStatus::bench_error, report.interrupted);
    // Records say so themselves.
    if (report.interrupted && !records.wanted()) spdlog::warn("interrupted: these are the results so far");
    return records.end(exit_status(results, report.interrupted), report.interrupted);
}

}  // namespace

void add_run(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<RunCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "run", "Play scenarios into a virtual machine and judge what its guest took");
    add_selection(app, command->selection);
    // Of these the last counts when they are given again, so that a script may append its own.
    app.add_option("--irqchip", command->irqchip,
                   "Irqchip modes to run in; all (the default): every one this host offers, without KVM "
                   "the model")
        ->check(mode_list())
        ->type_name("MODE,...")
        ->take_last();
    app.add_option("--run", command->run,
                   "How vCPUs run; default: stepped, but free where a scenario is about races")
        ->check(CLI::IsMember({"stepped", "free"}));
    app.add_option("--jobs,-j", command->jobs, "Host threads, each with machines of its own")
        ->check(CLI::Range(1U, most_jobs))
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    app.add_option("--repeat", command->repeat, "Run every scenario this often; the worst verdict counts")
        ->check(CLI::Range(1U, most_repeats))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--retry-errors", command->retry_errors,
                   "Play a run that ends in an error, not in a failure, again, so often at most")
        ->check(CLI::Range(0U, most_retries))
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    app.add_option("--repeat-scale", command->repeat_scale,
                   "Multiply the times of long repeat and parallel blocks by this")
        ->check(CLI::Validator(
            [](const std::string& text) {
                double factor = 0;
                const bool fits =
                    CLI::detail::lexical_cast(text, factor) && factor > 0 && factor <= largest_scale;
                return fits ? std::string()
                            : fmt::format("{} is not above 0 and at most {}", text, largest_scale);
            },
            ""))
        ->type_name("F")
        ->capture_default_str();
    app.add_option("--seed", command->seed,
                   "Model mode, free: the order in which things happen; --repeat counts it up")
        ->check(whole_number())
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    auto* every_step =
        app.add_flag("--migrate-every-step", command->migrate,
                     "Save the machine's state before every step, and go on in a new one that restores it");
    app.add_option(
           "--migrate-to", command->migrate_to,
           "With --migrate-every-step: go on in this irqchip mode and in that of the run in turns, wherever "
           "the state allows; where both are the same, from the form that all modes have in common")
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(irqchip_modes), std::end(irqchip_modes))))
        ->type_name("MODE")
        ->needs(every_step)
        ->take_last();
    app.add_option("--states", command->states,
                   "Keep the files that save steps write, in this folder: SCENARIO/MODE/FILE, with --repeat "
                   "SCENARIO/MODE/RUN/FILE")
        ->check(some_name())
        ->type_name("DIR")
        ->take_last();
    app.add_flag("--kernel-trace", command->kernel_trace,
                 "Add the kernel's own events (kvm:*, from tracefs) to those of every run");
    app.add_option("--format", command->format, "How results are printed")
        ->check(CLI::IsMember(std::vector<std::string>(report_formats.begin(), report_formats.end())))
        ->capture_default_str()
        ->take_last();
    app.add_option("--trace-out", command->trace_out,
                   "Write the events of every run to this file: JSON lines, or, where its name ends in "
                   ".json, Chrome's trace events for Perfetto")
        ->check(some_name())
        ->type_name("FILE")
        ->take_last();
    app.add_option("--report", command->report,
                   "Write the results to this file too, as an HTML page with a timeline of each run")
        ->check(some_name())
        ->type_name("FILE")
        ->take_last();
    app.add_flag("--events", command->events,
                 "With --format jsonl: results have the events that report --format html draws");
    app.add_option("--resume", command->resume,
                   "Leave out what has a result in this file, which --format jsonl of an earlier run wrote")
        ->type_name("FILE")
        ->take_last();
    app.add_option(
           "--shard", command->shard,
           "The I-th of N equal parts of the files, for several hosts; `irqbench report` joins their results")
        ->check(CLI::Validator(
            [](const std::string& text) {
                return parse_shard(text) ? std::string() : text + " is no I/N with I from 1 to N";
            },
            ""))
        ->type_name("I/N");
    app.add_flag("--verbose,-v", command->verbose,
                 "Print a line for every run, not only for those that went wrong");
    app.add_flag("--quiet,-q", command->quiet, "No progress line");
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
