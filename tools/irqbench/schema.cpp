#include "scenarios/engine/schema.hpp"

#include "tools/irqbench/cli.hpp"

namespace irqbench::tools {

void add_schema(CommandLine& line, Surroundings& surroundings) {
    CLI::App& app =
        *line.app.add_subcommand("schema", "Print the JSON Schema of scenario files, for editors");
    auto* verbs =
        app.add_flag("--verbs")->description("Print the reference of all verbs instead, as Markdown");
    auto* state = app.add_flag("--state")->description("Print the JSON Schema of saved states instead");
    state->excludes(verbs);
    app.callback([&surroundings, verbs, state] {
        if (verbs->count() != 0)
            surroundings.out << scenarios::verb_reference();
        else
            surroundings.out << scenarios::pretty(state->count() != 0 ? scenarios::state_schema()
                                                                      : scenarios::schema());
    });
}

}  // namespace irqbench::tools
