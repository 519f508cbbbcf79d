#include "scenarios/engine/explain.hpp"

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"

namespace irqbench::tools {

namespace {

int perform(const Selection& selection, Surroundings& surroundings) {
    int status = ExitStatus::passed;
    bool first = true;
    for (const Loaded& file : load_selection(selection)) {
        if (file.error) {
            surroundings.err << file.error->what() << '\n';
            status = file.error->kind() == scenarios::ScenarioError::Kind::malformed
                         ? ExitStatus::malformed
                         : ExitStatus::invalid_scenario;
            continue;
        }
        surroundings.out << (first ? "" : "\n") << scenarios::explain(*file.scenario);
        first = false;
    }
    return status;
}

}  // namespace

void add_explain(CommandLine& line, Surroundings& surroundings) {
    auto selection = std::make_shared<Selection>();
    CLI::App& app =
        *line.app.add_subcommand("explain", "Print scenarios in plain English, step by step; needs no KVM");
    add_selection(app, *selection);
    app.callback([selection, &line, &surroundings] { line.status = perform(*selection, surroundings); });
}

}  // namespace irqbench::tools
