#include "tools/lab/unpacked_kernel.hpp"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "tools/lab/decompress.hpp"

namespace irqbench::tools::lab {

namespace {

using namespace std::string_view_literals;

/// What is there, in the byte order of x86; nothing behind the end.
template <class T>
std::optional<T> at(std::string_view bytes, std::uint64_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

/// A range of the bytes; empty when it is not all there.
std::string_view part(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
    if (offset > bytes.size() || bytes.size() - offset < size) return {};
    return bytes.substr(offset, size);
}

/// Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
std::string_view payload(std::string_view image) {
    constexpr std::uint16_t protocol_2_08 = 0x208;  // the first that has a payload
    constexpr std::uint64_t sector = 512;
    if (part(image, 0x202, 4) != "HdrS" || at<std::uint16_t>(image, 0x206) < protocol_2_08) return {};
    const auto offset = at<std::uint32_t>(image, 0x248);
    const auto size = at<std::uint32_t>(image, 0x24c);
    if (!offset || !size) return {};
    const auto sectors = static_cast<unsigned char>(image[0x1f1]);
    const std::uint64_t setup = ((sectors == 0 ? 4U : sectors) + 1U) * sector;
    const std::string_view found = part(image, setup + *offset, *size);
    // gzip ends with the size of what it holds; behind the others the kernel's build puts one.
    constexpr std::size_t size_of_content = 4;
    const bool has_own = found.starts_with("\x1f\x8b"sv) || found.size() < size_of_content;
    return has_own ? found : found.substr(0, found.size() - size_of_content);
}

bool is_pvh_entry(std::string_view notes) {
    constexpr std::uint32_t phys32_entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    for (std::uint64_t offset = 0;;) {
        const auto note = at<Elf64_Nhdr>(notes, offset);
        if (!note) return false;
        offset += sizeof(Elf64_Nhdr);
        if (note->n_type == phys32_entry && part(notes, offset, note->n_namesz) == "Xen\0"sv) return true;
        offset += padded(note->n_namesz) + padded(note->n_descsz);
    }
}

bool has_pvh_entry(std::string_view kernel) {
    const auto header = at<Elf64_Ehdr>(kernel, 0);
    if (!header || part(kernel, 0, SELFMAG) != ELFMAG || header->e_ident[EI_CLASS] != ELFCLASS64)
        return false;
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
        const auto segment = at<Elf64_Phdr>(kernel, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment) return false;
        if (segment->p_type == PT_NOTE && is_pvh_entry(part(kernel, segment->p_offset, segment->p_filesz)))
            return true;
    }
    return false;
}

}  // namespace

std::optional<std::string> unpacked_kernel(std::string_view image) {
    try {
        std::string kernel = decompressed(payload(image), "the kernel");
        if (has_pvh_entry(kernel)) return kernel;
    } catch (const std::runtime_error&) {
        // It is left to unpack itself.
    }
    return std::nullopt;
}

}  // namespace irqbench::tools::lab
