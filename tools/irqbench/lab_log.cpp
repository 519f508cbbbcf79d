#include "tools/irqbench/lab_log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

/// `x86_64-6.12-4711.log`: two labs may run at once, and each has the machines of one architecture.
fs::path file_name(const lab::Kernel& kernel) {
    std::string name = fmt::format("{}-{}-{}.log", lab::word(kernel.arch), kernel.name, ::getpid());
    std::replace(name.begin(), name.end(), '/', '_');
    return name;
}

void remove_oldest(const fs::path& folder) {
    constexpr std::size_t most = 64;
    std::error_code error;
    std::vector<std::pair<fs::file_time_type, fs::path>> files;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        if (std::error_code unknown; entry->path().extension() == ".log")
            files.emplace_back(entry->last_write_time(unknown), entry->path());
    if (files.size() <= most) return;
    std::sort(files.begin(), files.end());
    files.resize(files.size() - most);
    for (const auto& [time, file] : files) fs::remove(file, error);
}

}  // namespace

std::string keep_lab_log(const fs::path& folder, const lab::Kernel& kernel, const std::string& text) {
    std::error_code error;
    fs::create_directories(folder, error);
    const fs::path path = folder / file_name(kernel);
    std::ofstream file(path, std::ios::binary);
    if (!(file << text << std::flush))
        return fmt::format("the whole console could not be written to {}: {}", path.string(),
                           std::strerror(errno));
    remove_oldest(folder);
    return fmt::format("the whole console is in {}", path.string());
}

}  // namespace irqbench::tools
