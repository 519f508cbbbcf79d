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
    std::vector<std::filesystem::path> reads;  ///< files beside it, those that cannot be read too
    bool named = false;                        ///< itself a PATH, not only found in a folder
};

/// Whether it has paths only.
inline bool selects_all(const Selection& selection) {
    return selection.filter.empty() && selection.tags.empty() && selection.not_tags.empty();
}

void add_selection(CLI::App& command, Selection& selection);

/// Every name that leads to a scenario file or to a folder with such, below one path; a file may have
/// several.
struct Reach {
    std::vector<std::filesystem::path> files;  ///< sorted
    std::vector<std::filesystem::path> folders;
};

/// A file reaches itself, a folder every *.json below it but *.schema.json, *.groups.json and saved states,
/// also behind symbolic links. A folder that cannot be listed, or a link that leads nowhere, is among the
/// files: loading it says why.
/// @throws std::filesystem::filesystem_error for a path that does not exist
Reach reach_of(const std::filesystem::path& path);

/// The scenario files that paths reach, path by path, each file once whatever names it has.
/// @throws std::filesystem::filesystem_error for a path that does not exist
std::vector<std::filesystem::path> find_files(const std::vector<std::string>& paths);

/// Loads the files of the selection. --filter keeps files whose path or name it matches (a regular
/// expression, searched for), --tag those with one of the tags, --not-tag those with none of them; what
/// cannot be loaded is kept, unless --filter excludes its path. Two files that claim the same name are an
/// error of the second.
/// @throws CLI::ValidationError for a path that does not exist or a filter that is no regular expression
std::vector<Loaded> load_selection(const Selection& selection);

/// `2/3`: the second of three parts.
struct Shard {
    std::size_t part = 1;
    std::size_t parts = 1;
};
/// None for what is no I/N with I from 1 to N, or has too many parts.
std::optional<Shard> parse_shard(const std::string& text);
/// Leaves the part that `text` names, all where it names none. Every part has files of every folder.
void keep_shard(std::vector<Loaded>& files, const std::string& text);

/// The exit status of a command that only loads files: malformed before invalid, nothing_executed, which it
/// says, when there are none.
ExitStatus loading_status(const std::vector<Loaded>& files);

}  // namespace irqbench::tools
