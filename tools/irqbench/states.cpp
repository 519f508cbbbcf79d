#include "tools/irqbench/states.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "scenarios/engine/state_files.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

/// A name that all names of a file share, also of one that is not there yet.
fs::path one_name(const fs::path& path) {
    std::error_code error;
    fs::path name = fs::weakly_canonical(fs::absolute(path, error), error);
    return error ? path.lexically_normal() : name;
}

/// By file, the scenarios that write it; by the order of paths what is in a folder follows it.
using Writers = std::map<fs::path, const Loaded*>;

bool is_below(const fs::path& path, const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

std::string both_write(const Loaded& one, const Loaded& other, const fs::path& path) {
    return fmt::format(
        "{} and {} would both write {}: run them one after the other, each with a folder of its own",
        one.file.string(), other.file.string(), path.string());
}

}  // namespace

fs::path folder_of_states(const CampaignOptions& options, const fs::path& file, const std::string& mode,
                          std::uint32_t run) {
    fs::path folder = options.states;
    fs::path scenario = file.lexically_normal().relative_path();
    scenario.replace_extension();
    for (const auto& part : scenario)
        if (part != "..") folder /= part;
    folder /= mode;
    if (options.repeat > 1) folder /= fmt::format("{}", run);
    return folder;
}

std::string clash_of_states(std::span<const Loaded> files, const vmm::Host& host,
                            const CampaignOptions& options, const std::string& trace_out) {
    if (options.states.empty()) return "";
    Writers writers;
    for (const Loaded& file : files) {
        if (!file.scenario) continue;
        const auto names = scenarios::saved_files(*file.scenario);
        for (const std::string& mode : modes_of(file, host, options))
            for (const std::string& name : names) {
                const fs::path path = one_name(folder_of_states(options, file.file, mode, 0) / name);
                const auto [first, is_new] = writers.emplace(path, &file);
                if (!is_new) return both_write(*first->second, file, path);
            }
    }
    for (auto each = writers.begin(); each != writers.end(); ++each)
        if (const auto next = std::next(each); next != writers.end() && is_below(next->first, each->first))
            return both_write(*each->second, *next->second, each->first);
    for (const Loaded& file : files)
        for (const fs::path& read : file.reads)
            if (const auto writer = writers.find(one_name(read)); writer != writers.end())
                return fmt::format("{} would write {}, which {} reads: use another folder",
                                   writer->second->file.string(), read.string(), file.file.string());
    if (!trace_out.empty() && writers.contains(one_name(trace_out)))
        return fmt::format("{} is the file of --trace-out too", trace_out);
    return "";
}

}  // namespace irqbench::tools
