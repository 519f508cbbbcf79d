#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace irqbench::tools::lab {

enum class Arch { x86_64, arm64 };

/// `x86_64`, `arm64`: the words of --arch.
constexpr std::string_view word(Arch arch) { return arch == Arch::x86_64 ? "x86_64" : "arm64"; }

/// A kernel that a machine of the lab can boot.
struct Kernel {
    std::string name;  ///< as it was asked for: `6.1`, or the path of an image
    Arch arch = Arch::x86_64;
    std::string release;            ///< `6.1.0-50-cloud-amd64`; empty when only its boot can tell
    std::string package_version;    ///< Debian's, `6.1.176-1`; empty for an image of the user's own
    std::filesystem::path image;    ///< bzImage or Image
    std::filesystem::path modules;  ///< the folder with modules.dep; empty: what is needed is built in
};

}  // namespace irqbench::tools::lab
