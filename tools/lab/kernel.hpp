#pragma once

#include <elf.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace irqbench::tools::lab {

enum class Arch { x86_64, arm64 };

/// What others call an architecture of the lab, and what its machines may have.
struct ArchInfo {
    Arch arch;
    std::string_view word;                   ///< of --arch
    std::string_view kernel_name;            ///< `uname -m`
    std::string_view debian_name;            ///< of its packages
    std::string_view qemu_program;           ///< emulates it
    std::string_view qemu_package;           ///< Debian's, with that
    std::uint16_t elf_machine;               ///< e_machine of its programs (<elf.h>)
    std::span<const std::string_view> gics;  ///< versions that --gic may name; none where there are no GICs
};

inline constexpr std::array<std::string_view, 2> gic_versions{"v2", "v3"};

/// Every architecture of the lab, in the order of Arch.
inline constexpr std::array archs{
    ArchInfo{
        Arch::x86_64, "x86_64", "x86_64", "amd64", "qemu-system-x86_64", "qemu-system-x86", EM_X86_64, {}},
    ArchInfo{Arch::arm64, "arm64", "aarch64", "arm64", "qemu-system-aarch64", "qemu-system-arm", EM_AARCH64,
             gic_versions}};

constexpr const ArchInfo& info(Arch arch) { return archs.at(static_cast<std::size_t>(arch)); }
constexpr std::string_view word(Arch arch) { return info(arch).word; }

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
