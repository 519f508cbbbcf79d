#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/lab_run.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/kernels.hpp"
#include "tools/lab/own_kernel.hpp"
#include "tools/lab/qemu.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

struct LabCommand {
    std::vector<std::string> kernels = {"6.12"};
    std::string arch;
    std::string modules;
    std::string append;
    std::uint32_t cpus = 2;
    std::uint32_t memory_mib = 1024;
    std::string accelerator = "tcg";
    std::uint32_t jobs = 0;
    std::string qemu;
    std::string program;
    std::uint32_t boot_timeout_s = 60;
    std::uint32_t timeout_s = 120;
    bool offline = false;
    std::string mirror;
};

struct KernelsCommand {
    std::string arch;
    std::string mirror;
    std::vector<std::string> names;
    bool update = false;
};

lab::Arch arch_of(const std::string& asked) {
    if (asked.empty()) return lab::host_arch();
    return asked == lab::word(lab::Arch::x86_64) ? lab::Arch::x86_64 : lab::Arch::arm64;
}

lab::Fetching fetching(const Surroundings& surroundings, const std::string& mirror) {
    return {lab::cache_folder(surroundings.environment),
            mirror.empty() ? surroundings.environment("IRQBENCH_MIRROR") : mirror, surroundings.interrupted,
            [](const std::string& text) { spdlog::info("{}", text); }};
}

bool is_named(const std::string& name) {
    const auto named = lab::named_kernels();
    return std::any_of(named.begin(), named.end(), [&name](const auto& each) { return each.name == name; });
}

lab::Kernel find_kernel(const std::string& name, lab::Arch arch, const LabCommand& command,
                        const lab::Fetching& fetching) {
    if (!is_named(name)) {
        if (!fs::exists(name))
            throw CLI::ValidationError(
                fmt::format("--kernel: {} is neither an image nor one of {}", name, lab::kernel_names()));
        return lab::own_kernel(name, command.modules, arch);
    }
    if (!command.modules.empty())
        throw CLI::ValidationError(
            fmt::format("--modules: the kernel {} has its own; it goes with an image", name));
    if (auto kernel = lab::cached_kernel(fetching.cache, arch, name)) return std::move(*kernel);
    if (command.offline)
        throw lab::Unavailable(
            fmt::format("the kernel {} is not in the cache; `irqbench lab kernels fetch "
                        "{}` fetches it",
                        name, name));
    return lab::fetch_kernel(name, arch, fetching);
}

/// The host's or the cached one, else one that is fetched unless that is forbidden.
lab::Qemu choose_qemu(lab::Arch arch, const lab::Fetching& fetching, bool offline) {
    auto search = lab::find_qemu(arch, fetching.cache, fetching.interrupted);
    if (search.found) return std::move(*search.found);
    if (offline) throw lab::Unavailable(search.why_not);
    return lab::fetch_qemu(arch, fetching);
}

/// A machine boots on one of its CPUs, and most scenarios use one: it keeps about one of the host's busy.
std::uint32_t machines_at_a_time(const LabCommand& command) {
    return command.jobs != 0 ? command.jobs : std::max(1U, std::thread::hardware_concurrency());
}

int perform(const LabCommand& command, const std::vector<std::string>& inner, Surroundings& surroundings) {
    if (inner.empty())
        throw CLI::ValidationError("what to run inside is missing: irqbench lab ... -- run scenarios");
    auto parsed = parse_inner_command(inner, surroundings);
    if (const int* ended = std::get_if<int>(&parsed)) return *ended;
    LabPlan plan;
    plan.inner = std::get<InnerCommand>(std::move(parsed));
    const lab::Fetching how = fetching(surroundings, command.mirror);
    plan.setup = {arch_of(command.arch), command.accelerator, command.cpus, command.memory_mib,
                  command.append};
    plan.program = lab::inspect_program(
        command.program.empty() ? fs::read_symlink("/proc/self/exe") : fs::path(command.program),
        plan.setup.arch, surroundings.interrupted);
    plan.qemu = command.qemu.empty() ? choose_qemu(plan.setup.arch, how, command.offline)
                                     : lab::own_qemu(command.qemu, how.interrupted);
    for (const auto& name : command.kernels)
        plan.kernels.push_back(find_kernel(name, plan.setup.arch, command, how));
    plan.patience.boot = std::chrono::seconds(command.boot_timeout_s);
    plan.patience.silence = std::chrono::seconds(command.timeout_s);
    plan.jobs = machines_at_a_time(command);
    plan.log_folder = how.cache / "logs";
    return run_lab(plan, surroundings);
}

int list_kernels(const KernelsCommand& command, Surroundings& surroundings) {
    const auto cache = lab::cache_folder(surroundings.environment);
    const lab::Arch arch = arch_of(command.arch);
    for (const auto& named : lab::named_kernels()) {
        const auto kernel = lab::cached_kernel(cache, arch, named.name);
        surroundings.out << fmt::format(
            "{:<6} {}\n", named.name,
            kernel ? fmt::format("{} ({})", kernel->release, kernel->package_version) : "not fetched");
    }
    return ExitStatus::passed;
}

int fetch_kernels(const KernelsCommand& command, Surroundings& surroundings) {
    for (const auto& name : command.names) {
        const auto kernel = lab::fetch_kernel(name, arch_of(command.arch),
                                              fetching(surroundings, command.mirror), command.update);
        surroundings.out << fmt::format("{:<6} {} ({})\n", name, kernel.release, kernel.package_version);
    }
    return ExitStatus::passed;
}

/// What goes wrong while something is fetched is the host's affair; Ctrl-C has its own status.
template <class Action>
int guarded(Action action) {
    try {
        return action();
    } catch (const lab::Interrupted&) {
        spdlog::warn("interrupted");
        return ExitStatus::interrupted;
    }
}

void add_arch(CLI::App& app, std::string& arch) {
    app.add_option("--arch", arch, "Architecture of the machines; default: the host's")
        ->check(CLI::IsMember({"x86_64", "arm64"}));
}

void add_mirror(CLI::App& app, std::string& mirror) {
    app.add_option("--mirror", mirror,
                   "Debian mirror to fetch from; default: IRQBENCH_MIRROR, or the one the host's apt uses")
        ->type_name("URL");
}

void add_qemu(CLI::App& lab_app, CommandLine& line, Surroundings& surroundings) {
    CLI::App& app =
        *lab_app.add_subcommand("qemu", "Which QEMU is used; fetches one where the host's is too old");
    auto command = std::make_shared<KernelsCommand>();
    add_arch(app, command->arch);
    add_mirror(app, command->mirror);
    app.callback([command, &line, &surroundings] {
        line.status = guarded([&] {
            const auto qemu =
                choose_qemu(arch_of(command->arch), fetching(surroundings, command->mirror), false);
            surroundings.out << fmt::format("{} {}\n", qemu.version, lab::file_of(qemu).string());
            return int{ExitStatus::passed};
        });
    });
}

void add_kernels(CLI::App& lab_app, CommandLine& line, Surroundings& surroundings) {
    CLI::App& app = *lab_app.add_subcommand("kernels", "Which kernels there are, and fetching them");
    app.require_subcommand(1);
    CLI::App& list = *app.add_subcommand("list", "The named kernels, and what is in the cache");
    auto listed = std::make_shared<KernelsCommand>();
    add_arch(list, listed->arch);
    list.callback([listed, &line, &surroundings] { line.status = list_kernels(*listed, surroundings); });

    CLI::App& fetch = *app.add_subcommand("fetch", "Fetch kernels into the cache, for use without a network");
    auto fetched = std::make_shared<KernelsCommand>();
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
    fetch.callback([fetched, &line, &surroundings] {
        line.status = guarded([&] { return fetch_kernels(*fetched, surroundings); });
    });
}

}  // namespace

void add_lab(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<LabCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "lab", "Boot other kernels under QEMU, and run a command of irqbench inside");
    app.add_option("--kernel", command->kernels,
                   "Kernels to boot: names as `irqbench lab kernels list` prints them, or images")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->default_str("6.12")
        ->type_name("NAME|IMAGE,...");
    add_arch(app, command->arch);
    app.add_option("--modules", command->modules,
                   "Modules of an image of your own: lib/modules/RELEASE, or a folder above it")
        ->type_name("DIR");
    app.add_option("--append", command->append, "More of the kernel's command line")->type_name("ARGS");
    app.add_option("--smp", command->cpus, "CPUs of a machine")
        ->check(CLI::Range(1U, 64U))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--memory", command->memory_mib, "Memory of a machine, in MiB")
        ->check(CLI::Range(256U, 65536U))
        ->type_name("MIB")
        ->capture_default_str();
    app.add_option("--accel", command->accelerator,
                   "tcg emulates the CPU with its virtualisation extension; kvm nests in the host's KVM")
        ->check(CLI::IsMember({"tcg", "kvm"}))
        ->capture_default_str();
    app.add_option("--jobs,-j", command->jobs, "Machines at a time; default: as many as the host has CPUs")
        ->check(CLI::Range(1U, 64U))
        ->type_name("N");
    app.add_option("--timeout", command->timeout_s,
                   "Seconds without a word from inside after which the machine counts as hung")
        ->check(CLI::Range(1U, 86400U))
        ->type_name("S")
        ->capture_default_str();
    app.add_option("--boot-timeout", command->boot_timeout_s,
                   "Seconds that a boot may take; it is tried three times")
        ->check(CLI::Range(1U, 86400U))
        ->type_name("S")
        ->capture_default_str();
    app.add_option("--qemu", command->qemu, "QEMU to use; default: the host's, else one that is fetched")
        ->type_name("FILE");
    app.add_option("--program", command->program, "irqbench to run inside; default: this one")
        ->type_name("FILE");
    app.add_flag("--offline", command->offline, "Fetch nothing");
    add_mirror(app, command->mirror);
    app.footer(
        "irqbench lab [OPTIONS] -- COMMAND runs a command of irqbench, with its arguments, inside as it\n"
        "would run here: irqbench lab --kernel 6.1,7.2 -- run scenarios --irqchip kernel,split\n\n" +
        app.get_footer());
    add_kernels(app, line, surroundings);
    add_qemu(app, line, surroundings);
    app.callback([command, &app, &line, &surroundings] {
        if (!app.get_subcommands().empty()) return;
        line.status = guarded([&] { return perform(*command, line.behind, surroundings); });
    });
}

}  // namespace irqbench::tools
