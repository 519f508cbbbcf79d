#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::scenarios {

inline std::filesystem::path source_dir() { return IRQBENCH_SOURCE_DIR; }

inline std::string read_text(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// Files below `folder` with this extension, sorted; without those that hold groups of steps.
inline std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                                      std::string_view extension) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.path().extension() == extension && entry.path().stem().extension() != ".groups")
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// The scenarios that ship with the bench.
inline std::vector<std::filesystem::path> library_files() {
    return files_below(source_dir() / "scenarios" / "x86", ".json");
}

/// A file with these steps, and nothing else of its own.
inline std::string file_with(std::string_view steps, std::string_view setup = "",
                             std::string_view head = "") {
    std::string text = R"({ "name": "a test", "arch": "x86_64", "source": "none")";
    if (!head.empty()) text += ", " + std::string(head);
    if (!setup.empty()) text += ", \"setup\": [ " + std::string(setup) + " ]";
    return text + ", \"steps\": [ " + std::string(steps) + " ] }";
}

}  // namespace irqbench::scenarios
