#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "tools/import/machines.hpp"
#include "tools/import/scenario_text.hpp"
#include "tools/import/story.hpp"
#include "tools/import/trace.hpp"
#include "tools/irqbench/cli.hpp"

namespace irqbench::tools {

namespace {

struct ImportCommand {
    std::string trace;
    std::string output = "-";
    importing::Wanted wanted;
    double from = 0;
    double to = 0;
};

/// No trace's time is that long, and a double that is can be no number of nanoseconds.
constexpr double most_seconds = 1e10;

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

importing::Span span_of(const ImportCommand& command) {
    return {nanoseconds(command.from), command.to > 0 ? nanoseconds(command.to) : UINT64_MAX};
}

int perform(const ImportCommand& command, Surroundings& surroundings) {
    std::string text;
    try {
        const importing::KvmTrace trace = importing::read_trace(command.trace, span_of(command));
        const importing::Machine machine = importing::choose_machine(trace, command.wanted);
        const importing::Story story = importing::tell(trace, machine);
        importing::Heading heading;
        const std::string file = std::filesystem::path(command.trace).filename();
        heading.name = fmt::format("what {} shows", file).substr(0, 200);
        heading.source = "imported by irqbench from " + file;
        heading.remarks.push_back(fmt::format("{}: {} lines, {} events of KVM; machine: {}", file,
                                              trace.lines, trace.kvm_events, machine.words));
        if (trace.begins_late)
            heading.remarks.emplace_back("the trace's buffer was too small: its beginning is lost");
        if (trace.is_cut_off)
            heading.remarks.emplace_back("the trace ends inside of a line, which is left out");
        text = importing::write_scenario(story, machine, heading);
        surroundings.err << fmt::format(
            "{}: {}; {} steps of the trace, {} interrupts taken, {} steps inferred\n", command.trace,
            machine.words, story.happenings.size(), story.taken, story.inferred);
    } catch (const importing::TraceError& error) {
        spdlog::error("{}", error.what());
        return ExitStatus::malformed;
    } catch (const std::system_error& error) {
        throw CLI::ValidationError(error.what());
    }
    if (command.output == "-") {
        surroundings.out << text;
        return ExitStatus::passed;
    }
    std::ofstream file(command.output);
    if (!(file << text).flush()) {
        spdlog::error("{} cannot be written", command.output);
        return ExitStatus::bench_error;
    }
    return ExitStatus::passed;
}

}  // namespace

void add_import(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<ImportCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "import", "Make a scenario of a trace of the kernel's own events (kvm:*), x86; needs no KVM");
    app.add_option("TRACE", command->trace,
                   "What ftrace, trace-cmd report or perf script prints, or a trace.dat of trace-cmd")
        ->required();
    app.add_option("-o,--output", command->output, "Where the scenario is written; - prints it")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_option("--pid", command->wanted.process,
                   "The virtual machine of this process or thread; by default the one entered most")
        ->type_name("N");
    app.add_option("--comm", command->wanted.command,
                   "The virtual machine whose vCPUs' threads have names that begin so")
        ->type_name("NAME");
    app.add_option("--from", command->from, "Only what happened from then on, in the trace's own time")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, most_seconds));
    app.add_option("--to", command->to, "Only what happened until then")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, most_seconds));
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
