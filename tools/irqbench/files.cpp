#include "tools/irqbench/files.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "scenarios/engine/load.hpp"
#include "scenarios/engine/state_files.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

/// Schemas are JSON too, and may lie beside the scenarios they describe, as may groups that those use, also
/// by a link of another name, and states that they save.
bool is_scenario(const fs::path& file) {
    if (file.extension() != ".json") return false;
    std::error_code error;
    for (const fs::path& name : {file, fs::weakly_canonical(file, error)}) {
        const fs::path kind = name.stem().extension();
        if (kind == ".schema" || kind == ".groups") return false;
    }
    return !scenarios::is_state_file(file);
}

/// What is below a folder, also behind symbolic links.
/// @param visited folders, by their canonical paths: links may go round in circles
void add_folder(const fs::path& folder, Reach& reach, std::set<fs::path>& visited) {
    reach.folders.push_back(folder);
    std::error_code error;
    if (!visited.insert(fs::weakly_canonical(folder, error)).second) return;
    // In an order of its own, so that of several names of a file the same comes first everywhere.
    std::set<fs::path> entries;
    auto entry = fs::directory_iterator(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) entries.insert(entry->path());
    if (error) reach.files.push_back(folder);
    for (const fs::path& each : entries) {
        std::error_code unknown;
        if (fs::is_directory(each, unknown))
            add_folder(each, reach, visited);
        else if (is_scenario(each))
            reach.files.push_back(each);
    }
}

/// Without `.` and `..`, if that is still the same file: behind a link to a folder `..` leads elsewhere.
fs::path simplified(const fs::path& file, const fs::path& canonical) {
    std::error_code error;
    fs::path simple = file.lexically_normal();
    return fs::weakly_canonical(simple, error) == canonical ? simple : file;
}

Loaded load_file(const fs::path& file) {
    Loaded loaded;
    loaded.file = file;
    try {
        loaded.scenario = scenarios::load(file, &loaded.reads);
    } catch (const scenarios::ScenarioError& error) {
        loaded.error = error;
    }
    return loaded;
}

/// The files that paths are, by their canonical names.
std::set<fs::path> named_files(const std::vector<std::string>& paths) {
    std::set<fs::path> named;
    std::error_code error;
    for (const fs::path path : paths)
        if (!fs::is_directory(path, error)) named.insert(fs::weakly_canonical(path, error));
    return named;
}

bool has_a_tag(const scenarios::Scenario& scenario, const std::vector<std::string>& tags) {
    return std::any_of(tags.begin(), tags.end(), [&scenario](const std::string& tag) {
        return std::find(scenario.tags.begin(), scenario.tags.end(), tag) != scenario.tags.end();
    });
}

void refuse_shared_names(std::vector<Loaded>& files) {
    std::map<std::string, fs::path> names;
    for (Loaded& each : files) {
        if (!each.scenario) continue;
        const auto [first, is_new] = names.emplace(each.scenario->name, each.file);
        if (is_new) continue;
        each.error.emplace(scenarios::ScenarioError::Kind::invalid, each.file.string(), 1, "/name",
                           fmt::format("\"{}\" is the name of {} too: give each scenario its own",
                                       each.scenario->name, first->second.string()));
        each.scenario.reset();
    }
}

}  // namespace

void add_selection(CLI::App& command, Selection& selection) {
    command.add_option("PATH", selection.paths, "Scenario files, or folders of them")->required();
    command
        .add_option("--filter", selection.filter,
                    "Only scenarios whose path or name this regular expression finds")
        ->type_name("REGEX");
    command.add_option("--tag", selection.tags, "Only scenarios with this tag (may be repeated)")
        ->type_name("TAG")
        ->allow_extra_args(false);
    command
        .add_option("--not-tag", selection.not_tags,
                    "Leave out scenarios with this tag (may be repeated); it wins over --tag")
        ->type_name("TAG")
        ->allow_extra_args(false);
}

Reach reach_of(const fs::path& path) {
    Reach reach;
    std::set<fs::path> visited;
    if (fs::is_directory(path))
        add_folder(path, reach, visited);
    else if (fs::exists(path))
        reach.files.push_back(path);
    else
        throw fs::filesystem_error("no such file or folder", path,
                                   std::make_error_code(std::errc::no_such_file_or_directory));
    std::sort(reach.files.begin(), reach.files.end());
    return reach;
}

std::vector<fs::path> find_files(const std::vector<std::string>& paths) {
    std::vector<fs::path> files;
    std::set<fs::path> known;
    for (const fs::path path : paths) {
        for (const auto& file : reach_of(path).files) {
            std::error_code error;
            const auto canonical = fs::weakly_canonical(file, error);
            if (known.insert(error ? file : canonical).second) files.push_back(simplified(file, canonical));
        }
    }
    return files;
}

std::vector<Loaded> load_selection(const Selection& selection) {
    std::vector<fs::path> files;
    try {
        files = find_files(selection.paths);
    } catch (const fs::filesystem_error& error) {
        throw CLI::ValidationError("PATH",
                                   fmt::format("{}: {}", error.path1().string(), error.code().message()));
    }
    std::optional<std::regex> filter;
    try {
        if (!selection.filter.empty()) filter.emplace(selection.filter);
    } catch (const std::regex_error& error) {
        throw CLI::ValidationError("--filter", fmt::format("{}: {}", selection.filter, error.what()));
    }

    std::vector<Loaded> loaded;
    const std::set<fs::path> named = named_files(selection.paths);
    for (const auto& file : files) {
        std::error_code error;
        loaded.push_back(load_file(file));
        loaded.back().named = named.contains(fs::weakly_canonical(file, error));
    }
    refuse_shared_names(loaded);
    const auto tagged_as_wanted = [&selection](const scenarios::Scenario& scenario) {
        return (selection.tags.empty() || has_a_tag(scenario, selection.tags)) &&
               !has_a_tag(scenario, selection.not_tags);
    };
    const auto unwanted = [&](const Loaded& each) {
        const bool found = !filter || std::regex_search(each.file.string(), *filter) ||
                           (each.scenario && std::regex_search(each.scenario->name, *filter));
        return !found || (each.scenario && !tagged_as_wanted(*each.scenario));
    };
    loaded.erase(std::remove_if(loaded.begin(), loaded.end(), unwanted), loaded.end());
    return loaded;
}

std::optional<Shard> parse_shard(const std::string& text) {
    constexpr std::size_t most_shards = 10'000;
    const auto slash = text.find('/');
    Shard shard;
    if (slash == std::string::npos || !CLI::detail::lexical_cast(text.substr(0, slash), shard.part) ||
        !CLI::detail::lexical_cast(text.substr(slash + 1), shard.parts))
        return std::nullopt;
    const bool fits = shard.part >= 1 && shard.part <= shard.parts && shard.parts <= most_shards;
    return fits ? std::optional(shard) : std::nullopt;
}

void keep_shard(std::vector<Loaded>& files, const std::string& text) {
    const Shard shard = parse_shard(text).value_or(Shard{});
    std::size_t place = 0;
    std::erase_if(files, [&](const Loaded&) { return place++ % shard.parts != shard.part - 1; });
}

ExitStatus loading_status(const std::vector<Loaded>& files) {
    if (files.empty()) {
        spdlog::error(
            "no scenario: no *.json file below PATH that --filter, --tag and --not-tag let through");
        return ExitStatus::nothing_executed;
    }
    const auto any = [&files](scenarios::ScenarioError::Kind kind) {
        return std::any_of(files.begin(), files.end(),
                           [kind](const Loaded& each) { return each.error && each.error->kind() == kind; });
    };
    if (any(scenarios::ScenarioError::Kind::malformed)) return ExitStatus::malformed;
    if (any(scenarios::ScenarioError::Kind::invalid)) return ExitStatus::invalid_scenario;
    return ExitStatus::passed;
}

}  // namespace irqbench::tools
