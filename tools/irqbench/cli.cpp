#include "tools/irqbench/cli.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace irqbench::tools {

namespace {

constexpr const char* version_text = "irqbench " IRQBENCH_VERSION;

constexpr const char* footer =
    "Exit status: 0 all passed, 1 something failed, 2 malformed input or usage, 3 host or bench error,\n"
    "4 invalid scenario, 5 nothing was executed, 130 interrupted.";

}  // namespace

CommandLine::CommandLine(Surroundings& surroundings)
    : app("A test bench for interrupt controllers and interrupt routing on KVM.", "irqbench") {
    app.set_version_flag("--version", version_text, "Print the version and exit");
    app.require_subcommand(1);
    app.footer(footer);
    add_run(*this, surroundings);
    add_list(*this, surroundings);
    add_check(*this, surroundings);
    add_explain(*this, surroundings);
    add_caps(*this, surroundings);
    add_schema(*this, surroundings);
    add_completion(*this, surroundings);
    for (CLI::App* command : app.get_subcommands({}))
        command->set_version_flag("--version", version_text, "Print the version and exit");
}

namespace {

/// CLI11 says of a wrong first word only that a subcommand is required.
void refuse_unknown_command(const CLI::App& app, const std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments.front().rfind('-', 0) == 0) return;
    std::string known;
    for (const CLI::App* command : app.get_subcommands({})) {
        if (command->get_name() == arguments.front()) return;
        known += (known.empty() ? "" : ", ") + command->get_name();
    }
    throw CLI::ValidationError(
        fmt::format("\"{}\" is no subcommand; these are: {}", arguments.front(), known));
}

int parse_and_run(const std::vector<std::string>& arguments, Surroundings& surroundings) {
    CommandLine line(surroundings);
    try {
        refuse_unknown_command(line.app, arguments);
        // CLI11 takes the arguments in reverse.
        line.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
        return line.status;
    } catch (const CLI::ParseError& error) {
        const int status = line.app.exit(error, surroundings.out, surroundings.err);
        return status == 0 ? ExitStatus::passed : ExitStatus::malformed;
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return ExitStatus::bench_error;
    }
}

}  // namespace

int run_irqbench(const std::vector<std::string>& arguments, Surroundings& surroundings) {
    const int status = parse_and_run(arguments, surroundings);
    // A full disk shows only when what is buffered is written.
    if (surroundings.out.flush()) return status;
    spdlog::error("the output could not be written");
    return ExitStatus::bench_error;
}

}  // namespace irqbench::tools
