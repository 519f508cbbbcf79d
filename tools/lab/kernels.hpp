#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tools/lab/cache.hpp"
#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// A kernel of Debian's that has a name here.
struct NamedKernel {
    std::string_view name;  ///< its version as far as that is fixed, or a suite: whatever that has
    std::array<std::string_view, 2> suites;  ///< where to look for it, in this order; empty: no more
};

std::span<const NamedKernel> named_kernels();

/// `5.10, 6.1, ...`, for messages.
std::string kernel_names();

/// A named kernel that was fetched before.
std::optional<Kernel> cached_kernel(const std::filesystem::path& cache, Arch arch, std::string_view name);

/// Fetches a named kernel into the cache unless it is there: image, configuration, and the modules of KVM
/// with all they need.
/// @param update looks for a newer release of it even if it is there
/// @throws Unavailable, Interrupted
Kernel fetch_kernel(std::string_view name, Arch arch, const Fetching& fetching, bool update = false);

}  // namespace irqbench::tools::lab
