#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// What the header of a kernel image tells.
struct ImageInfo {
    Arch arch = Arch::x86_64;
    std::string release;  ///< empty when it is not to be found
};

/// Reads what QEMU's -kernel would: an x86 bzImage (Linux, Documentation/arch/x86/boot.rst), an arm64 Image
/// (Documentation/arch/arm64/booting.rst), as it is, compressed by gzip, or in an EFI zboot program.
/// @param name is for messages
/// @throws Unavailable when it is none of these, or of a kind that QEMU does not boot
ImageInfo inspect_image(std::string_view bytes, const std::string& name);

/// @throws Unavailable also when it cannot be read
ImageInfo inspect_image(const std::filesystem::path& image);

}  // namespace irqbench::tools::lab
