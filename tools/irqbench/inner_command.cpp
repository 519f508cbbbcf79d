#include "tools/irqbench/inner_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "scenarios/engine/load.hpp"
#include "tools/bench/architecture.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/irqbench/import_trace.hpp"
#include "tools/irqbench/recorded_files.hpp"
#include "tools/lab/mirror.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> values(const CLI::App& command, const char* option) {
    const CLI::Option* found = command.get_option_no_throw(option);
    return found != nullptr ? found->results() : std::vector<std::string>{};
}

std::string last_value(const CLI::App& command, const char* option, const std::string& otherwise) {
    const auto given = values(command, option);
    return given.empty() ? otherwise : given.back();
}

/// @throws CLI::ValidationError for what no machine can have at the same place
void refuse_what_is_not_inside(const fs::path& path, const std::string& name) {
    const auto way = lab::way_to(path);
    if (std::any_of(way.begin(), way.end(),
                    [](const auto& place) { return lab::is_of_host_only(place.path); }))
        throw CLI::ValidationError(
            fmt::format("{}: of the host's /dev, /proc and /sys the machines have only /dev/shm", name));
    using Kind = lab::Place::Kind;
    if (!way.empty() && (way.back().kind == Kind::pipe || way.back().kind == Kind::other))
        throw CLI::ValidationError(fmt::format("{} is neither a file nor a folder", name));
}

/// What a file goes on to read, as far as it gets: there it must get as far.
void add_reads(const fs::path& file, std::vector<fs::path>& files) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return;
    try {
        (void)scenarios::load(file, &files);
    } catch (const scenarios::ScenarioError&) {
        return;
    }
}

/// Whether the command gets as far as needing a machine: what it selects is there, and more than nothing.
bool take_files(const Selection& selection, InnerCommand& inner) {
    try {
        for (const fs::path path : selection.paths) {
            Reach reach = reach_of(path);
            for (const fs::path& file : reach.files) add_reads(file, inner.files);
            std::move(reach.files.begin(), reach.files.end(), std::back_inserter(inner.files));
            std::move(reach.folders.begin(), reach.folders.end(), std::back_inserter(inner.folders));
        }
        return !inner.files.empty() && (selects_all(selection) || !load_selection(selection).empty());
    } catch (const fs::filesystem_error&) {
        return false;
    } catch (const CLI::ValidationError&) {
        return false;
    }
}

/// Whether such hosts have the modes to compare; of a run, whether it has a scenario, in its part of the
/// files, that they can play. A file that cannot be loaded may be one.
bool can_play(const CLI::App& command, const Selection& selection, const vmm::Host& inside) {
    if (command.get_name() == "fuzz" || command.get_name() == "diff") {
        const auto between = values(command, "--between");
        const auto& offered = inside.placements;
        const auto playable = std::count_if(between.begin(), between.end(), [&offered](const auto& mode) {
            return std::find(offered.begin(), offered.end(), mode) != offered.end();
        });
        const std::size_t needed = command.get_name() == "fuzz" ? between.size() : 2;
        return static_cast<std::size_t>(playable) >= needed;
    }
    if (command.get_name() != "run" && command.get_name() != "shrink") return true;
    CampaignOptions options;
    choose_modes(last_value(command, "--irqchip", "all"), inside, options);
    auto files = load_selection(selection);
    keep_shard(files, last_value(command, "--shard", ""));
    return any_can_be_played(files, inside, options);
}

/// @throws CLI::ValidationError for a command whose result would be lost
void refuse_what_ends_inside(const CLI::App& command) {
    if (command.get_name() == "shrink" && !values(command, "--kernel").empty())
        throw CLI::ValidationError("--kernel", "there is no lab inside the lab");
    // The default of shrink is a file beside the scenario.
    const std::string otherwise = command.get_name() == "shrink" ? "" : "-";
    if (last_value(command, "--output", otherwise) != "-")
        throw CLI::ValidationError(
            "--output", fmt::format("files that are written inside end with the machine: {} --output -",
                                    command.get_name()));
}

/// @throws CLI::ValidationError for what cannot be had from a machine
void refuse_what_is_not_recorded_inside(const CLI::App& command, const vmm::Host& inside) {
    if (values(command, "COMMAND").empty())
        throw CLI::ValidationError("record", "nothing runs inside but the COMMAND behind --");
    if (last_value(command, "--trace", "-") != "-")
        throw CLI::ValidationError("--trace", "files that are written inside end with the machine");
    refuse_storm_of(inside.arch, values(command, "--storm").empty() ? 0 : 1);
}

/// @throws CLI::ValidationError for a file that would be lost
void refuse_what_a_bench_loses_inside(const CLI::App& command) {
    if (!last_value(command, "--output", "").empty())
        throw CLI::ValidationError("--output",
                                   "files that are written inside end with the machine: --format json "
                                   "prints what it holds");
    if (!last_value(command, "--report", "").empty())
        throw CLI::ValidationError("--report", "files that are written inside end with the machine");
}

/// Whether there is something to measure, as far as a host's name tells.
bool can_measure(const CLI::App& command, const vmm::Host& inside) {
    const auto modes = CLI::detail::split(last_value(command, "--irqchip", "all"), ',');
    return bench::find_architecture(inside.arch) != nullptr &&
           std::find(modes.begin(), modes.end(), "model") == modes.end();
}

/// Runs a command here that ends before it does anything, as it would on such a host.
int run_as(const vmm::Host& host, const std::vector<std::string>& arguments,
           const Surroundings& surroundings) {
    Surroundings there = surroundings;
    there.probe_host = [&host] { return host; };
    CommandLine line(there);
    return parse_and_run(line, arguments, there);
}

}  // namespace

std::variant<InnerCommand, int> parse_inner_command(const std::vector<std::string>& arguments,
                                                    const vmm::Host& inside, Surroundings& surroundings) {
    CommandLine line(surroundings);
    // The callback of the whole comes before that of the subcommand, which would do the work.
    struct Parsed {};
    line.app.parse_complete_callback([] { throw Parsed(); });
    try {
        return parse_and_run(line, arguments, surroundings);
    } catch (const Parsed&) {
    }
    const CLI::App& command = *line.app.get_subcommands().front();
    if (command.get_name() == "lab") throw CLI::ValidationError("there is no lab inside the lab");
    if (command.get_name() == "report" || command.get_name() == "compare")
        throw CLI::ValidationError(command.get_name() +
                                   " reads what runs have written, and needs no machine");
    if (!last_value(command, "--states", "").empty())
        throw CLI::ValidationError("--states", "files that are written inside end with the machine");
    if (command.get_name() == "bench") {
        refuse_what_a_bench_loses_inside(command);
        if (!can_measure(command, inside)) return run_as(inside, arguments, surroundings);
    }
    InnerCommand inner;
    inner.arguments = arguments;
    inner.name = command.get_name();
    Selection selection{values(command, "PATH"), last_value(command, "--filter", ""),
                        values(command, "--tag"), values(command, "--not-tag")};
    if (inner.name == "shrink") {
        refuse_what_ends_inside(command);
        selection.paths = values(command, "FILE");
    }
    if (inner.name == "record") {
        refuse_what_is_not_recorded_inside(command, inside);
        refuse_what_ends_inside(command);
        take_recorded_command(values(command, "COMMAND"), inner);
    }
    const std::string baseline = last_value(command, "--baseline", "");
    if (!baseline.empty()) {
        std::error_code error;
        if (!fs::is_regular_file(baseline, error)) return run_as(inside, arguments, surroundings);
        inner.files.emplace_back(baseline);
    }
    const fs::path folder = fs::current_path();
    if (!baseline.empty()) refuse_what_is_not_inside(folder / baseline, baseline);
    refuse_what_is_not_inside(folder, "the current folder, " + folder.string());
    for (const auto& path : selection.paths) refuse_what_is_not_inside(folder / path, path);
    if ((!selection.paths.empty() && !take_files(selection, inner)) || !can_play(command, selection, inside))
        return run_as(inside, arguments, surroundings);
    if (inner.name == "fuzz" && last_value(command, "--out", ".") != "-")
        throw CLI::ValidationError("--out",
                                   "files that are written inside end with the machine: fuzz --out -");
    if (inner.name == "fuzz" || inner.name == "shrink" || inner.name == "record")
        inner.silence = std::chrono::seconds(std::stoll(last_value(command, "--seconds", "0")));
    // It takes as long as it takes, and says how far it is unless it is not to.
    if (inner.name == "shrink" && inner.silence.count() == 0 && !values(command, "--quiet").empty())
        inner.silence = std::chrono::hours(24);
    inner.resume = last_value(command, "--resume", "");
    inner.format = last_value(command, "--format", inner.format);
    inner.report = last_value(command, "--report", "");
    if (!inner.report.empty() && inner.name != "run")
        throw CLI::ValidationError("--report", "files that are written inside end with the machine");
    inner.trace_out = last_value(command, "--trace-out", "");
    inner.verbose = !values(command, "--verbose").empty();
    inner.quiet = !values(command, "--quiet").empty();
    inner.counts_errors = !values(command, "--repeat").empty() || !values(command, "--retry-errors").empty();
    inner.names_jobs = !values(command, "--jobs").empty();
    return inner;
}

}  // namespace irqbench::tools
