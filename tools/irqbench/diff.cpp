#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <map>
#include <set>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/compare.hpp"
#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tools/irqbench/campaign_task.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/irqbench/page_file.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/report/timeline.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using scenarios::Divergence;
using scenarios::Scenario;

struct DiffCommand {
    Selection selection;
    std::vector<std::string> between;
    std::string run;
    std::string report;
};

/// What a scenario came to in one irqchip mode.
struct Play {
    std::string mode;
    bool made = false;  ///< else no machine could be made, and the verdict says why
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
        : scenario_(scenario),
          config_(scenarios::settled(scenario, command.between, host)),
          host_(host),
          surroundings_(surroundings) {
        if (!command.run.empty()) asked_ = command.run == "free" ? vmm::RunMode::free : vmm::RunMode::stepped;
    }

    /// Nothing if the scenario can run there.
    [[nodiscard]] std::optional<std::string> skipped(const std::string& mode) const {
        return scenarios::skip_reason(scenario_, mode, host_, asked_);
    }

    [[nodiscard]] Play play(const std::string& mode) const {
        Play result;
        result.mode = mode;
        try {
            play(mode, result);
        } catch (const std::exception& error) {
            // Other files may fare better, and so may other modes.
            result.verdict.kind = scenarios::Verdict::Kind::error;
            result.verdict.reason = with_remedy(error.what());
        }
        return result;
    }

    /// The controllers once so many steps are done.
    [[nodiscard]] State state_after(const std::string& mode, std::size_t steps) const {
        vmm::Trace trace;
        auto options = options_for(mode);
        options.most_steps = steps;
        const auto machine = scenarios::machine_for(scenario_, options, trace, surroundings_.make_machine);
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

    /// What these two may do differently, and nobody is to blame.
    [[nodiscard]] scenarios::Leeway leeway() const {
        scenarios::Leeway leeway;
        if (scenario_.outcomes) leeway.outcomes = &*scenario_.outcomes;
        return leeway;
    }

  private:
    void play(const std::string& mode, Play& result) const {
        vmm::Trace trace;
        const auto options = options_for(mode);
        const auto machine = scenarios::machine_for(scenario_, options, trace, surroundings_.make_machine);
        result.performance = scenarios::perform(scenario_, *machine, trace, options);
        machine->close();
        result.trace = trace.take();
        result.verdict = scenarios::apply_known(scenarios::judge(scenario_, result.performance, result.trace),
                                                scenario_, mode, options.config.run, host_);
        result.made = true;
    }

    [[nodiscard]] scenarios::RunOptions options_for(const std::string& mode) const {
        scenarios::RunOptions options;
        options.config = config_;
        options.config.placement = mode;
        options.config.run = scenarios::run_mode(scenario_, asked_);
        options.cancel = &surroundings_.interrupted;
        return options;
    }

    const Scenario& scenario_;
    vmm::MachineConfig config_;  ///< the same in all modes
    const vmm::Host& host_;
    const Surroundings& surroundings_;
    std::optional<vmm::RunMode> asked_;
};

/// The events with the numbers that steps have in the file.
std::vector<vmm::Event> numbered(const Play& play) {
    std::vector<vmm::Event> events = play.trace;
    number_steps(events, play.performance);
    return events;
}

std::string what_came(const Play& play, const std::optional<std::size_t>& index) {
    return index ? printable(vmm::describe(play.trace[*index])) : "nothing more";
}

std::string verdict_text(const Play& play) {
    std::string text(scenarios::word(play.verdict.kind));
    if (!play.verdict.reason.empty()) text += ": " + printable(play.verdict.reason);
    return text;
}

/// The fields that differ, and did not from the beginning, a line each.
std::string state_lines(const Comparison& comparison, const Play& a, const Play& b, const Divergence& found) {
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

std::string state_text(const Comparison& comparison, const Play& a, const Play& b, const Divergence& found) {
    try {
        return state_lines(comparison, a, b, found);
    } catch (const std::exception& error) {
        return fmt::format("    unknown: {}\n", printable(error.what()));
    }
}

/// The steps of a run from the one after which it diverged, up to where the expectations of that end.
std::vector<scenarios::Performed> steps_of(const Play& play, const Divergence& found, std::size_t end) {
    const auto& performed = play.performance.performed;
    const auto last = performed.begin() + static_cast<std::ptrdiff_t>(std::min(end, performed.size()));
    const auto first = std::find_if(performed.begin(), last, [&found](const scenarios::Performed& each) {
        return each.step == found.action && each.iteration == found.iteration;
    });
    return {first, last};
}

/// Whether it is the divergence that the scenario knows of: the run failed as it says, at this action or in
/// what is expected of it, or ended here because of it.
bool is_known(const Play& play, const Divergence& found, std::size_t end) {
    if (play.verdict.kind != scenarios::Verdict::Kind::known || !play.verdict.failure) return false;
    if (!play.performance.complete && end >= play.performance.performed.size()) return true;
    const auto steps = steps_of(play, found, end);
    return std::any_of(steps.begin(), steps.end(), [&play](const scenarios::Performed& each) {
        return each.step->number == play.verdict.failure->step &&
               each.iteration == play.verdict.failure->iteration;
    });
}

/// Whether an `only` block says what one of the modes, alone, is to do here.
bool is_declared(const Play& play, const Play& other, const Divergence& found, std::size_t end) {
    if (!play.performance.complete || !other.performance.complete) return false;
    const auto steps = steps_of(play, found, end);
    const auto& others = other.performance.performed;
    return std::any_of(steps.begin(), steps.end(), [&others](const scenarios::Performed& each) {
        return std::none_of(others.begin(), others.end(),
                            [&each](const scenarios::Performed& done) { return done.step == each.step; });
    });
}

bool is_known(const Play& a, const Play& b, const Divergence& found) {
    return is_known(a, found, found.performed_first) || is_known(b, found, found.performed_second) ||
           is_declared(a, b, found, found.performed_first) ||
           is_declared(b, a, found, found.performed_second);
}

std::string explanation(const Comparison& comparison, const Play& a, const Play& b, const Divergence& found) {
    const scenarios::Step& step = *found.action;
    std::string text = fmt::format("  {} and {} differ{} after step {}, line {}:  {}\n", a.mode, b.mode,
                                   is_known(a, b, found) ? " as is known" : "", step.number, step.line,
                                   printable(step.text));
    const std::size_t wide = std::max(a.mode.size(), b.mode.size());
    text += fmt::format("    {:<{}}  {}\n", a.mode, wide, what_came(a, found.first));
    text += fmt::format("    {:<{}}  {}\n", b.mode, wide, what_came(b, found.second));
    if (found.at_end) text += "    which is so at the end of the run: until then it could have come still\n";
    text += "  controllers then, where they differ\n";
    text += state_text(comparison, a, b, found);
    text += "  verdicts\n";
    for (const Play* each : {&a, &b})
        text += fmt::format("    {:<{}}  {}\n", each->mode, wide, verdict_text(*each));
    return text;
}

/// Where a mode parts from the first one.
struct Parting {
    std::size_t play;  ///< index of the other one
    Divergence found;
    std::string text;
    bool known;
};

/// How modes differ from the first.
struct Differences {
    std::string text;
    std::vector<Parting> partings;
    bool unknown = false;  ///< one of them is not known to the scenario
};

Differences differences(const Comparison& comparison, const std::vector<Play>& plays) {
    Differences result;
    const auto leeway = comparison.leeway();
    for (std::size_t i = 1; i < plays.size(); ++i) {
        const Play& a = plays.front();
        const Play& b = plays[i];
        if (!a.made || !b.made) continue;
        if (const auto found =
                scenarios::first_divergence({a.performance, a.trace}, {b.performance, b.trace}, leeway)) {
            const std::string text = explanation(comparison, a, b, *found);
            result.text += text;
            result.partings.push_back({i, *found, text, is_known(a, b, *found)});
            result.unknown = result.unknown || !is_known(a, b, *found);
        } else if (a.performance.complete != b.performance.complete) {
            result.text +=
                fmt::format("  {} and {} do the same as long as both go on\n    {}: {}\n    {}: {}\n", a.mode,
                            b.mode, a.mode, verdict_text(a), b.mode, verdict_text(b));
            result.unknown = true;
        }
    }
    return result;
}

/// What was not compared in any of the modes, a line each.
std::string left_out_text(const Comparison& comparison, const std::vector<Play>& plays) {
    std::set<std::string> lines;
    for (std::size_t i = 1; i < plays.size(); ++i) {
        if (!plays.front().made || !plays[i].made) continue;
        const auto more = scenarios::left_out({plays.front().performance, plays.front().trace},
                                              {plays[i].performance, plays[i].trace}, comparison.leeway());
        lines.insert(more.begin(), more.end());
    }
    std::string text;
    for (const std::string& line : lines) text += fmt::format("  not compared: {}\n", line);
    return text;
}

/// What a page of the comparison shows.
struct Shown {
    bool wanted = false;
    std::vector<Result> results;
    std::vector<PageDifference> differences;
};

/// The events of the run from which a page draws it, and where among them is the one at which it parts.
Result result_of(const Scenario& scenario, const vmm::Host& host, const Play& play,
                 std::optional<std::size_t> parts_at, std::optional<std::size_t>& event) {
    Result result;
    result.scenario = scenario.name;
    result.file = scenario.file.generic_string();
    result.irqchip = play.mode;
    result.kernel = host.kernel;
    result.source = scenario.source;
    result.reference = scenario.reference;
    result.verdict = play.verdict;
    if (!play.made) return result;
    // As for a failure: the event is kept, and those around it.
    scenarios::Failure place = play.verdict.failure.value_or(scenarios::Failure{});
    const bool failed = play.verdict.failure.has_value();
    if (parts_at) place.event = parts_at;
    if (parts_at || !failed) place.end = parts_at ? *parts_at + 1 : play.trace.size();
    result.recording = recording(numbered(play), parts_at || failed ? &place : nullptr);
    event = parts_at ? result.recording->marked : std::nullopt;
    const bool is_of_failure = failed && play.verdict.failure->event == place.event;
    if (!is_of_failure) result.recording->marked.reset();
    return result;
}

void show(const Scenario& scenario, const vmm::Host& host, const std::vector<Play>& plays,
          const std::vector<Parting>& partings, Shown& shown) {
    if (!shown.wanted) return;
    const std::size_t first = shown.results.size();
    std::vector<std::optional<std::size_t>> events(plays.size());
    for (std::size_t i = 0; i < plays.size(); ++i) {
        std::optional<std::size_t> at;
        for (const Parting& each : partings) {
            if (each.play == i) at = each.found.second;
            // Of several comparisons, the first mode shows where the first of them parts.
            if (i == 0 && !at) at = each.found.first;
        }
        shown.results.push_back(result_of(scenario, host, plays[i], at, events[i]));
    }
    for (const Parting& each : partings)
        shown.differences.push_back(
            {first, first + each.play, events.front(), events[each.play], each.text, each.known});
}

struct Count {
    std::size_t alike = 0;
    std::size_t different = 0;
    std::size_t known = 0;
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
             Surroundings& surroundings, Count& count, Shown& shown) {
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
    const Differences found = differences(comparison, plays);
    const std::string text = broken + found.text;
    const std::string remarks = skips + left_out_text(comparison, plays);
    show(scenario, host, plays, found.partings, shown);
    ++(!broken.empty() ? count.broken
       : text.empty()  ? count.alike
       : found.unknown ? count.different
                       : count.known);
    if (!remarks.empty() || !text.empty())
        surroundings.out << heading << text << remarks << (text.empty() ? "  otherwise alike\n" : "")
                         << std::flush;
}

int perform(const DiffCommand& command, Surroundings& surroundings) {
    need_modes_to_compare(command.between, "kernel,split");
    const auto files = load_selection(command.selection);
    const int loaded = loading_status(files);
    const vmm::Host host = surroundings.probe_host();
    Count count;
    Shown shown;
    const PageFile page(command.report);
    shown.wanted = page.wanted();
    for (const Loaded& file : files) {
        if (file.error)
            surroundings.err << printable_lines(file.error->what()) << '\n';
        else
            compare(*file.scenario, command, host, surroundings, count, shown);
    }
    PageOptions options;
    options.title = fmt::format("irqbench diff --between {}", fmt::join(command.between, ","));
    options.interrupted = surroundings.interrupted.load();
    options.differences = std::move(shown.differences);
    if (!page.write(shown.results, options)) return ExitStatus::bench_error;
    if (surroundings.interrupted.load()) {
        spdlog::warn("interrupted: these are the differences so far");
        return ExitStatus::interrupted;
    }
    surroundings.out << fmt::format("{} alike, {} different, {} known to differ, {} not compared, {}\n",
                                    count.alike, count.different, count.known, count.alone,
                                    counted(count.broken, "error"));
    if (loaded != ExitStatus::passed) return loaded;
    if (count.broken != 0) return ExitStatus::bench_error;
    if (count.different != 0) return ExitStatus::failed;
    return count.alike + count.known == 0 ? ExitStatus::nothing_executed : ExitStatus::passed;
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
    app.add_option("--report", command->report,
                   "Write an HTML page too, with the timelines of each scenario side by side")
        ->check(some_name())
        ->type_name("FILE")
        ->take_last();
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
