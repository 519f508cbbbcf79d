#include "tools/lab/cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <system_error>
#include <thread>

#include "tools/lab/error.hpp"

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& cache, const std::error_code& error) {
    if (error == std::errc::no_space_on_device)
        throw Unavailable(fmt::format("no space is left for the lab's cache in {}", cache.string()));
    throw Unavailable(
        fmt::format("the lab's cache, {}, cannot be written: {}; XDG_CACHE_HOME says where it goes",
                    cache.string(), error.message()));
}

vmm::kvm::Fd take_lock(const Fetching& fetching) {
    const fs::path path = fetching.cache / "lock";
    constexpr mode_t mode = 0644;
    vmm::kvm::Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode));
    if (!lock) refuse(fetching.cache, {errno, std::generic_category()});
    bool said = false;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) refuse(fetching.cache, {errno, std::generic_category()});
        if (fetching.interrupted.load()) throw Interrupted();
        if (!said) fetching.progress("another irqbench is filling the cache; waiting for it to be done");
        said = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return lock;
}

}  // namespace

std::optional<fs::path> find_cache_folder(const Environment& environment) {
    const auto below = [](const fs::path& folder) { return folder / "irqbench" / "lab"; };
    // A relative path in it is to be ignored: XDG Base Directory Specification.
    if (const fs::path cache = environment("XDG_CACHE_HOME"); cache.is_absolute()) return below(cache);
    if (const fs::path home = environment("HOME"); home.is_absolute()) return below(home / ".cache");
    return std::nullopt;
}

fs::path cache_folder(const Environment& environment) {
    if (auto folder = find_cache_folder(environment)) return std::move(*folder);
    throw Unavailable("the lab has no place for its cache: neither XDG_CACHE_HOME nor HOME is set");
}

fs::path log_folder(const Environment& environment) {
    if (const auto cache = find_cache_folder(environment)) return *cache / "logs";
    const fs::path temporary = environment("TMPDIR");
    return (temporary.is_absolute() ? temporary : "/tmp") / fmt::format("irqbench-lab-{}", ::getuid());
}

std::optional<fs::path> find_program(const std::string& name) {
    const auto is_program = [](const fs::path& path) {
        std::error_code error;
        return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
    };
    if (name.find('/') != std::string::npos)
        return is_program(name) ? std::optional<fs::path>(name) : std::nullopt;
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/sbin:/usr/bin:/sbin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (!folder.empty() && is_program(fs::path(folder) / name)) return fs::path(folder) / name;
    return std::nullopt;
}

std::uintmax_t size_on_disk(const fs::path& path) {
    std::error_code error;
    if (fs::is_symlink(path, error)) return 0;
    if (!fs::is_directory(path, error)) {
        const auto size = fs::file_size(path, error);
        return error ? 0 : size;
    }
    std::uintmax_t total = 0;
    for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        total += size_on_disk(entry->path());
    return total;
}

Workspace::Workspace(const Fetching& fetching) : folder_(fetching.cache / "fetching") {
    std::error_code error;
    fs::create_directories(fetching.cache, error);
    if (error) refuse(fetching.cache, error);
    lock_ = take_lock(fetching);
    // Whoever had the lock before and was killed may have left its folder.
    fs::remove_all(folder_, error);
    if (!error) fs::create_directory(folder_, error);
    if (error) refuse(fetching.cache, error);
}

Workspace::~Workspace() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path Workspace::make_folder(const std::string& name) const {
    fs::path folder = folder_ / name;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) refuse(folder_.parent_path(), error);
    return folder;
}

void Workspace::publish(const fs::path& prepared, const fs::path& place) const {
    std::error_code error;
    fs::create_directories(place.parent_path(), error);
    // A folder that is in the way can be renamed, but not be replaced unless it is empty.
    if (!error && fs::exists(place)) fs::rename(place, make_folder("replaced") / place.filename(), error);
    if (!error) fs::rename(prepared, place, error);
    if (error) refuse(folder_.parent_path(), error);
}

}  // namespace irqbench::tools::lab
