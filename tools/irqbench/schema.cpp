#include "scenarios/engine/schema.hpp"

#include "tools/irqbench/cli.hpp"

namespace irqbench::tools {

void add_schema(CommandLine& line, Surroundings& surroundings) {
    CLI::App& app =
        *line.app.add_subcommand("schema", "Print the JSON Schema of scenario files, for editors");
    const auto* verbs =
        app.add_flag("--verbs")->description("Print the reference of all verbs instead, as Markdown");
    app.callback([&surroundings, verbs] {
        const bool reference = verbs->count() != 0;
        surroundings.out << (reference ? scenarios::verb_reference()
                                       : scenarios::pretty(scenarios::schema()));
    });
}

}  // namespace irqbench::tools
