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
    std::vector<std::string> behind;  ///< of the arguments of `lab`, those behind `--`
};

/// Parses and runs, with a message for what cannot be parsed. @returns the exit status
int parse_and_run(CommandLine& line, const std::vector<std::string>& given, Surroundings& surroundings);

/// The same, with a command line of its own, and sees to it that the output has been written.
int run_irqbench(const std::vector<std::string>& arguments, Surroundings& surroundings);

/// Refuses -1, which CLI11 takes for a very large number.
CLI::Validator whole_number();
/// Of a file or folder: not the empty one, which a shell makes of a variable that is not set.
CLI::Validator some_name();

/// `kernel,split`: every one of the words is a mode, or the word that there may be besides.
CLI::Validator mode_list(const std::string& more = "all");

/// @throws CLI::ValidationError unless these are two or more, and no two the same
void need_modes_to_compare(const std::vector<std::string>& between, const std::string& example);

void add_run(CommandLine& line, Surroundings& surroundings);
void add_lab(CommandLine& line, Surroundings& surroundings);
void add_record(CommandLine& line, Surroundings& surroundings);
void add_list(CommandLine& line, Surroundings& surroundings);
void add_check(CommandLine& line, Surroundings& surroundings);
void add_diff(CommandLine& line, Surroundings& surroundings);
void add_fuzz(CommandLine& line, Surroundings& surroundings);
void add_shrink(CommandLine& line, Surroundings& surroundings);
void add_explain(CommandLine& line, Surroundings& surroundings);
void add_import(CommandLine& line, Surroundings& surroundings);
void add_report(CommandLine& line, Surroundings& surroundings);
void add_compare(CommandLine& line, Surroundings& surroundings);
void add_bench(CommandLine& line, Surroundings& surroundings);
void add_caps(CommandLine& line, Surroundings& surroundings);
void add_schema(CommandLine& line, Surroundings& surroundings);
void add_completion(CommandLine& line, Surroundings& surroundings);

}  // namespace irqbench::tools
