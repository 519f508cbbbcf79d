#pragma once

#include <filesystem>
#include <vector>

#include "tools/lab/initramfs.hpp"

/// Paths of the host that mean the same in a machine.
namespace irqbench::tools::lab {

/// What the kernel comes by when it follows a path (path_resolution(7)).
struct Place {
    enum class Kind { folder, link, file, pipe, other };
    std::filesystem::path path;  ///< absolute; no `..` and no link above it
    Kind kind = Kind::other;
    std::filesystem::path target;  ///< of a link, as it stands there
};

/// The folders and symbolic links on the way, in their order, and what the path leads to. It ends early where
/// the kernel would: at what does not exist, or behind too many links.
/// @param path absolute
std::vector<Place> way_to(const std::filesystem::path& path);

/// Whether what the host has there is not in the machines, which have a /dev, a /proc and a /sys of their
/// own. /dev/shm is in them.
bool is_of_host_only(const std::filesystem::path& path);

/// Puts what is on the way to a path into the initramfs, links as links, so that the path leads there to the
/// same as here. What cannot be read here cannot be read there either; of a folder nothing is taken along but
/// itself.
/// @param path absolute
/// @throws std::runtime_error when the initramfs cannot be written
void mirror(Initramfs& initramfs, const std::filesystem::path& path);

}  // namespace irqbench::tools::lab
