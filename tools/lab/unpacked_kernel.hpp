#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace irqbench::tools::lab {

/// The kernel that a bzImage unpacks when it starts, which an emulated CPU takes a second for: an ELF file
/// that QEMU boots as it is, by its entry point for PVH (Linux, Documentation/arch/x86/boot.rst,
/// payload_offset; Xen, docs/misc/pvh.pandoc, XEN_ELFNOTE_PHYS32_ENTRY).
/// @returns nothing when the image is no bzImage, is damaged or compressed in another way than by gzip, xz
/// or zstd, or when the kernel has no such entry point (CONFIG_PVH)
std::optional<std::string> unpacked_kernel(std::string_view image);

}  // namespace irqbench::tools::lab
