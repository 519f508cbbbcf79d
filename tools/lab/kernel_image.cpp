#include "tools/lab/kernel_image.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>

#include "tools/lab/decompress.hpp"
#include "tools/lab/error.hpp"

namespace irqbench::tools::lab {

namespace {

using namespace std::string_view_literals;

bool has(std::string_view bytes, std::size_t offset, std::string_view magic) {
    return bytes.size() >= offset && bytes.substr(offset).starts_with(magic);
}

/// A little-endian number; 0 behind the end.
std::uint32_t number(std::string_view bytes, std::size_t offset, std::size_t size) {
    std::uint32_t value = 0;
    if (offset + size > bytes.size()) return 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
    return value;
}

/// Up to the first space, or empty when that does not come soon.
std::string first_word(std::string_view text) {
    constexpr std::size_t longest_release = 64;  // __NEW_UTS_LEN
    const auto end = text.find_first_of(" \0\n"sv);
    return end > longest_release ? std::string() : std::string(text.substr(0, end));
}

/// Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
ImageInfo inspect_bzimage(std::string_view bytes, const std::string& name) {
    constexpr std::uint32_t protocol_2_12 = 0x20c;  // the first that has xloadflags
    constexpr std::uint32_t kernel_64 = 1;
    if (number(bytes, 0x206, 2) >= protocol_2_12 && (number(bytes, 0x236, 2) & kernel_64) == 0)
        throw Unavailable(fmt::format("{} is a 32-bit kernel; the lab boots 64-bit ones", name));
    const std::uint32_t version = number(bytes, 0x20e, 2);
    if (version == 0 || version + 0x200 >= bytes.size()) return {Arch::x86_64, {}};
    return {Arch::x86_64, first_word(bytes.substr(version + 0x200))};
}

/// Documentation/arch/arm64/booting.rst, "Call the kernel image": the magic number at 56. The release is not
/// in the header, but in the banner the kernel prints.
bool is_arm64_image(std::string_view bytes) { return has(bytes, 56, "ARM\x64"); }

ImageInfo inspect_arm64_image(std::string_view bytes) {
    constexpr auto banner = "Linux version "sv;
    for (auto at = bytes.find(banner); at != std::string_view::npos; at = bytes.find(banner, at + 1)) {
        const std::string release = first_word(bytes.substr(at + banner.size()));
        // The same words are in format strings, too.
        if (!release.empty() && release.front() >= '0' && release.front() <= '9')
            return {Arch::arm64, release};
    }
    return {Arch::arm64, {}};
}

/// drivers/firmware/efi/libstub/zboot-header.S: offset and size of the payload at 8 and 12, the name of its
/// compression at 24.
ImageInfo inspect_zboot(std::string_view bytes, const std::string& name) {
    const auto compression = bytes.substr(24, bytes.substr(24).find('\0'));
    if (compression != "gzip")
        throw Unavailable(
            fmt::format("{} is an EFI program with a kernel compressed by {}, of which QEMU boots gzip only; "
                        "name arch/arm64/boot/Image instead",
                        name, compression));
    const std::size_t offset = number(bytes, 8, 4);
    const std::size_t size = number(bytes, 12, 4);
    if (offset > bytes.size() || size > bytes.size() - offset)
        throw Unavailable(fmt::format("{} is cut off", name));
    return inspect_image(decompressed(bytes.substr(offset, size), name), name);
}

}  // namespace

ImageInfo inspect_image(std::string_view bytes, const std::string& name) {
    constexpr std::size_t zboot_header = 64;
    if (has(bytes, 0x202, "HdrS")) return inspect_bzimage(bytes, name);
    if (is_arm64_image(bytes)) return inspect_arm64_image(bytes);
    if (has(bytes, 0, "MZ") && has(bytes, 4, "zimg") && bytes.size() > zboot_header)
        return inspect_zboot(bytes, name);
    if (has(bytes, 0, "\x1f\x8b")) {
        if (const std::string inside = decompressed(bytes, name); is_arm64_image(inside))
            return inspect_arm64_image(inside);
    }
    const auto what = has(bytes, 0,
                          "\x7f"
                          "ELF")
                          ? "it is an ELF file, such as vmlinux"
                          : "neither header is in it";
    throw Unavailable(
        fmt::format("{} is no kernel image that QEMU boots: {}; name arch/x86/boot/bzImage or "
                    "arch/arm64/boot/Image",
                    name, what));
}

ImageInfo inspect_image(const std::filesystem::path& image) {
    try {
        return inspect_image(read_file(image), image.string());
    } catch (const Unavailable&) {
        throw;
    } catch (const std::runtime_error& error) {
        throw Unavailable(error.what());
    }
}

}  // namespace irqbench::tools::lab
