#include "scenarios/engine/explain.hpp"

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

int explain_files(const Selection& selection, Surroundings& surroundings) {
    const auto files = load_selection(selection);
    bool first = true;
    for (const Loaded& file : files) {
        if (file.error) {
            surroundings.err << printable_lines(file.error->what()) << '\n';
            continue;
        }
        surroundings.out << (first ? "" : "\n") << printable_lines(scenarios::explain(*file.scenario));
        first = false;
    }
    return loading_status(files);
}

}  // namespace

void add_explain(CommandLine& line, Surroundings& surroundings) {
    auto selection = std::make_shared<Selection>();
    CLI::App& app =
        *line.app.add_subcommand("explain", "Print scenarios in plain English, step by step; needs no KVM");
    add_selection(app, *selection);
    app.callback(
        [selection, &line, &surroundings] { line.status = explain_files(*selection, surroundings); });
}

}  // namespace irqbench::tools
