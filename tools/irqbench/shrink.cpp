#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <exception>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "scenarios/engine/document.hpp"
#include "scenarios/engine/load.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/lab_supply.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/irqbench/shrink_player.hpp"
#include "tools/irqbench/whole_file.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/words.hpp"
#include "tools/shrink/reducer.hpp"
#include "tools/shrink/symptom.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;
using shrinking::Json;
using ShrinkClock = std::chrono::steady_clock;

struct ShrinkCommand {
    std::string file;
    std::string output;
    bool in_place = false;
    std::string irqchip = "all";
    std::string against = "model";
    std::string run;
    std::uint64_t seed = 1;
    std::uint32_t repeat = 1;
    std::uint64_t seconds = 0;  ///< 0: as long as it takes
    std::string kernel;
    bool offline = false;
    bool quiet = false;

    [[nodiscard]] bool prints() const { return output == "-"; }
};

/// A file as it was read.
struct Patient {
    Json document;
    scenarios::Scenario scenario;
};

/// That it cannot be written is better known now than when it is there. @throws std::system_error
void check_folder(const fs::path& output) {
    std::error_code error;
    const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
    const bool is_file = !fs::exists(output, error) || fs::is_regular_file(output, error);
    if (is_file && ::access(folder.c_str(), W_OK) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot write " + output.string());
}

/// Where the result goes. @throws CLI::ValidationError where it would destroy something
fs::path output_of(const ShrinkCommand& command) {
    const fs::path file = command.file;
    if (command.in_place) return file;
    if (command.prints()) return "-";
    std::error_code error;
    if (!command.output.empty()) {
        if (fs::equivalent(file, command.output, error))
            throw CLI::ValidationError("--output",
                                       command.output + " is the file itself: --in-place replaces it");
        return command.output;
    }
    fs::path path = file;
    path.replace_filename(file.stem().string() + "-shrunk.json");
    if (fs::exists(path, error))
        throw CLI::ValidationError("--output",
                                   fmt::format("{} is there already: say where to write", path.string()));
    return path;
}

/// @throws scenarios::ScenarioError
Patient patient_of(const fs::path& file) {
    // Once: it may be a pipe.
    Json document = shrinking::to_json(scenarios::read_document(file).root);
    const auto patient = [&file](Json each) {
        auto scenario = scenarios::load_text(each.dump(), file);
        return Patient{std::move(each), std::move(scenario)};
    };
    try {
        return patient(shrinking::without_groups(document, file));
    } catch (const std::exception&) {
        // For the message, which names the lines of the file itself.
        (void)scenarios::load(file);
    }
    return patient(std::move(document));
}

std::size_t step_count(const std::vector<scenarios::Step>& steps) {
    std::size_t count = 0;
    for (const scenarios::Step& step : steps) {
        ++count;
        if (step.block == nullptr) continue;
        for (const auto& [name, inner] : step.block->threads) count += step_count(inner);
    }
    return count;
}

std::size_t step_count(const scenarios::Scenario& scenario) {
    return step_count(scenario.setup) + step_count(scenario.steps);
}

std::size_t step_count(const Json& document, const fs::path& file) {
    return step_count(scenarios::load_text(document.dump(), file));
}

/// States that the file restores lie beside it, and the result may be elsewhere.
void find_states_again(Json& value, const fs::path& folder) {
    if (!value.is_structured()) return;
    if (const auto step = value.is_object() ? value.find("restore") : value.end();
        value.is_object() && step != value.end() && step->is_object() && step->contains("file")) {
        Json& name = (*step)["file"];
        std::error_code error;
        const fs::path path = name.is_string() ? folder / name.get<std::string>() : fs::path();
        if (fs::is_regular_file(path, error)) name = path.string();
    }
    for (Json& inner : value) find_states_again(inner, folder);
}

/// The file to be written: with the name of its own that files of one folder have, and what it was made of.
Json with_heading(const Json& document, const std::string& origin) {
    constexpr std::string_view mark = " (shrunk)";
    constexpr std::size_t most = 200;
    std::string name = document.value("name", "");
    if (!name.ends_with(mark) && name.size() + mark.size() <= most) name += mark;
    std::string description = document.value("description", "");
    if (!description.empty()) description += description.ends_with('.') ? " " : ". ";
    description += origin;
    Json result = Json::object();
    for (const auto& item : document.items()) {
        if (item.key() == "description") continue;
        result[item.key()] = item.key() == "name" ? Json(name) : item.value();
        if (item.key() == "name") result["description"] = description;
    }
    return result;
}

/// @returns whether it is there; else it is told, so that it is not lost
bool deliver(const std::string& text, const ShrinkCommand& command, const fs::path& output,
             Surroundings& surroundings) {
    if (command.prints()) {
        surroundings.out << text << std::flush;
        return true;
    }
    try {
        write_whole_file(output, text);
        return true;
    } catch (const std::system_error& error) {
        spdlog::error("{}", error.what());
        surroundings.err << text << std::flush;
        return false;
    }
}

class Shrinking {
  public:
    Shrinking(const ShrinkCommand& command, Patient patient, fs::path output, const vmm::Host& host,
              Surroundings& surroundings)
        : command_(command),
          output_(std::move(output)),
          patient_(std::move(patient)),
          surroundings_(surroundings),
          player_(playing(command, host), host, surroundings, command.file),
          progress_(progress_of(surroundings, command.quiet)),
          steps_(step_count(patient_.scenario)),
          smallest_(steps_) {}

    int run() {
        const auto starts = player_.start(patient_.scenario);
        if (surroundings_.interrupted.load()) return interrupted();
        if (!tell_start(starts)) return ExitStatus::nothing_executed;
        if (command_.repeat == 1 && !player_.shows(patient_.document.dump()) &&
            !surroundings_.interrupted.load())
            spdlog::warn("it does not fail in the same way every time: --repeat N tries each file N times");
        const Json result =
            shrinking::reduced(patient_.document, {[this](const Json& document) { return shows(document); },
                                                   [this] { return stops(); },
                                                   [this](const Json& document) { found(document); }});
        progress_.clear();
        return write(result);
    }

  private:
    static ShrinkPlaying playing(const ShrinkCommand& command, const vmm::Host& host) {
        ShrinkPlaying playing;
        CampaignOptions options;
        choose_modes(command.irqchip, host, options);
        playing.modes = options.modes;
        if (command.against != "none") playing.against = CLI::detail::split(command.against, ',');
        if (!command.run.empty())
            playing.run = command.run == "free" ? vmm::RunMode::free : vmm::RunMode::stepped;
        playing.seed = command.seed;
        playing.repeat = command.repeat;
        return playing;
    }

    /// What is kept. @returns false where there is nothing
    bool tell_start(const std::vector<ShrinkStart>& starts) {
        using Kind = ShrinkStart::Kind;
        bool is_absent = false;
        std::vector<std::string> failing;
        std::vector<std::string> passing;
        std::vector<std::string> others;
        for (const ShrinkStart& each : starts) {
            if (each.kind == Kind::failed && each.is_asked) {
                tell(fmt::format("keeps in {}: {}", each.mode, printable(each.words)));
                is_absent = is_absent || shrinking::is_absence(each.words);
                failing.push_back(each.mode);
            } else if (each.kind == Kind::passed) {
                passing.push_back(each.mode);
            } else if (each.kind == Kind::failed) {
                tell(fmt::format("fails in {} too, which is not kept: {}", each.mode, printable(each.words)));
            } else if (each.kind == Kind::known) {
                others.push_back(fmt::format("{}: diverges as it is known to", each.mode));
            } else if (each.is_asked) {
                others.push_back(fmt::format("{}: {}", each.mode, printable(with_remedy(each.words))));
            }
        }
        if (failing.empty()) {
            if (!passing.empty()) others.insert(others.begin(), fmt::format("passes in {}", joined(passing)));
            spdlog::error("{} does not fail, so that there is nothing to shrink: {}", command_.file,
                          fmt::join(others, "; "));
            return false;
        }
        if (!passing.empty()) {
            tell(fmt::format("goes on passing in {}", joined(passing)));
        } else {
            spdlog::warn(
                "it passes in no other mode that was played, so that nothing says what is right: {}",
                is_absent ? "what did not come may lose its cause" : "what prevents it may be taken away");
        }
        return true;
    }

    static std::string joined(const std::vector<std::string>& modes) {
        return fmt::format("{}", fmt::join(modes, ", "));
    }

    bool shows(const Json& document) {
        tell_now_and_then();
        return player_.shows(document.dump());
    }

    [[nodiscard]] bool stops() const {
        const bool is_late =
            command_.seconds != 0 && ShrinkClock::now() - begun_ >= std::chrono::seconds(command_.seconds);
        return is_late || surroundings_.interrupted.load();
    }

    void found(const Json& document) { smallest_ = step_count(document, command_.file); }

    /// A line on a terminal; elsewhere now and then one, so that a log, or the lab, does not take it for a
    /// hang.
    void tell_now_and_then() {
        constexpr std::chrono::milliseconds often(100);
        constexpr std::chrono::seconds seldom(30);
        const auto now = ShrinkClock::now();
        if (now - shown_ >= often) {
            shown_ = now;
            progress_.show(so_far());
        }
        if (command_.quiet || surroundings_.err_is_terminal || now - told_ < seldom) return;
        told_ = now;
        tell(so_far());
    }

    [[nodiscard]] std::string so_far() const {
        const double seconds = std::chrono::duration<double>(ShrinkClock::now() - begun_).count();
        return fmt::format("{} -> {}, {} tried, {:.1f} s", counted(steps_, "step"), smallest_,
                           counted(player_.tried(), "file"), seconds);
    }

    void tell(const std::string& line) const { surroundings_.err << line << '\n' << std::flush; }

    int write(const Json& result) {
        const bool was_interrupted = surroundings_.interrupted.load();
        const bool is_early = stops();
        const std::string origin = fmt::format(
            "Shrunk by irqbench from {}, {} to {}{}.", fs::path(command_.file).filename().string(),
            counted(steps_, "step"), smallest_, is_early ? "; not to the end" : "");
        Json document = with_heading(result, origin);
        const fs::path place = command_.prints() ? fs::path(command_.file) : output_;
        if (!loads(document, place)) find_states_again(document, fs::absolute(command_.file).parent_path());
        const std::string text = shrinking::file_text(document);
        tell(fmt::format("{} ({} of them no scenario){}", so_far(), player_.not_loaded(),
                         command_.prints() ? "" : ": " + output_.string()));
        if (!deliver(text, command_, output_, surroundings_)) return ExitStatus::bench_error;
        if (was_interrupted) spdlog::warn("interrupted: this is the smallest so far");
        if (was_interrupted) return ExitStatus::interrupted;
        if (is_early) spdlog::warn("the time is up: this is the smallest so far");
        return ExitStatus::passed;
    }

    static bool loads(const Json& document, const fs::path& file) {
        try {
            (void)scenarios::load_text(document.dump(), file);
            return true;
        } catch (const scenarios::ScenarioError&) {
            return false;
        }
    }

    static int interrupted() {
        spdlog::warn("interrupted before anything was taken away");
        return ExitStatus::interrupted;
    }

    const ShrinkCommand& command_;
    fs::path output_;
    Patient patient_;
    Surroundings& surroundings_;
    ShrinkPlayer player_;
    Progress progress_;
    std::size_t steps_;
    std::size_t smallest_;
    ShrinkClock::time_point begun_ = ShrinkClock::now();
    ShrinkClock::time_point shown_ = begun_;
    ShrinkClock::time_point told_ = begun_;
};

/// The same in a machine of the lab, whose result comes back on its standard output.
int perform_in_lab(const ShrinkCommand& command, const Patient& patient, const fs::path& output,
                   Surroundings& surroundings) {
    if (split_kernels(command.kernel).size() > 1)
        throw CLI::ValidationError("--kernel", "a file is shrunk on one kernel at a time");
    std::vector<std::string> arguments{"lab", "--kernel", command.kernel, "--arch", patient.scenario.arch};
    if (command.offline) arguments.emplace_back("--offline");
    const std::vector<std::string> inner{"--",
                                         "shrink",
                                         command.file,
                                         "--output",
                                         "-",
                                         "--irqchip",
                                         command.irqchip,
                                         "--against",
                                         command.against,
                                         "--seed",
                                         std::to_string(command.seed),
                                         "--repeat",
                                         std::to_string(command.repeat)};
    arguments.insert(arguments.end(), inner.begin(), inner.end());
    if (!command.run.empty()) arguments.insert(arguments.end(), {"--run", command.run});
    if (command.seconds != 0)
        arguments.insert(arguments.end(), {"--seconds", std::to_string(command.seconds)});
    if (command.quiet) arguments.emplace_back("--quiet");
    std::ostringstream text;
    Surroundings there{text,
                       surroundings.err,
                       false,
                       surroundings.err_is_terminal,
                       surroundings.environment,
                       surroundings.probe_host,
                       surroundings.make_machine,
                       surroundings.interrupted};
    CommandLine line(there);
    const int status = parse_and_run(line, arguments, there);
    if (text.str().empty()) return status;
    if (!deliver(text.str(), command, output, surroundings)) return ExitStatus::bench_error;
    if (!command.prints()) surroundings.err << fmt::format("written to {}\n", output.string()) << std::flush;
    return status;
}

int perform(const ShrinkCommand& command, Surroundings& surroundings) {
    std::error_code error;
    if (fs::is_directory(command.file, error))
        throw CLI::ValidationError("FILE", command.file + " is a folder: one file is shrunk at a time");
    const fs::path output = output_of(command);
    if (!command.prints()) check_folder(output);
    std::optional<Patient> patient;
    try {
        patient = patient_of(command.file);
    } catch (const scenarios::ScenarioError& problem) {
        spdlog::error("{}", printable(problem.what()));
        return problem.kind() == scenarios::ScenarioError::Kind::malformed ? ExitStatus::malformed
                                                                           : ExitStatus::invalid_scenario;
    }
    if (!command.kernel.empty()) return perform_in_lab(command, *patient, output, surroundings);
    const vmm::Host host = surroundings.probe_host();
    return Shrinking(command, std::move(*patient), output, host, surroundings).run();
}

}  // namespace

void add_shrink(CommandLine& line, Surroundings& surroundings) {
    constexpr std::uint32_t most_repeats = 1'000'000;
    constexpr std::uint64_t most_seconds = 1'000'000'000;
    auto command = std::make_shared<ShrinkCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "shrink", "Make the smallest scenario that fails in the same way as a large one");
    app.add_option("FILE", command->file, "A scenario file that fails")->required();
    auto* output =
        app.add_option("-o,--output", command->output,
                       "Where the small one is written; default: FILE-shrunk.json beside FILE.json; - "
                       "prints it")
            ->type_name("FILE");
    app.add_flag("--in-place", command->in_place, "Replace FILE itself")->excludes(output);
    app.add_option("--irqchip", command->irqchip,
                   "Irqchip modes: where it fails it goes on failing so, where it passes it goes on passing")
        ->check(mode_list())
        ->type_name("MODE,...")
        ->capture_default_str()
        ->take_last();
    app.add_option("--against", command->against,
                   "Modes besides in which it goes on passing, if it does: what is right there; or none")
        ->check(mode_list("none"))
        ->type_name("MODE,...")
        ->capture_default_str()
        ->take_last();
    app.add_option("--run", command->run,
                   "How vCPUs run; default: stepped, but free where a scenario is about races")
        ->check(CLI::IsMember({"stepped", "free"}));
    app.add_option("--seed", command->seed, "Model mode, free: the order in which things happen")
        ->check(whole_number())
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--repeat", command->repeat,
                   "Play each file this often: it shows the failure if any of the runs does")
        ->check(CLI::Range(1U, most_repeats))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--seconds", command->seconds,
                   "End after this time with the smallest so far; default: when nothing can be left out")
        ->check(CLI::Range(std::uint64_t{1}, most_seconds))
        ->type_name("N");
    auto* kernel =
        app.add_option("--kernel", command->kernel,
                       "In a machine of the lab with this kernel: `irqbench lab --kernel K -- shrink`")
            ->type_name("NAME|IMAGE");
    app.add_flag("--offline", command->offline, "With --kernel: fetch nothing")->needs(kernel);
    app.add_flag("--quiet,-q", command->quiet, "No progress line");
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
