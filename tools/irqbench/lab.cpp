#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "scenarios/engine/architecture.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/lab_run.hpp"
#include "tools/irqbench/lab_supply.hpp"
#include "tools/lab/accelerator.hpp"
#include "tools/lab/error.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

struct LabCommand {
    std::vector<std::string> kernels = {"6.12"};
    std::string arch;
    std::string modules;
    std::string append;
    std::string gic;
    std::uint32_t cpus = 0;
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

/// The host that a machine is, with every irqchip mode there is for its architecture.
vmm::Host presumed_host(lab::Arch arch) {
    vmm::Host host = vmm::presumed_host(word(arch));
    host.is_of_lab = true;
    const auto modes = scenarios::find_architecture(host.arch)->modes;
    host.placements.assign(modes.begin(), modes.end());
    return host;
}

/// The irqbench that runs inside.
lab::Program choose_program(const LabCommand& command, lab::Arch arch, const Surroundings& surroundings) {
    fs::path program = command.program;
    if (program.empty()) {
        program = fs::read_symlink("/proc/self/exe");
        if (arch != lab::host_arch()) program = lab::program_beside(program, arch);
        if (program.empty())
            throw lab::Unavailable(
                fmt::format("machines of {} need an irqbench for {} that is linked statically: build it "
                            "(docs/lab.md), or name it with --program",
                            word(arch), word(arch)));
    }
    return lab::inspect_program(program, arch, surroundings.interrupted);
}

/// A program that is started inside finds its libraries where the one that starts it has them.
void add_libraries(const InnerCommand& inner, lab::Arch arch, lab::Program& program,
                   const Surroundings& surroundings) {
    for (const fs::path& each : inner.programs) {
        if (!lab::is_program(each)) continue;
        const auto more = lab::inspect_program(each, arch, surroundings.interrupted).libraries;
        program.libraries.insert(program.libraries.end(), more.begin(), more.end());
    }
}

/// Those of all --kernel options, each once, however it is named.
std::vector<lab::Kernel> choose_kernels(const LabCommand& command, const Supply& supply,
                                        const Surroundings& surroundings) {
    std::vector<lab::Kernel> kernels;
    for (const auto& value : command.kernels) {
        for (const auto& name : split_kernels(value)) {
            lab::Kernel kernel = choose_kernel(name, command.modules, supply, surroundings);
            const bool known = std::any_of(kernels.begin(), kernels.end(), [&kernel](const auto& each) {
                return fs::equivalent(each.image, kernel.image);
            });
            if (!known) kernels.push_back(std::move(kernel));
        }
    }
    return kernels;
}

int perform(const LabCommand& command, const std::vector<std::string>& inner, Surroundings& surroundings) {
    if (inner.empty())
        throw CLI::ValidationError("what to run inside is missing: irqbench lab ... -- run scenarios");
    const lab::Arch arch = arch_of(command.arch);
    auto parsed = parse_inner_command(inner, presumed_host(arch), surroundings);
    if (const int* ended = std::get_if<int>(&parsed)) return *ended;
    LabPlan plan;
    plan.inner = std::get<InnerCommand>(std::move(parsed));
    const Supply supply{arch, command.mirror, command.offline};
    plan.setup = {supply.arch, command.accelerator, 1, command.memory_mib, command.append};
    if (!command.gic.empty()) {
        const auto gics = lab::info(supply.arch).gics;
        if (std::find(gics.begin(), gics.end(), command.gic) == gics.end())
            throw CLI::ValidationError("--gic", fmt::format("machines of {} have no GIC", word(supply.arch)));
        plan.setup.gic = command.gic;
    }
    plan.program = choose_program(command, supply.arch, surroundings);
    add_libraries(plan.inner, supply.arch, plan.program, surroundings);
    if (command.accelerator == "kvm") lab::check_kvm_nests(supply.arch);
    plan.qemu = command.qemu.empty() ? choose_qemu(supply, surroundings)
                                     : lab::own_qemu(command.qemu, surroundings.interrupted);
    plan.kernels = choose_kernels(command, supply, surroundings);
    plan.patience.boot = std::chrono::seconds(command.boot_timeout_s);
    plan.patience.silence = std::chrono::seconds(command.timeout_s) + plan.inner.silence;
    const Shares shares =
        share_host(std::thread::hardware_concurrency(), plan.kernels.size(), command.jobs, command.cpus);
    plan.jobs = shares.machines;
    plan.setup.cpus = shares.cpus;
    plan.log_folder = lab::log_folder(surroundings.environment);
    return run_lab(plan, surroundings);
}

}  // namespace

void add_lab(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<LabCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "lab", "Boot other kernels under QEMU, and run a command of irqbench inside");
    app.add_option("--kernel", command->kernels,
                   "Kernels to boot: names as `irqbench lab kernels list` prints them, or images")
        ->allow_extra_args(false)
        ->default_str("6.12")
        ->type_name("NAME|IMAGE,...");
    add_arch(app, command->arch);
    app.add_option("--modules", command->modules,
                   "Modules of an image of your own: lib/modules/RELEASE, or a folder above it")
        ->type_name("DIR");
    app.add_option("--append", command->append, "More of the kernel's command line (may be repeated)")
        ->join(' ')
        ->type_name("ARGS");
    app.add_option("--gic", command->gic,
                   "GIC of arm64 machines, and so of those KVM makes inside; default: v3")
        ->check(CLI::IsMember({"v2", "v3"}));
    app.add_option("--smp", command->cpus,
                   "CPUs of a machine; default: 2, or 1 where the host has too few for that")
        ->check(CLI::Range(1U, 64U))
        ->type_name("N");
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
    app.add_option("--program", command->program,
                   "irqbench to run inside; default: this one, or that of the build for --arch")
        ->type_name("FILE");
    add_offline(app, command->offline);
    add_mirror(app, command->mirror);
    app.footer(
        "irqbench lab [OPTIONS] -- COMMAND runs a command of irqbench, with its arguments, inside as it\n"
        "would run here: irqbench lab --kernel 6.1,7.2 -- run scenarios --irqchip kernel,split\n\n" +
        app.get_footer());
    add_supply_commands(app, line, surroundings);
    app.callback([command, &app, &line, &surroundings] {
        if (!app.get_subcommands().empty()) return;
        line.status = unless_interrupted([&] { return perform(*command, line.behind, surroundings); });
    });
}

}  // namespace irqbench::tools
