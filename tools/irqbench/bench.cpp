#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sched.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tools/bench/measure.hpp"
#include "tools/bench/noise.hpp"
#include "tools/bench/text.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/remedy.hpp"
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

/// @throws CLI::ValidationError where there is nothing to measure
std::vector<std::string> modes_to_measure(const BenchCommand& command, const vmm::Host& host) {
    const auto named = CLI::detail::split(command.irqchip, ',');
    if (std::find(named.begin(), named.end(), "model") != named.end())
        throw CLI::ValidationError("--irqchip",
                                   "model mode runs on virtual time: it has no latency to measure");
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

int perform(BenchCommand command, Surroundings& surroundings) {
    const auto paths = [&] {
        try {
            return bench::parse_paths(command.paths);
        } catch (const std::invalid_argument& error) {
            throw CLI::ValidationError("--path", error.what());
        }
    }();
    const vmm::Host host = surroundings.probe_host();
    const auto modes = modes_to_measure(command, host);
    if (!host.unavailable.empty()) {
        spdlog::error("latency is measured on KVM, and there is none: {}", with_remedy(host.unavailable));
        return ExitStatus::bench_error;
    }
    const bench::Architecture* architecture = bench::find_architecture(host.arch);
    if (architecture == nullptr) {
        spdlog::error("latency is not measured on {} hosts yet", host.arch);
        return ExitStatus::bench_error;
    }
    check_setup(command, *architecture, host);
    command.setup.spinning = command.guest == "spinning";
    bench::Report report{host.kernel, command.setup, noise(command), {}};
    const auto stop = [&surroundings] { return surroundings.interrupted.load(); };
    bool is_cut = false;
    try {
        for (const bench::Path path : paths)
            for (const std::string& mode : modes)
                report.measured.push_back(
                    bench::measure(*architecture, host, path, mode, command.setup, stop));
    } catch (const bench::Interrupted&) {
        is_cut = true;
    }
    const ReportOptions style = report_options(surroundings, "text");
    surroundings.out << bench::text_of(report, {style.colour, true}) << std::flush;
    if (is_cut) {
        spdlog::warn("interrupted: these are the results so far");
        return ExitStatus::interrupted;
    }
    const auto& all = report.measured;
    if (std::any_of(all.begin(), all.end(), [](const auto& each) { return each.failed; }))
        return ExitStatus::bench_error;
    if (std::all_of(all.begin(), all.end(), [](const auto& each) { return !each.reason.empty(); }))
        return ExitStatus::nothing_executed;
    return ExitStatus::passed;
}

}  // namespace

void add_bench(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<BenchCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "bench", "Measure how long interrupts take, beside the same machine driven by bare ioctls");
    app.add_option("--path", command->paths,
                   "What is measured: irq_line, msi, irqfd, resample, ipi, timer, ioeventfd, all")
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
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
