#include "tools/irqbench/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "scenarios/engine/load.hpp"

namespace irqbench::tools {

namespace fs = std::filesystem;

std::vector<fs::path> scenario_files(const std::vector<std::string>& paths) {
    std::vector<fs::path> files;
    for (const std::string& path : paths) {
        if (fs::is_regular_file(path)) {
            files.emplace_back(path);
            continue;
        }
        if (!fs::is_directory(path))
            throw std::invalid_argument(fmt::format("{}: no such file or folder", path));
        std::vector<fs::path> found;
        for (auto entry = fs::recursive_directory_iterator(path); entry != fs::recursive_directory_iterator();
             ++entry) {
            if (entry->is_directory() && entry->path().filename() == "schema")
                entry.disable_recursion_pending();
            if (entry->is_regular_file() && entry->path().extension() == ".json")
                found.push_back(entry->path());
        }
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

Loaded load_files(const std::vector<std::string>& paths) {
    Loaded loaded;
    for (const fs::path& file : scenario_files(paths)) {
        try {
            loaded.scenarios.push_back(scenarios::load(file));
        } catch (const scenarios::ScenarioError& error) {
            std::cerr << error.what() << '\n';
            const bool malformed = error.kind() == scenarios::ScenarioError::Kind::malformed;
            loaded.status = worse(loaded.status, malformed ? Status::malformed : Status::invalid);
        }
    }
    return loaded;
}

void add_selection(CLI::App& app, Selection& selection) {
    app.add_option("PATH", selection.paths, "Scenario files, or folders of them")->required();
    app.add_option("--filter", selection.filter, "Only scenarios whose name or file contains this text");
    app.add_option("--tag", selection.tags, "Only scenarios with one of these tags")->delimiter(',');
}

bool selects(const Selection& selection, const scenarios::Scenario& scenario) {
    const bool named = scenario.name.find(selection.filter) != std::string::npos ||
                       scenario.file.string().find(selection.filter) != std::string::npos;
    const auto wanted = [&](const std::string& tag) {
        return std::find(selection.tags.begin(), selection.tags.end(), tag) != selection.tags.end();
    };
    return named &&
           (selection.tags.empty() || std::any_of(scenario.tags.begin(), scenario.tags.end(), wanted));
}

Status worse(Status a, Status b) {
    constexpr std::array order{Status::interrupted, Status::malformed, Status::invalid,
                               Status::host_error,  Status::failed,    Status::nothing_executed,
                               Status::passed};
    return *std::find_if(order.begin(), order.end(),
                         [&](Status status) { return status == a || status == b; });
}

bool colour_allowed(int descriptor) {
    const char* forbidden = std::getenv("NO_COLOR");
    return isatty(descriptor) == 1 && (forbidden == nullptr || *forbidden == '\0');
}

namespace {
std::atomic<bool> sigint_seen{false};
}

const std::atomic<bool>& interrupted() {
    static const bool installed = [] {
        struct sigaction action {};
        action.sa_handler = [](int) { sigint_seen.store(true); };
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        return sigaction(SIGINT, &action, nullptr) == 0;
    }();
    static_cast<void>(installed);
    return sigint_seen;
}

}  // namespace irqbench::tools
