#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tools/lab/memory_file.hpp"

struct archive;

namespace irqbench::tools::lab {

/// A file of the host that should have been copied. The message says which, and why it cannot be.
struct UnreadableFile : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The file system a machine of the lab boots into: an uncompressed cpio archive in the newc format
/// (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). Folders come into being with what
/// is in them; a path added twice keeps its first content.
class Initramfs {
  public:
    /// Ownership and times are constant, so that equal content gives equal bytes.
    Initramfs();
    ~Initramfs();
    Initramfs(const Initramfs&) = delete;
    Initramfs& operator=(const Initramfs&) = delete;

    static constexpr unsigned plain = 0644;
    static constexpr unsigned executable = 0755;

    /// @param path absolute, as the machine sees it
    /// @param mode permission bits
    /// @throws std::runtime_error when it cannot be written
    void add_folder(const std::filesystem::path& path, unsigned mode = executable);
    void add_bytes(const std::filesystem::path& path, std::string_view bytes, unsigned mode = plain);
    void add_link(const std::filesystem::path& path, const std::filesystem::path& target);
    void add_pipe(const std::filesystem::path& path, unsigned mode = plain);
    /// @throws UnreadableFile when the host's file cannot be read
    void add_file(const std::filesystem::path& path, const std::filesystem::path& host_file);
    [[nodiscard]] bool has(const std::filesystem::path& path) const;

    /// Ends the archive.
    /// @returns what QEMU's -initrd takes
    const MemoryFile& finish();

  private:
    void add_character_device(const std::filesystem::path& path, unsigned major, unsigned minor);
    /// @param content of a file, or what a link leads to
    void add_entry(const std::filesystem::path& path, unsigned type, unsigned mode, std::string_view content);

    MemoryFile file_;
    std::unique_ptr<archive, int (*)(archive*)> archive_;
    std::set<std::string> added_;
};

}  // namespace irqbench::tools::lab
