#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "tools/irqbench/surroundings.hpp"

namespace irqbench::tools {

/// A command of irqbench that is going to run somewhere else: in a machine of the lab.
struct InnerCommand {
    std::vector<std::string> arguments;        ///< as they were given
    std::string name;                          ///< of the subcommand
    std::chrono::seconds silence{0};           ///< for which it is at work without a word, as it was asked to
    std::vector<std::filesystem::path> files;  ///< that it may read, by all names that lead to them
    std::vector<std::filesystem::path> folders;
    std::vector<std::filesystem::path> programs;  ///< of the host that it starts; they are among the files
    /// What of `run` concerns those who print its results.
    std::string format = "text";
    std::string trace_out;
    std::string report;
    std::string resume;  ///< not among the files
    bool verbose = false;
    bool quiet = false;
    bool names_jobs = false;  ///< --jobs is among the arguments
    bool counts_errors =
        false;  ///< it is about how often something ends in an error, or says what is to be done
};

/// Parses a command as it would be here, without doing anything, so that wrong usage shows at once.
/// A command without a single scenario to read, or a run of folders that have none for the machines, is run
/// here, where it ends as it would inside.
/// @param inside the host that the machines are
/// @returns the exit status where the command has ended: also after wrong usage, or --help
/// @throws CLI::ValidationError for a path that cannot exist inside
std::variant<InnerCommand, int> parse_inner_command(const std::vector<std::string>& arguments,
                                                    const vmm::Host& inside, Surroundings& surroundings);

}  // namespace irqbench::tools
