#include "tools/bench/path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "scenarios/engine/document.hpp"

namespace irqbench::tools::bench {

const PathInfo& info_of(Path path) { return paths.at(static_cast<std::size_t>(path)); }

std::optional<Path> path_of(std::string_view name) {
    for (const PathInfo& each : paths)
        if (each.name == name) return each.path;
    return std::nullopt;
}

std::vector<Path> parse_paths(std::string_view list) {
    std::vector<Path> chosen;
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string_view word = list.substr(begin, end - begin);
        begin = end + 1;
        if (word == "all") {
            for (const PathInfo& each : paths) chosen.push_back(each.path);
        } else if (const auto path = path_of(word)) {
            chosen.push_back(*path);
        } else {
            std::vector<std::string_view> names{"all"};
            for (const PathInfo& each : paths) names.push_back(each.name);
            throw std::invalid_argument(
                fmt::format("\"{}\" is no path{}", word, scenarios::suggestion(word, names)));
        }
    }
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    return chosen;
}

}  // namespace irqbench::tools::bench
