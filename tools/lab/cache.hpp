#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "vmm/kvm/fd.hpp"

namespace irqbench::tools::lab {

/// How something is fetched, and who hears of it.
struct Fetching {
    std::filesystem::path cache;           ///< cache_folder()
    std::string mirror;                    ///< a Debian mirror's URL; empty: that of the host's apt
    const std::atomic<bool>& interrupted;  ///< Ctrl-C
    std::function<void(const std::string&)> progress;  ///< one line for the user, without its end
};

/// What a variable is set to, empty if it is not set.
using Environment = std::function<std::string(const char*)>;

/// `irqbench/lab` in $XDG_CACHE_HOME, or else in ~/.cache; nothing when neither says where that is.
std::optional<std::filesystem::path> find_cache_folder(const Environment& environment);
/// The same. @throws Unavailable for nothing
std::filesystem::path cache_folder(const Environment& environment);
/// Where the consoles of machines are kept: in the cache, or else in a folder of the user's in $TMPDIR.
std::filesystem::path log_folder(const Environment& environment);

/// A program's file: as it is if the name has a slash, else in PATH or in the system's folders, where PATH
/// often lacks sbin.
std::optional<std::filesystem::path> find_program(const std::string& name);

/// The bytes of all files below a folder, or of one file; 0 for what is not there.
std::uintmax_t size_on_disk(const std::filesystem::path& path);

/// The right to change the cache, which one process and thread has at a time, and a folder on the cache's
/// file system to prepare what is put into it. The folder and what remains in it go with this.
class Workspace {
  public:
    /// Waits for others to be done, and says so.
    /// @throws Unavailable when the cache cannot be written, Interrupted
    explicit Workspace(const Fetching& fetching);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    /// A new folder in folder().
    [[nodiscard]] std::filesystem::path make_folder(const std::string& name) const;
    /// Moves what was prepared to its place, all at once, in place of what may be there.
    void publish(const std::filesystem::path& prepared, const std::filesystem::path& place) const;

  private:
    vmm::kvm::Fd lock_;
    std::filesystem::path folder_;
};

}  // namespace irqbench::tools::lab
