#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/compare.hpp"
#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using scenarios::Divergence;
using scenarios::Scenario;

struct DiffCommand {
    Selection selection;
    std::vector<std::string> between;
    std::string run;
};

/// What a scenario came to in one irqchip mode.
struct Play {
    std::string mode;
    scenarios::Performance performance;
    std::vector<vmm::Event> trace;
    scenarios::Verdict verdict;
};

/// A field of a controller, `lapic 0 tpr`.
using State = std::map<std::string, std::uint64_t>;

class Comparison {
  public:
    Comparison(const Scenario& scenario, const DiffCommand& command, const vmm::Host& host,
               const Surroundings& surroundings)
        : scenario_(scenario), host_(host), surroundings_(surroundings) {
        if (!command.run.empty()) asked_ = command.run == "free" ? vmm::RunMode::free : vmm::RunMode::stepped;
    }

    /// Nothing if the scenario can run there.
    [[nodiscard]] std::optional<std::string> skipped(const std::string& mode) const {
        return scenarios::skip_reason(scenario_, mode, host_, asked_);
    }

    [[nodiscard]] Play play(const std::string& mode) const {
        Play result;
        result.mode = mode;
        vmm::Trace trace;
        const auto options = options_for(mode);
        const auto machine = surroundings_.make_machine(options.config, trace);
        result.performance = scenarios::perform(scenario_, *machine, trace, options);
        machine->close();
        result.trace = trace.take();
        result.verdict = scenarios::apply_known(scenarios::judge(scenario_, result.performance, result.trace),
                                                scenario_, mode, options.config.run, host_);
        return result;
    }

    /// The controllers once so many steps are done.
    [[nodiscard]] State state_after(const std::string& mode, std::size_t steps) const {
        vmm::Trace trace;
        auto options = options_for(mode);
        options.most_steps = steps;
        const auto machine = surroundings_.make_machine(options.config, trace);
        (void)scenarios::perform(scenario_, *machine, trace, options);
        State state;
        for (const std::string_view name : scenarios::find_architecture(scenario_.arch)->controllers)
            for (std::uint32_t index = 0;; ++index) {
                const auto fields = machine->inspect(name, index);
                if (fields.empty()) break;
                for (const auto& field : fields)
                    state[fmt::format("{} {} {}", name, index, field.name)] = field.value;
            }
        machine->close();
        return state;
    }

  private:
    [[nodiscard]] scenarios::RunOptions options_for(const std::string& mode) const {
        scenarios::RunOptions options;
        options.config = scenario_.config;
        options.config.placement = mode;
        options.config.run = scenarios::run_mode(scenario_, asked_);
        options.cancel = &surroundings_.interrupted;
        return options;
    }

    const Scenario& scenario_;
    const vmm::Host& host_;
    const Surroundings& surroundings_;
    std::optional<vmm::RunMode> asked_;
};

std::string what_came(const Play& play, const std::optional<std::size_t>& index) {
    return index ? printable(vmm::describe(play.trace[*index])) : "nothing more";
}

std::string verdict_text(const Play& play) {
    std::string text(scenarios::word(play.verdict.kind));
    if (!play.verdict.reason.empty()) text += ": " + printable(play.verdict.reason);
    return text;
}

/// The fields that differ, and did not from the beginning, a line each.
std::string state_text(const Comparison& comparison, const Play& a, const Play& b, const Divergence& found) {
    const State first = comparison.state_after(a.mode, found.performed_first);
    const State second = comparison.state_after(b.mode, found.performed_second);
    const State first_before = comparison.state_after(a.mode, 0);
    const State second_before = comparison.state_after(b.mode, 0);
    std::string text;
    for (const auto& [name, value] : first) {
        const auto other = second.find(name);
        if (other == second.end() || other->second == value || scenarios::tells_time(name)) continue;
        if (first_before.at(name) == value && second_before.at(name) == other->second) continue;
        text += fmt::format("    {:<28} {} {:#x}, {} {:#x}\n", name, a.mode, value, b.mode, other->second);
    }
    return text.empty() ? "    alike\n" : text;
}

std::string explanation(const Comparison& comparison, const Play& a, const Play& b, const Divergence& found) {
    const scenarios::Step& step = *found.action;
    std::string text = fmt::format("  {} and {} differ after step {}, line {}:  {}\n", a.mode, b.mode,
                                   step.number, step.line, printable(step.text));
    const std::size_t wide = std::max(a.mode.size(), b.mode.size());
    text += fmt::format("    {:<{}}  {}\n", a.mode, wide, what_came(a, found.first));
    text += fmt::format("    {:<{}}  {}\n", b.mode, wide, what_came(b, found.second));
    text += "  controllers then, where they differ\n";
    text += state_text(comparison, a, b, found);
    text += "  verdicts\n";
    for (const Play* each : {&a, &b})
        text += fmt::format("    {:<{}}  {}\n", each->mode, wide, verdict_text(*each));
    return text;
}

/// @returns how the modes differ, empty if they do not
std::string differences(const Comparison& comparison, const std::vector<Play>& plays) {
    std::string text;
    for (std::size_t i = 1; i < plays.size(); ++i) {
        const Play& a = plays.front();
        const Play& b = plays[i];
        if (const auto found =
                scenarios::first_divergence({a.performance, a.trace}, {b.performance, b.trace}))
            text += explanation(comparison, a, b, *found);
        else if (a.performance.complete != b.performance.complete)
            text += fmt::format("  {} and {} do the same as long as both go on\n    {}: {}\n    {}: {}\n",
                                a.mode, b.mode, a.mode, verdict_text(a), b.mode, verdict_text(b));
    }
    return text;
}

struct Count {
    std::size_t alike = 0;
    std::size_t different = 0;
    std::size_t alone = 0;
    std::size_t broken = 0;
};

/// The modes in which something happened that no scenario can mean.
std::string errors(const std::vector<Play>& plays) {
    std::string text;
    for (const Play& each : plays)
        if (each.verdict.kind == scenarios::Verdict::Kind::error)
            text += fmt::format("  {}: {}\n", each.mode, verdict_text(each));
    return text;
}

void compare(const Scenario& scenario, const DiffCommand& command, const vmm::Host& host,
             Surroundings& surroundings, Count& count) {
    const Comparison comparison(scenario, command, host, surroundings);
    std::vector<Play> plays;
    std::string skips;
    for (const auto& mode : command.between) {
        if (const auto reason = comparison.skipped(mode))
            skips += fmt::format("  {}: {}\n", mode, printable(*reason));
        else if (!surroundings.interrupted.load())
            plays.push_back(comparison.play(mode));
    }
    if (surroundings.interrupted.load()) return;
    const std::string heading =
        fmt::format("{}\n  {}\n", printable(scenario.name), printable(scenario.file.generic_string()));
    if (plays.size() < 2 || plays.front().mode != command.between.front()) {
        ++count.alone;
        surroundings.out << heading << skips << "  nothing to compare\n";
        return;
    }
    const std::string broken = errors(plays);
    const std::string text = broken + differences(comparison, plays);
    ++(!broken.empty() ? count.broken : text.empty() ? count.alike : count.different);
    if (!skips.empty() || !text.empty())
        surroundings.out << heading << skips << (text.empty() ? "  otherwise alike\n" : text) << std::flush;
}

int perform(const DiffCommand& command, Surroundings& surroundings) {
    need_modes_to_compare(command.between, "kernel,split");
    const auto files = load_selection(command.selection);
    const int loaded = loading_status(files);
    const vmm::Host host = surroundings.probe_host();
    Count count;
    for (const Loaded& file : files) {
        if (file.error)
            surroundings.err << printable_lines(file.error->what()) << '\n';
        else
            compare(*file.scenario, command, host, surroundings, count);
    }
    if (surroundings.interrupted.load()) {
        spdlog::warn("interrupted: these are the differences so far");
        return ExitStatus::interrupted;
    }
    surroundings.out << fmt::format("{} alike, {} different, {} not compared, {}\n", count.alike,
                                    count.different, count.alone, counted(count.broken, "error"));
    if (loaded != ExitStatus::passed) return loaded;
    if (count.broken != 0) return ExitStatus::bench_error;
    if (count.different != 0) return ExitStatus::failed;
    return count.alike == 0 ? ExitStatus::nothing_executed : ExitStatus::passed;
}

}  // namespace

void add_diff(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<DiffCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "diff", "Play scenarios in several irqchip modes, and explain where these part");
    add_selection(app, command->selection);
    app.add_option("--between", command->between, "Irqchip modes: each is compared with the first")
        ->required()
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(irqchip_modes), std::end(irqchip_modes))))
        ->type_name("MODE,MODE,...");
    app.add_option("--run", command->run, "How vCPUs run; default: as run does it")
        ->check(CLI::IsMember({"stepped", "free"}));
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
