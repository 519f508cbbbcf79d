#include "tools/lab/unpacked_kernel.hpp"

#include <elf.h>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>

#include "tests/tools/lab/compress.hpp"
#include "tests/tools/lab/fake_host.hpp"

using namespace irqbench::tools::lab;
using namespace irqbench::tests;

namespace {

using Filter = int (*)(archive*);

template <class T>
std::string bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string note(std::uint32_t type, const std::string& name, std::uint32_t content) {
    Elf64_Nhdr header{};
    header.n_namesz = static_cast<Elf64_Word>(name.size() + 1);
    header.n_descsz = sizeof(content);
    header.n_type = type;
    std::string padded = name;
    padded.resize((name.size() + 4) / 4 * 4);
    return bytes_of(header) + padded + bytes_of(content);
}

const std::string pvh_entry = note(18, "Xen", 0x1000000);

/// A vmlinux with these notes in its only segment.
std::string vmlinux(const std::string& notes) {
    Elf64_Ehdr header{};
    std::string(ELFMAG).copy(reinterpret_cast<char*>(header.e_ident), SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_phoff = sizeof(header);
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_NOTE;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_filesz = notes.size();
    return bytes_of(header) + bytes_of(segment) + notes + std::string(5000, 'x');
}

void put(std::string& image, std::size_t offset, std::uint32_t value) {
    image.replace(offset, sizeof(value), bytes_of(value));
}

/// With its payload in the second sector behind the setup's.
std::string bzimage(const std::string& payload) {
    constexpr std::size_t start = 3 * 512;
    std::string image = fake_bzimage("6.1.0");
    image[0x1f1] = 1;
    put(image, 0x248, 512);
    put(image, 0x24c, static_cast<std::uint32_t>(payload.size()));
    image.resize(start);
    return image + payload + "what follows";
}

/// As the kernel's build does it: the size behind the stream, but behind gzip's, which has it.
std::string packed(const std::string& kernel, Filter filter) {
    const std::string size =
        filter == archive_write_add_filter_gzip ? "" : bytes_of(static_cast<std::uint32_t>(kernel.size()));
    return bzimage(compressed(kernel, filter) + size);
}

const Filter gzip = archive_write_add_filter_gzip;

}  // namespace

BOOST_AUTO_TEST_SUITE(unpacked_kernels)

BOOST_AUTO_TEST_CASE(a_kernel_is_taken_out_of_its_image) {
    const std::string kernel = vmlinux(note(1, "Linux", 0) + pvh_entry);
    for (const Filter filter :
         {gzip, Filter{archive_write_add_filter_xz}, Filter{archive_write_add_filter_zstd}})
        BOOST_TEST((unpacked_kernel(packed(kernel, filter)) == kernel));
}

BOOST_AUTO_TEST_CASE(a_kernel_that_qemu_cannot_enter_stays_in_its_image) {
    BOOST_TEST(!unpacked_kernel(packed(vmlinux(""), gzip)));
    BOOST_TEST(!unpacked_kernel(packed(vmlinux(note(18, "Linux", 0)), gzip)));
    BOOST_TEST(!unpacked_kernel(packed(vmlinux(note(17, "Xen", 0)), gzip)));
    std::string other = vmlinux(pvh_entry);
    other[EI_CLASS] = ELFCLASS32;
    BOOST_TEST(!unpacked_kernel(packed(other, gzip)));
    BOOST_TEST(!unpacked_kernel(packed(std::string(5000, 'x'), gzip)));
}

BOOST_AUTO_TEST_CASE(what_is_no_bzimage_is_left_alone) {
    BOOST_TEST(!unpacked_kernel(""));
    BOOST_TEST(!unpacked_kernel(fake_bzimage("6.1.0")));
    BOOST_TEST(!unpacked_kernel(fake_arm64_image("6.1.0")));
    BOOST_TEST(!unpacked_kernel(vmlinux(pvh_entry)));
    std::string old = packed(vmlinux(pvh_entry), gzip);
    old.replace(0x206, 2, "\x07\x02");
    BOOST_TEST(!unpacked_kernel(old));
}

BOOST_AUTO_TEST_CASE(damage_goes_nowhere) {
    const std::string good = packed(vmlinux(pvh_entry), gzip);
    BOOST_REQUIRE(unpacked_kernel(good));
    for (std::size_t size = 0; size < good.size(); size += 7) (void)unpacked_kernel(good.substr(0, size));
    for (const std::size_t field : {0x248U, 0x24cU}) {
        std::string image = good;
        put(image, field, 0xFFFFFFFF);
        BOOST_TEST(!unpacked_kernel(image));
    }
    for (std::size_t i = 0; i < sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + pvh_entry.size(); ++i) {
        std::string kernel = vmlinux(pvh_entry);
        kernel[i] = '\xff';
        (void)unpacked_kernel(packed(kernel, gzip));
    }
    std::string cut = vmlinux(pvh_entry);
    cut.resize(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 8);
    BOOST_TEST(!unpacked_kernel(packed(cut, gzip)));
}

BOOST_AUTO_TEST_SUITE_END()
