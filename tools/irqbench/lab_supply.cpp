#include "tools/irqbench/lab_supply.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "tools/lab/error.hpp"
#include "tools/lab/kernels.hpp"
#include "tools/lab/own_kernel.hpp"
#include "tools/lab/program.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

/// The arguments of `lab kernels ...` and `lab qemu`.
struct SupplyCommand {
    std::string arch;
    std::string mirror;
    bool offline = false;
    bool update = false;
    std::vector<std::string> names;

    [[nodiscard]] Supply supply() const { return {arch_of(arch), mirror, offline}; }
};

/// @throws lab::Unavailable when there is no place for the cache
lab::Fetching fetching(const Supply& supply, const Surroundings& surroundings) {
    return {lab::cache_folder(surroundings.environment),
            supply.mirror.empty() ? surroundings.environment("IRQBENCH_MIRROR") : supply.mirror,
            surroundings.interrupted, [](const std::string& text) { spdlog::info("{}", text); }};
}

bool is_named(const std::string& name) {
    const auto named = lab::named_kernels();
    return std::any_of(named.begin(), named.end(), [&name](const auto& each) { return each.name == name; });
}

int print_qemu(const SupplyCommand& command, Surroundings& surroundings) {
    const auto qemu = choose_qemu(command.supply(), surroundings);
    surroundings.out << fmt::format("{} {}\n", qemu.version, lab::file_of(qemu).string());
    return ExitStatus::passed;
}

int list_kernels(const SupplyCommand& command, Surroundings& surroundings) {
    const auto cache = lab::cache_folder(surroundings.environment);
    for (const auto& named : lab::named_kernels()) {
        const auto kernel = lab::cached_kernel(cache, arch_of(command.arch), named.name);
        surroundings.out << fmt::format(
            "{:<6} {}\n", named.name,
            kernel ? fmt::format("{} ({})", kernel->release, kernel->package_version) : "not fetched");
    }
    return ExitStatus::passed;
}

int fetch_kernels(const SupplyCommand& command, Surroundings& surroundings) {
    const Supply supply = command.supply();
    for (const auto& name : command.names) {
        const auto kernel =
            lab::fetch_kernel(name, supply.arch, fetching(supply, surroundings), command.update);
        surroundings.out << fmt::format("{:<6} {} ({})\n", name, kernel.release, kernel.package_version);
    }
    return ExitStatus::passed;
}

/// Options that stand before the words of this command, which ends in `app`.
/// @throws CLI::ValidationError for one that it does not have
void take_options_before(const CLI::App& lab_app, CLI::App& app) {
    for (const CLI::Option* given : lab_app.get_options()) {
        if (given->count() == 0) continue;
        CLI::Option* own = app.get_option_no_throw(given->get_name());
        if (own == nullptr)
            throw CLI::ValidationError(
                fmt::format("{} is for machines, and `{}` boots none", given->get_name(), app.get_name()));
        if (own->count() > 0) continue;
        own->add_result(given->results());
        own->run_callback();
    }
}

using Action = int (*)(const SupplyCommand&, Surroundings&);

void set_action(CLI::App& app, const CLI::App& lab_app, const std::shared_ptr<SupplyCommand>& command,
                CommandLine& line, Surroundings& surroundings, Action action) {
    app.callback([&app, &lab_app, command, &line, &surroundings, action] {
        if (!line.behind.empty())
            throw CLI::ValidationError(
                fmt::format("what is behind -- runs in a machine, and `{}` boots none", app.get_name()));
        take_options_before(lab_app, app);
        line.status = unless_interrupted([&] { return action(*command, surroundings); });
    });
}

void add_qemu(CLI::App& lab_app, CommandLine& line, Surroundings& surroundings) {
    CLI::App& app =
        *lab_app.add_subcommand("qemu", "Which QEMU is used; fetches one where the host's is too old");
    auto command = std::make_shared<SupplyCommand>();
    add_arch(app, command->arch);
    add_mirror(app, command->mirror);
    add_offline(app, command->offline);
    set_action(app, lab_app, command, line, surroundings, print_qemu);
}

void add_kernels(CLI::App& lab_app, CommandLine& line, Surroundings& surroundings) {
    CLI::App& app = *lab_app.add_subcommand("kernels", "Which kernels there are, and fetching them");
    app.require_subcommand(1);
    CLI::App& list = *app.add_subcommand("list", "The named kernels, and what is in the cache");
    auto listed = std::make_shared<SupplyCommand>();
    add_arch(list, listed->arch);
    set_action(list, lab_app, listed, line, surroundings, list_kernels);

    CLI::App& fetch = *app.add_subcommand("fetch", "Fetch kernels into the cache, for use without a network");
    auto fetched = std::make_shared<SupplyCommand>();
    add_arch(fetch, fetched->arch);
    add_mirror(fetch, fetched->mirror);
    fetch.add_flag("--update", fetched->update, "Look for a newer release of those that are there");
    fetch.add_option("NAME", fetched->names, "Names as `list` prints them")
        ->required()
        ->check(CLI::Validator(
            [](const std::string& name) {
                return is_named(name) ? "" : fmt::format("{} is none of {}", name, lab::kernel_names());
            },
            "NAME"));
    set_action(fetch, lab_app, fetched, line, surroundings, fetch_kernels);
}

}  // namespace

lab::Arch arch_of(const std::string& asked) {
    if (asked.empty()) return lab::host_arch();
    const auto found = std::find_if(lab::archs.begin(), lab::archs.end(),
                                    [&](const lab::ArchInfo& each) { return each.word == asked; });
    return found == lab::archs.end() ? throw std::invalid_argument("no architecture: " + asked) : found->arch;
}

lab::Qemu choose_qemu(const Supply& supply, const Surroundings& surroundings) {
    const auto cache = lab::find_cache_folder(surroundings.environment);
    auto search = lab::find_qemu(supply.arch, cache.value_or(fs::path()), surroundings.interrupted);
    if (search.found) return std::move(*search.found);
    if (supply.offline) throw lab::Unavailable(search.why_not);
    return lab::fetch_qemu(supply.arch, fetching(supply, surroundings));
}

std::vector<std::string> split_kernels(const std::string& value) {
    std::error_code error;
    return fs::exists(value, error) ? std::vector{value} : CLI::detail::split(value, ',');
}

lab::Kernel choose_kernel(const std::string& name, const fs::path& modules, const Supply& supply,
                          const Surroundings& surroundings) {
    if (!is_named(name)) {
        if (!fs::exists(name))
            throw CLI::ValidationError(
                fmt::format("--kernel: {} is neither an image nor one of {}", name, lab::kernel_names()));
        return lab::own_kernel(name, modules, supply.arch);
    }
    if (!modules.empty())
        throw CLI::ValidationError(
            fmt::format("--modules: the kernel {} has its own; it goes with an image", name));
    const auto cache = lab::cache_folder(surroundings.environment);
    if (auto kernel = lab::cached_kernel(cache, supply.arch, name)) return std::move(*kernel);
    if (supply.offline)
        throw lab::Unavailable(fmt::format(
            "the kernel {} is not in the cache; `irqbench lab kernels fetch {}` fetches it", name, name));
    return lab::fetch_kernel(name, supply.arch, fetching(supply, surroundings));
}

namespace {

std::vector<std::string> arch_words() {
    std::vector<std::string> words;
    for (const lab::ArchInfo& each : lab::archs) words.emplace_back(each.word);
    return words;
}

}  // namespace

void add_arch(CLI::App& app, std::string& arch) {
    app.add_option("--arch", arch, "Architecture of the machines; default: the host's")
        ->check(CLI::IsMember(arch_words()));
}

void add_mirror(CLI::App& app, std::string& mirror) {
    app.add_option("--mirror", mirror,
                   "Debian mirror to fetch from; default: IRQBENCH_MIRROR, or the one the host's apt uses")
        ->type_name("URL");
}

void add_offline(CLI::App& app, bool& offline) { app.add_flag("--offline", offline, "Fetch nothing"); }

void add_supply_commands(CLI::App& lab_app, CommandLine& line, Surroundings& surroundings) {
    add_kernels(lab_app, line, surroundings);
    add_qemu(lab_app, line, surroundings);
}

int unless_interrupted(const std::function<int()>& action) {
    try {
        return action();
    } catch (const lab::Interrupted&) {
        spdlog::warn("interrupted");
        return ExitStatus::interrupted;
    }
}

}  // namespace irqbench::tools
