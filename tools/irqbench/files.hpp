#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/engine/scenario.hpp"
#include "tools/irqbench/cli.hpp"

namespace irqbench::tools {

/// Which scenarios a command concerns: its PATH arguments, --filter, --tag and --not-tag.
struct Selection {
    std::vector<std::string> paths;
    std::string filter;
    std::vector<std::string> tags;
    std::vector<std::string> not_tags;
};

/// A file as it was loaded, or what is wrong with it.
struct Loaded {
    std::filesystem::path file;
    std::optional<scenarios::Scenario> scenario;
    std::optional<scenarios::ScenarioError> error;
};

void add_selection(CLI::App& command, Selection& selection);

/// The scenario files behind paths: a file stands for itself, a folder for every *.json below it but
/// *.schema.json, also behind symbolic links; sorted within each path, each file once whatever names it has.
/// A folder that cannot be listed is among them.
/// @throws std::filesystem::filesystem_error for a path that does not exist
std::vector<std::filesystem::path> find_files(const std::vector<std::string>& paths);

/// Loads the files of the selection. --filter keeps files whose path or name it matches (a regular
/// expression, searched for), --tag those with one of the tags, --not-tag those with none of them; what
/// cannot be loaded is kept, unless --filter excludes its path. Two files that claim the same name are an
/// error of the second.
/// @throws CLI::ValidationError for a path that does not exist or a filter that is no regular expression
std::vector<Loaded> load_selection(const Selection& selection);

/// The exit status of a command that only loads files: malformed before invalid, nothing_executed, which it
/// says, when there are none.
ExitStatus loading_status(const std::vector<Loaded>& files);

}  // namespace irqbench::tools
