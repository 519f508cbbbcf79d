#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tools/irqbench/surroundings.hpp"

namespace irqbench::tools {

/// The command line: every subcommand adds itself, and leaves its exit status in `status` when it has run.
struct CommandLine {
    explicit CommandLine(Surroundings& surroundings);

    CLI::App app;
    int status = 0;
};

/// Parses and runs. @returns the exit status
int run_irqbench(const std::vector<std::string>& arguments, Surroundings& surroundings);

void add_run(CommandLine& line, Surroundings& surroundings);
void add_list(CommandLine& line, Surroundings& surroundings);
void add_check(CommandLine& line, Surroundings& surroundings);
void add_explain(CommandLine& line, Surroundings& surroundings);
void add_caps(CommandLine& line, Surroundings& surroundings);
void add_schema(CommandLine& line, Surroundings& surroundings);
void add_completion(CommandLine& line, Surroundings& surroundings);

}  // namespace irqbench::tools
