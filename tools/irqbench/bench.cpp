#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tools/bench/compare.hpp"
#include "tools/bench/file.hpp"
#include "tools/bench/measure.hpp"
#include "tools/bench/noise.hpp"
#include "tools/bench/page.hpp"
#include "tools/bench/text.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/report.hpp"

namespace irqbench::tools {

namespace {

constexpr std::uint32_t most_samples = 10'000'000;
constexpr std::uint32_t most_routes = 4096;  // KVM_MAX_IRQ_ROUTES

struct BenchCommand {
    std::string paths = "all";
    std::string irqchip = "all";
    std::string guest = "halted";
    bench::Setup setup;
    std::string format = "text";
    std::string output;
    std::string baseline;
    std::string report;
    bool quiet = false;
};

/// @throws CLI::ValidationError for a machine that no KVM has
void check_setup(const BenchCommand& command, const bench::Architecture& architecture,
                 const vmm::Host& host) {
    std::uint32_t most = architecture.most_vcpus;
    for (const vmm::NamedValue& each : host.capabilities)
        if (each.name == "max_vcpus")
            most = std::min<std::uint32_t>(most, static_cast<std::uint32_t>(each.value));
    if (command.setup.vcpus > most)
        throw CLI::ValidationError(
            "--vcpus",
            fmt::format("{} are more than this host's machines can have: {}", command.setup.vcpus, most));
}

/// @throws CLI::ValidationError for the mode that has no time
void refuse_model(const BenchCommand& command) {
    const auto named = CLI::detail::split(command.irqchip, ',');
    if (std::find(named.begin(), named.end(), "model") != named.end())
        throw CLI::ValidationError("--irqchip",
                                   "model mode runs on virtual time: it has no latency to measure");
}

std::vector<std::string> modes_to_measure(const BenchCommand& command, const vmm::Host& host) {
    CampaignOptions options;
    choose_modes(command.irqchip, host, options);
    std::erase(options.modes, "model");
    return options.modes;
}

/// The thread that measures looks all the time; vCPUs that halt wait for it.
std::vector<std::string> noise(const BenchCommand& command) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const bool is_known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    bench::Load load;
    load.cpus =
        is_known ? static_cast<std::uint32_t>(CPU_COUNT(&allowed)) : std::thread::hardware_concurrency();
    load.busy_threads = command.setup.spinning ? 3 : 2;
    return bench::noise_of("/", load);
}

/// `irq_line,msi` or `all`.
CLI::Validator path_list() {
    std::vector<std::string> words;
    for (const bench::PathInfo& each : bench::paths) words.emplace_back(each.name);
    words.emplace_back("all");
    const auto complaint = [](const std::string& list) -> std::string {
        try {
            static_cast<void>(bench::parse_paths(list));
            return {};
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
    };
    return {complaint, CLI::IsMember(words).get_description()};
}

/// Read before anything is measured, which takes its time.
std::optional<bench::Report> baseline_of(const BenchCommand& command) {
    if (command.baseline.empty()) return std::nullopt;
    try {
        return bench::read_report(command.baseline);
    } catch (const scenarios::ScenarioError& error) {
        throw CLI::ValidationError("--baseline", error.what());
    }
}

/// @throws CLI::ValidationError where the two have nothing in common
bench::Comparison comparison_with(const bench::Report& baseline, const bench::Report& report,
                                  const BenchCommand& command) {
    try {
        return bench::compare(baseline, report, command.baseline);
    } catch (const std::invalid_argument& error) {
        throw CLI::ValidationError("--baseline", fmt::format("{}: {}", command.baseline, error.what()));
    }
}

/// @throws CLI::ValidationError where it cannot be written
void check_file(const char* option, const std::string& path) {
    if (!path.empty() && !std::ofstream(path, std::ios::app))
        throw CLI::ValidationError(option, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

/// @returns false after it has said that it failed
bool write_file(const char* option, const std::string& path, const std::string& text) {
    if (path.empty()) return true;
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (file.flush()) return true;
    spdlog::error("{}: writing {} failed", option, path);
    return false;
}

/// Everything that there is to measure, as far as the user lets it.
/// @returns whether that is all
bool measure_all(const BenchCommand& command, const bench::Architecture& architecture, const vmm::Host& host,
                 const std::vector<bench::Path>& paths, const std::vector<std::string>& modes,
                 Surroundings& surroundings, bench::Report& report) {
    Progress progress = progress_of(surroundings, command.quiet);
    const auto stop = [&surroundings] { return surroundings.interrupted.load(); };
    std::size_t number = 0;
    try {
        for (const bench::Path path : paths) {
            for (const std::string& mode : modes) {
                progress.show(fmt::format("[{}/{}]  {} {}", ++number, paths.size() * modes.size(),
                                          bench::info_of(path).name, mode));
                report.measured.push_back(
                    bench::measure(architecture, host, path, mode, command.setup, stop));
                progress.clear();
                if (command.format == "jsonl")
                    surroundings.out << bench::record_line(report, report.measured.back()) << std::flush;
            }
        }
    } catch (const bench::Interrupted&) {
        progress.clear();
        return false;
    }
    return true;
}

int status_of(const bench::Report& report, const std::optional<bench::Comparison>& comparison) {
    const auto& all = report.measured;
    if (std::any_of(all.begin(), all.end(), [](const auto& each) { return each.failed; }))
        return ExitStatus::bench_error;
    if (comparison && comparison->is_slower()) return ExitStatus::failed;
    if (std::all_of(all.begin(), all.end(), [](const auto& each) { return !each.reason.empty(); }))
        return ExitStatus::nothing_executed;
    return ExitStatus::passed;
}

int perform(BenchCommand command, Surroundings& surroundings) {
    const auto paths = bench::parse_paths(command.paths);
    refuse_model(command);
    command.setup.spinning = command.guest == "spinning";
    const auto baseline = baseline_of(command);
    const vmm::Host host = surroundings.probe_host();
    if (!host.unavailable.empty()) {
        spdlog::error("latency is measured on KVM, and there is none: {}", with_remedy(host.unavailable));
        return ExitStatus::bench_error;
    }
    const bench::Architecture* architecture = bench::find_architecture(host.arch);
    if (architecture == nullptr) {
        std::vector<std::string_view> known;
        for (const bench::Architecture* each : bench::architectures()) known.push_back(each->name);
        spdlog::error("how latency is measured on {} is not built yet, only on {}", host.arch,
                      fmt::join(known, ", "));
        return ExitStatus::bench_error;
    }
    check_setup(command, *architecture, host);
    check_file("--output", command.output);
    check_file("--report", command.report);
    bench::Report report{host.kernel, command.setup, noise(command), {}};
    // Settled before anything is measured, too.
    if (baseline) static_cast<void>(comparison_with(*baseline, report, command));
    const bool is_all = measure_all(command, *architecture, host, paths, modes_to_measure(command, host),
                                    surroundings, report);
    std::optional<bench::Comparison> comparison;
    if (baseline) comparison = comparison_with(*baseline, report, command);
    // Before anything is printed, since whoever reads that may go away.
    const bool is_written = write_file("--output", command.output, bench::file_text(report)) &&
                            write_file("--report", command.report, bench::page_of(report, comparison));
    if (!is_written) return ExitStatus::bench_error;
    const bench::TextOptions options{report_options(surroundings, "text").colour};
    if (command.format == "json") surroundings.out << bench::file_text(report);
    if (command.format == "text") surroundings.out << bench::text_of(report, options);
    if (comparison && command.format == "text") surroundings.out << bench::text_of(*comparison, options);
    surroundings.out << std::flush;
    if (is_all) return status_of(report, comparison);
    spdlog::warn("interrupted: these are the results so far");
    return ExitStatus::interrupted;
}

}  // namespace

void add_bench(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<BenchCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "bench", "Measure how long interrupts take, beside the same machine driven by bare ioctls");
    app.add_option("--path", command->paths, "What is measured")
        ->check(path_list())
        ->type_name("PATH,...")
        ->capture_default_str()
        ->take_last();
    app.add_option("--irqchip", command->irqchip,
                   "Irqchip modes to measure in; all (the default): every one of KVM that this host offers")
        ->check(mode_list())
        ->type_name("MODE,...")
        ->take_last();
    app.add_option("--guest", command->guest, "What the vCPU does that takes the interrupt")
        ->check(CLI::IsMember({"halted", "spinning"}))
        ->capture_default_str()
        ->take_last();
    app.add_option("--samples", command->setup.samples, "Round trips of each path in each mode")
        ->check(CLI::Range(1U, most_samples))
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    app.add_option("--warm-up", command->setup.warm_up, "Round trips before them that do not count")
        ->check(CLI::Range(0U, most_samples))
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    app.add_option("--route-count", command->setup.route_count, "Entries that the routing table has at least")
        ->check(CLI::Range(0U, most_routes))
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    app.add_option("--vcpus", command->setup.vcpus,
                   "vCPUs of the machine; those that have no part in it are halted")
        ->check(CLI::Range(1U, 4096U))
        ->type_name("N")
        ->capture_default_str()
        ->take_last();
    app.add_option("--format", command->format,
                   "How the times are printed; jsonl: a line when each is measured")
        ->check(CLI::IsMember({"text", "json", "jsonl"}))
        ->capture_default_str()
        ->take_last();
    app.add_option("--output,-o", command->output,
                   "Write the histograms to this file too, as a later baseline")
        ->type_name("FILE")
        ->take_last();
    app.add_option("--baseline", command->baseline,
                   "Compare with this file, which --output of an earlier call wrote, by a rank test")
        ->type_name("FILE")
        ->take_last();
    app.add_option("--report", command->report,
                   "Write the report to this file too, as an HTML page with plots")
        ->check(some_name())
        ->type_name("FILE")
        ->take_last();
    app.add_flag("--quiet,-q", command->quiet, "No progress line");
    app.footer("Exit status: 1 if a path is slower than in the baseline, 3 without KVM.\n\n" +
               app.get_footer());
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
