#include "scenarios/engine/schema.hpp"

#include "tools/irqbench/cli.hpp"

namespace irqbench::tools {

void add_schema(CommandLine& line, Surroundings& surroundings) {
    CLI::App& app =
        *line.app.add_subcommand("schema", "Print the JSON Schema of scenario files, for editors");
    app.callback([&surroundings] { surroundings.out << scenarios::schema().dump(2) << '\n'; });
}

}  // namespace irqbench::tools
