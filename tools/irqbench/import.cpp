#include <filesystem>
#include <memory>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/import_trace.hpp"

namespace irqbench::tools {

namespace {

struct ImportCommand {
    TraceImport import;
    double from = 0;
    double to = 0;
};

/// No trace's time is that long, and a double that is can be no number of nanoseconds.
constexpr double most_seconds = 1e10;

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

int perform(ImportCommand& command, Surroundings& surroundings) {
    TraceImport& import = command.import;
    import.name = std::filesystem::path(import.trace).filename();
    import.span = {nanoseconds(command.from), command.to > 0 ? nanoseconds(command.to) : UINT64_MAX};
    return import_trace(import, surroundings);
}

}  // namespace

void add_import(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<ImportCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "import", "Make a scenario of a trace of the kernel's own events (kvm:*), x86; needs no KVM");
    app.add_option("TRACE", command->import.trace,
                   "What ftrace, trace-cmd report or perf script prints, or a trace.dat of trace-cmd")
        ->required();
    app.add_option("-o,--output", command->import.output, "Where the scenario is written; - prints it")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_option("--pid", command->import.wanted.process,
                   "The virtual machine of this process or thread; by default the one entered most")
        ->type_name("N");
    app.add_option("--comm", command->import.wanted.command,
                   "The virtual machine whose vCPUs' threads have names that begin so")
        ->type_name("NAME");
    app.add_option("--from", command->from, "Only what happened from then on, in the trace's own time")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, most_seconds));
    app.add_option("--to", command->to, "Only what happened until then")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, most_seconds));
    add_storm(app, command->import.storm);
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
