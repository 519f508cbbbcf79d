#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace irqbench::vmm {

/// A release of Linux by the three numbers of its Makefile. `6.13` is 6.13.0.
struct KernelVersion {
    unsigned version = 0;
    unsigned patchlevel = 0;
    unsigned sublevel = 0;

    auto operator<=>(const KernelVersion&) const = default;
};

/// `6.1.176`.
std::string to_string(const KernelVersion& version);

/// The numbers that a text like `6.1.176` or `6.13-rc3` begins with; what is missing is 0.
KernelVersion parse_kernel_version(std::string_view text);

/// What runs here, from uname's release and version. Debian's release names the kernel's ABI
/// (`6.1.0-50-amd64`); which stable release it is stands in the version (`#1 SMP Debian 6.1.176-1 (...)`).
KernelVersion running_kernel_version(std::string_view release, std::string_view version);

}  // namespace irqbench::vmm
