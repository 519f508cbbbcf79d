#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "scenarios/engine/architecture.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/fuzz_author.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Clock = std::chrono::steady_clock;
using fuzz::Pair;

/// Plays cases until the time or their number is up.
class Search {
  public:
    Search(const FuzzCommand& command, const fuzz::Architecture& architecture,
           const fuzz::GeneratorOptions& generator, const fuzz::Player& player,
           const Surroundings& surroundings)
        : command_(command),
          architecture_(architecture),
          generator_(generator),
          player_(player),
          surroundings_(surroundings) {}

    void run(Progress& progress) {
        begun_ = told_ = Clock::now();
        std::vector<std::thread> workers;
        for (std::uint32_t i = 0; i < command_.jobs; ++i) workers.emplace_back([this] { work(); });
        for (std::unique_lock lock(mutex_); over_ < command_.jobs;) {
            changed_.wait_for(lock, std::chrono::milliseconds(200));
            progress.show({played_, command_.count, differing_, fmt::format("{} scenarios", played_)});
            tell_now_and_then();
        }
        for (auto& worker : workers) worker.join();
        progress.clear();
        took_ = Clock::now() - begun_;
    }

    [[nodiscard]] const Findings& findings() const { return findings_; }
    [[nodiscard]] std::uint64_t played() const { return played_; }
    [[nodiscard]] std::uint64_t differing() const { return differing_; }
    /// What ended the search early: to be told after what was found.
    [[nodiscard]] std::exception_ptr failure() const { return failure_; }
    /// How often the reference broke, so that nothing could be compared, and how it did first.
    [[nodiscard]] std::uint64_t broken() const { return broken_; }
    [[nodiscard]] const std::string& first_trouble() const { return first_trouble_; }
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(took_).count(); }

  private:
    /// Where there is no progress line, so that a log, or the lab, does not take a long search for a hang.
    void tell_now_and_then() {
        constexpr std::chrono::seconds pause(30);
        if (command_.quiet || surroundings_.err_is_terminal || Clock::now() - told_ < pause) return;
        told_ = Clock::now();
        surroundings_.err << fmt::format("{} scenarios so far, {} different\n", played_, differing_)
                          << std::flush;
    }

    std::optional<std::uint64_t> next_case() {
        const std::lock_guard lock(mutex_);
        if (surroundings_.interrupted.load() || failure_) return std::nullopt;
        const std::uint64_t most = command_.only ? 1 : command_.count;
        if (most != 0 ? taken_ == most : Clock::now() - begun_ >= std::chrono::seconds(command_.seconds))
            return std::nullopt;
        return command_.only.value_or(command_.first) + taken_++;
    }

    void work() {
        try {
            while (const auto number = next_case()) play(*number);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            failure_ = std::current_exception();
        }
        const std::lock_guard lock(mutex_);
        ++over_;
        changed_.notify_all();
    }

    void play(std::uint64_t number) {
        const Pair begun = player_.begin(fuzz::generate(architecture_, command_.seed, number, generator_));
        bool differs = false;
        for (std::size_t i = 1; i < command_.between.size(); ++i) {
            Pair pair = begun;
            player_.compare(pair, command_.between[i]);
            if (!pair.divergence) continue;
            differs = true;
            const std::lock_guard lock(mutex_);
            Finding& found = findings_[{command_.between[i], kind_of(pair)}];
            if (found.count++ != 0 && found.number < number) continue;
            found.number = number;
            found.each = pair.each;
        }
        const std::lock_guard lock(mutex_);
        if (!begun.trouble.empty() && broken_++ == 0)
            first_trouble_ = fmt::format("seed {}, case {}: {}", command_.seed, number, begun.trouble);
        ++played_;
        differing_ += differs ? 1 : 0;
    }

    const FuzzCommand& command_;
    const fuzz::Architecture& architecture_;
    const fuzz::GeneratorOptions& generator_;
    const fuzz::Player& player_;
    const Surroundings& surroundings_;
    std::mutex mutex_;  ///< of everything below
    std::condition_variable changed_;
    Clock::time_point begun_;
    Clock::time_point told_;
    Clock::duration took_{};
    Findings findings_;
    std::uint64_t taken_ = 0;
    std::uint64_t played_ = 0;
    std::uint64_t differing_ = 0;
    std::uint64_t broken_ = 0;
    std::string first_trouble_;
    std::uint32_t over_ = 0;
    std::exception_ptr failure_;
};

/// Why there is nothing to compare here; nothing if there is.
std::optional<std::string> unplayable(const FuzzCommand& command, const fuzz::Architecture& architecture,
                                      const fuzz::GeneratorOptions& generator, const vmm::Host& host) {
    fuzz::Case nothing;
    nothing.architecture = &architecture;
    const auto smallest = fuzz::load_stimuli(nothing);
    for (const std::string& mode : command.between)
        if (const auto reason = scenarios::skip_reason(smallest, mode, host, vmm::RunMode::stepped)) {
            const auto modes = scenarios::find_architecture(architecture.name)->modes;
            const bool is_foreign = std::find(modes.begin(), modes.end(), mode) != modes.end() &&
                                    !scenarios::runs_architecture(architecture.name, mode, host);
            return fmt::format("{}: {}{}", mode, *reason,
                               is_foreign ? fmt::format("; `irqbench lab --arch {} -- fuzz ...` plays on one",
                                                        architecture.name)
                                          : "");
        }
    if (auto reason = architecture.impossible(generator.without); !reason.empty()) return reason;
    return std::nullopt;
}

/// @throws CLI::ValidationError when there is none
const fuzz::Architecture& architecture_for(const FuzzCommand& command, const vmm::Host& host) {
    const std::string& name = command.arch.empty() ? host.arch : command.arch;
    const fuzz::Architecture* found = fuzz::find_architecture(name);
    if (found == nullptr) throw CLI::ValidationError("--arch", fmt::format("nothing is made for '{}'", name));
    return *found;
}

/// @throws CLI::ValidationError for what scenarios of the architecture never use
fuzz::GeneratorOptions generator_for(const FuzzCommand& command, const fuzz::Architecture& architecture,
                                     const vmm::Host& host) {
    fuzz::GeneratorOptions options{fuzz::excluded(architecture, command.between, host), command.max_steps};
    for (const std::string& name : command.without) {
        try {
            options.without.push_back(fuzz::feature_of(architecture, name));
        } catch (const std::out_of_range&) {
            throw CLI::ValidationError(
                "--without", fmt::format("scenarios for {} make no use of {}", architecture.name, name));
        }
    }
    return options;
}

std::vector<std::string> architecture_names() {
    std::vector<std::string> names;
    for (const fuzz::Architecture* each : fuzz::architectures()) names.emplace_back(each->name);
    return names;
}

int perform(const FuzzCommand& command, Surroundings& surroundings) {
    need_modes_to_compare(command.between, "userspace,model");
    if (!command.prints() && !std::filesystem::is_directory(command.out))
        throw CLI::ValidationError("--out", fmt::format("'{}' is no folder", command.out));
    const vmm::Host host = surroundings.probe_host();
    const fuzz::Architecture& architecture = architecture_for(command, host);
    const fuzz::GeneratorOptions generator = generator_for(command, architecture, host);
    if (const auto reason = unplayable(command, architecture, generator, host)) {
        spdlog::error("nothing to compare: {}", printable(with_remedy(*reason)));
        return ExitStatus::nothing_executed;
    }
    const fuzz::Player player(surroundings.make_machine, command.between.front());
    Search search(command, architecture, generator, player, surroundings);
    Progress progress = progress_of(surroundings, command.quiet);
    search.run(progress);
    FuzzAuthor author(command, architecture, generator, player, surroundings);
    for (const auto& [which, finding] : search.findings()) author.write(which.first, which.second, finding);
    author.story() << fmt::format("seed {}: {}, {:.0f} a second; {} different, of {}\n", command.seed,
                                  counted(search.played(), "scenario"),
                                  static_cast<double>(search.played()) / std::max(search.seconds(), 1e-3),
                                  search.differing(), counted(search.findings().size(), "kind"));
    if (search.broken() != 0)
        spdlog::error("{} broke in {}, first in {}", command.between.front(),
                      counted(search.broken(), "scenario"), printable(search.first_trouble()));
    if (search.failure()) std::rethrow_exception(search.failure());
    if (surroundings.interrupted.load()) {
        spdlog::warn("interrupted: these are the differences so far");
        return ExitStatus::interrupted;
    }
    if (search.played() == 0) return ExitStatus::nothing_executed;
    if (search.broken() != 0 || author.failed()) return ExitStatus::bench_error;
    return search.findings().empty() ? ExitStatus::passed : ExitStatus::failed;
}

}  // namespace

void add_fuzz(CommandLine& line, Surroundings& surroundings) {
    constexpr std::uint64_t most_seconds = 1'000'000'000;
    constexpr std::uint32_t most_jobs = 256;
    constexpr std::uint32_t most_steps = 1000;
    auto command = std::make_shared<FuzzCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "fuzz", "Play random scenarios in several irqchip modes, and write the smallest that differ");
    app.add_option("--between", command->between, "Irqchip modes: each is compared with the first")
        ->required()
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(irqchip_modes), std::end(irqchip_modes))))
        ->type_name("MODE,MODE,...");
    app.add_option("--arch", command->arch, "Architecture of the scenarios; default: the host's")
        ->check(CLI::IsMember(architecture_names()));
    auto* seconds = app.add_option("--seconds", command->seconds, "How long to look for differences")
                        ->check(CLI::Range(std::uint64_t{1}, most_seconds))
                        ->capture_default_str()
                        ->type_name("N");
    auto* count = app.add_option("--count", command->count, "How many scenarios, however long it takes")
                      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40))
                      ->excludes("--seconds")
                      ->type_name("N");
    app.add_option("--seed", command->seed, "Another seed makes other scenarios")
        ->check(whole_number())
        ->capture_default_str()
        ->type_name("N");
    auto* first = app.add_option("--first", command->first, "Number of the first scenario of the seed")
                      ->check(whole_number())
                      ->capture_default_str()
                      ->type_name("N");
    auto* only =
        app.add_option("--case", command->only,
                       "The only scenario of the seed to play; instead of --first, --count, --seconds")
            ->check(whole_number())
            ->type_name("N");
    app.add_option("--max-steps", command->max_steps, "Steps of a scenario, at most")
        ->check(CLI::Range(5U, most_steps))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--without", command->without, "Make no use of these, beyond what is known to differ")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember(fuzz::feature_names()))
        ->type_name("FEATURE,FEATURE,...");
    app.add_option("--jobs,-j", command->jobs, "Host threads, each with machines of its own")
        ->check(CLI::Range(1U, most_jobs))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--out", command->out, "Folder for the scenarios that differ; - prints them")
        ->capture_default_str()
        ->type_name("DIR");
    app.add_flag("--quiet,-q", command->quiet, "No progress line");
    app.callback([command, &line, &surroundings, only, others = std::array{seconds, count, first}] {
        // Not excludes(): the help would list several in the order of their addresses.
        for (const auto* other : others)
            if (*only && *other) throw CLI::ExcludesError(only->get_name(), other->get_name());
        line.status = perform(*command, surroundings);
    });
}

}  // namespace irqbench::tools
