#include "tools/irqbench/import_trace.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <system_error>

#include "tools/import/architecture.hpp"
#include "tools/irqbench/whole_file.hpp"

namespace irqbench::tools {

void add_storm(CLI::App& app, std::uint32_t& storm) {
    app.add_option("--storm", storm,
                   "An interrupt that N EOIs in a row have brought back is a storm: there the scenario ends, "
                   "and fails")
        ->type_name("N")
        ->check(CLI::Range(1U, 100'000U));
}

void refuse_storm_of(std::string_view arch, std::uint32_t storm) {
    if (storm != 0 && !importing::finds_storms(arch))
        throw CLI::ValidationError("--storm",
                                   fmt::format("storms are not looked for in traces of {} hosts", arch));
}

int import_trace(const TraceImport& import, Surroundings& surroundings) {
    std::string text;
    try {
        importing::KvmTrace trace = importing::read_trace(import.trace, import.span);
        const importing::Machine machine = importing::choose_machine(trace, import.wanted);
        importing::Heading heading;
        heading.name = fmt::format("what {} shows", import.name).substr(0, 200);
        heading.source = "imported by irqbench from " + import.name;
        heading.remarks.push_back(fmt::format("{}: {} lines, {} events of KVM; machine: {}", import.name,
                                              trace.lines, trace.kvm_events, machine.words));
        if (trace.begins_late)
            heading.remarks.emplace_back("the trace's buffer was too small: its beginning is lost");
        if (trace.is_cut_off)
            heading.remarks.emplace_back("the trace ends inside of a line, which is left out");
        const importing::Imported imported =
            importing::import_machine(std::move(trace), machine, heading, import.storm);
        text = imported.text;
        surroundings.err << fmt::format(
            "{}: {}; {} steps of the trace, {} interrupts taken, {} steps inferred\n", import.name,
            machine.words, imported.steps, imported.taken, imported.inferred);
        if (!imported.storm.empty()) surroundings.err << import.name << ": " << imported.storm << "\n";
    } catch (const importing::TraceError& error) {
        // A recording has no file that anybody knows.
        const std::string words = error.what();
        const bool is_named = words.starts_with(import.trace) && import.name.starts_with("a recording");
        spdlog::error("{}", is_named ? import.name + words.substr(import.trace.size()) : words);
        return ExitStatus::malformed;
    } catch (const std::system_error& error) {
        throw CLI::ValidationError(error.what());
    }
    if (import.output == "-") {
        surroundings.out << text;
        return ExitStatus::passed;
    }
    try {
        write_whole_file(import.output, text);
        return ExitStatus::passed;
    } catch (const std::system_error& error) {
        spdlog::error("{}", error.what());
        return ExitStatus::bench_error;
    }
}

}  // namespace irqbench::tools
