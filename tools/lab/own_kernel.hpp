#pragma once

#include <filesystem>
#include <optional>

#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// A kernel of the user's own.
/// @param image bzImage or Image
/// @param modules lib/modules/RELEASE or a folder above it, for instance make's INSTALL_MOD_PATH; empty: what
/// is needed is built in
/// @param arch what it must be for; without, the image says
/// @throws Unavailable when it is no image that QEMU boots, is for another architecture, or when there is no
/// modules.dep for it
Kernel own_kernel(const std::filesystem::path& image, const std::filesystem::path& modules = {},
                  std::optional<Arch> arch = {});

}  // namespace irqbench::tools::lab
