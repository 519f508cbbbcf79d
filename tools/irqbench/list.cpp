#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

struct ListCommand {
    Selection selection;
    std::string format = "text";
};

std::string modes_text(const scenarios::Scenario& scenario) {
    if (!scenario.modes_only.empty()) return fmt::format("only {}", fmt::join(scenario.modes_only, ", "));
    if (!scenario.modes_not.empty()) return fmt::format("not {}", fmt::join(scenario.modes_not, ", "));
    return {};
}

std::string text_line(const scenarios::Scenario& scenario) {
    std::string line =
        fmt::format("{}\n    {}\n", printable(scenario.file.generic_string()), printable(scenario.name));
    if (!scenario.tags.empty()) line += fmt::format("    tags: {}\n", fmt::join(scenario.tags, ", "));
    if (const auto modes = modes_text(scenario); !modes.empty())
        line += fmt::format("    irqchip: {}\n", modes);
    return line;
}

nlohmann::ordered_json to_json(const scenarios::Scenario& scenario) {
    return {{"scenario", scenario.name}, {"file", scenario.file.generic_string()}, {"arch", scenario.arch},
            {"source", scenario.source}, {"reference", scenario.reference},        {"tags", scenario.tags}};
}

int perform(const ListCommand& command, Surroundings& surroundings) {
    auto json = nlohmann::ordered_json::array();
    const auto files = load_selection(command.selection);
    for (const Loaded& file : files) {
        if (file.error)
            surroundings.err << printable_lines(file.error->what()) << '\n';
        else if (command.format == "json")
            json.push_back(to_json(*file.scenario));
        else
            surroundings.out << printable_lines(text_line(*file.scenario));
    }
    if (command.format == "json")
        surroundings.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return loading_status(files);
}

}  // namespace

void add_list(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<ListCommand>();
    CLI::App& app = *line.app.add_subcommand("list", "Print which scenarios there are and what they claim");
    add_selection(app, command->selection);
    app.add_option("--format", command->format, "How they are printed")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
