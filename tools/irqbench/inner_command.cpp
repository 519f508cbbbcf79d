#include "tools/irqbench/inner_command.hpp"

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"

namespace irqbench::tools {

namespace {

std::vector<std::string> values(const CLI::App& command, const char* option) {
    const CLI::Option* found = command.get_option_no_throw(option);
    return found != nullptr ? found->results() : std::vector<std::string>{};
}

std::string last_value(const CLI::App& command, const char* option, const std::string& otherwise) {
    const auto given = values(command, option);
    return given.empty() ? otherwise : given.back();
}

void take_paths(const std::vector<std::string>& paths, InnerCommand& inner) {
    inner.files = find_files(paths);
    for (const std::filesystem::path path : paths)
        if (std::filesystem::is_directory(path)) inner.folders.push_back(path);
}

}  // namespace

std::variant<InnerCommand, int> parse_inner_command(const std::vector<std::string>& arguments,
                                                    Surroundings& surroundings) {
    CommandLine line(surroundings);
    // The callback of the whole comes before that of the subcommand, which would do the work.
    struct Parsed {};
    line.app.parse_complete_callback([] { throw Parsed(); });
    try {
        return parse_and_run(line, arguments, surroundings);
    } catch (const Parsed&) {
    }
    const CLI::App& command = *line.app.get_subcommands().front();
    if (command.get_name() == "lab") throw CLI::ValidationError("there is no lab inside the lab");
    InnerCommand inner;
    inner.arguments = arguments;
    inner.name = command.get_name();
    try {
        take_paths(values(command, "PATH"), inner);
    } catch (const std::filesystem::filesystem_error& error) {
        throw CLI::ValidationError(error.path1().string() + ": " + error.code().message());
    }
    inner.resume = last_value(command, "--resume", "");
    inner.format = last_value(command, "--format", inner.format);
    inner.trace_out = last_value(command, "--trace-out", "");
    inner.verbose = !values(command, "--verbose").empty();
    inner.quiet = !values(command, "--quiet").empty();
    inner.names_jobs = !values(command, "--jobs").empty();
    return inner;
}

}  // namespace irqbench::tools
