#include "tools/irqbench/cli.hpp"

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

int run_irqbench(const std::vector<std::string>& arguments, Surroundings& surroundings) {
    CommandLine line(surroundings);
    try {
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

}  // namespace irqbench::tools
