#include "vmm/kernel_version.hpp"

#include <fmt/format.h>

#include <charconv>

namespace irqbench::vmm {

std::string to_string(const KernelVersion& version) {
    return fmt::format("{}.{}.{}", version.version, version.patchlevel, version.sublevel);
}

KernelVersion parse_kernel_version(std::string_view text) {
    KernelVersion numbers;
    const char* at = text.data();
    const char* end = at + text.size();
    for (unsigned* number : {&numbers.version, &numbers.patchlevel, &numbers.sublevel}) {
        const auto read = std::from_chars(at, end, *number);
        if (read.ec != std::errc{} || read.ptr == end || *read.ptr != '.') break;
        at = read.ptr + 1;
    }
    return numbers;
}

KernelVersion running_kernel_version(std::string_view release, std::string_view version) {
    constexpr std::string_view debian = "Debian ";
    const std::size_t found = version.find(debian);
    if (found == std::string_view::npos) return parse_kernel_version(release);
    const KernelVersion package = parse_kernel_version(version.substr(found + debian.size()));
    const KernelVersion named = parse_kernel_version(release);
    const bool same_series = package.version == named.version && package.patchlevel == named.patchlevel;
    return same_series ? package : named;
}

}  // namespace irqbench::vmm
