#include <fmt/format.h>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

int check_files(const Selection& selection, Surroundings& surroundings) {
    const auto files = load_selection(selection);
    std::size_t malformed_files = 0;
    std::size_t invalid_files = 0;
    for (const Loaded& file : files) {
        if (!file.error) continue;
        surroundings.out << printable_lines(file.error->what()) << '\n';
        ++(file.error->kind() == scenarios::ScenarioError::Kind::malformed ? malformed_files : invalid_files);
    }
    surroundings.out << fmt::format("{}: {} good, {} malformed, {} invalid\n", counted(files.size(), "file"),
                                    files.size() - malformed_files - invalid_files, malformed_files,
                                    invalid_files);
    return loading_status(files);
}

}  // namespace

void add_check(CommandLine& line, Surroundings& surroundings) {
    auto selection = std::make_shared<Selection>();
    CLI::App& app = *line.app.add_subcommand(
        "check", "Read scenario files and say what is wrong with them; needs no KVM");
    add_selection(app, *selection);
    app.callback([selection, &line, &surroundings] { line.status = check_files(*selection, surroundings); });
}

}  // namespace irqbench::tools
