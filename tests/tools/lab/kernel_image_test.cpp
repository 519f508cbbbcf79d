#include "tools/lab/kernel_image.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/lab/compress.hpp"
#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"

using namespace irqbench::tools::lab;
using namespace irqbench::tests;

namespace {

std::string gzip(const std::string& bytes) { return compressed(bytes, archive_write_add_filter_gzip); }

/// An EFI program with a payload of less than 256 bytes.
std::string zboot(const std::string& compression, const std::string& payload) {
    std::string bytes(0x80, '\0');
    bytes.replace(0, 2, "MZ");
    bytes.replace(4, 4, "zimg");
    bytes.replace(8, 1, "\x80");
    bytes.replace(12, 1, 1, static_cast<char>(payload.size()));
    bytes.replace(24, compression.size(), compression);
    return bytes + payload;
}

ImageInfo inspect(const std::string& bytes) { return inspect_image(std::string_view(bytes), "it"); }

void check_arm64(const std::string& bytes) {
    const ImageInfo info = inspect(bytes);
    BOOST_TEST((info.arch == Arch::arm64));
    BOOST_TEST(info.release == "6.1.0-test");
}

void check_refused(const std::string& bytes, const std::string& reason) {
    BOOST_CHECK_EXCEPTION(inspect(bytes), Unavailable, [&reason](const Unavailable& error) {
        BOOST_TEST_MESSAGE(error.what());
        return std::string(error.what()).find(reason) != std::string::npos;
    });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_image)

BOOST_AUTO_TEST_CASE(a_bzimage_says_its_release) {
    const ImageInfo info = inspect(fake_bzimage("6.1.0-50-cloud-amd64"));
    BOOST_TEST((info.arch == Arch::x86_64));
    BOOST_TEST(info.release == "6.1.0-50-cloud-amd64");
}

BOOST_AUTO_TEST_CASE(a_bzimage_may_keep_its_release_to_itself) {
    std::string bytes = fake_bzimage("6.1.0");
    bytes.replace(0x20e, 2, std::string(2, '\0'));
    BOOST_TEST(inspect(bytes).release == "");
    bytes.replace(0x20e, 2, "\xff\xff");
    BOOST_TEST(inspect(bytes).release == "");
}

BOOST_AUTO_TEST_CASE(a_32_bit_bzimage_is_refused) {
    std::string bytes = fake_bzimage("6.1.0");
    bytes[0x236] = 0;
    check_refused(bytes, "it is a 32-bit kernel");
}

BOOST_AUTO_TEST_CASE(an_arm64_image_says_its_release_in_its_banner) {
    check_arm64(fake_arm64_image("6.1.0-test"));
}

BOOST_AUTO_TEST_CASE(a_gzipped_arm64_image_is_looked_into) {
    check_arm64(gzip(fake_arm64_image("6.1.0-test")));
}

BOOST_AUTO_TEST_CASE(an_efi_program_is_looked_into) {
    check_arm64(zboot("gzip", gzip(fake_arm64_image("6.1.0-test"))));
}

BOOST_AUTO_TEST_CASE(an_efi_program_that_qemu_cannot_decompress_is_refused) {
    check_refused(zboot("zstd", "payload"), "compressed by zstd, of which QEMU boots gzip only");
}

BOOST_AUTO_TEST_CASE(an_efi_program_that_is_cut_off_is_refused) {
    const std::string whole = zboot("gzip", gzip(fake_arm64_image("6.1.0-test")));
    check_refused(whole.substr(0, whole.size() - 1), "it is cut off");
}

BOOST_AUTO_TEST_CASE(vmlinux_is_refused_with_what_to_name_instead) {
    check_refused(
        "\x7f"
        "ELF and more",
        "it is an ELF file, such as vmlinux; name arch/x86/boot/bzImage");
}

BOOST_AUTO_TEST_CASE(what_is_no_kernel_is_refused) {
    for (const std::string& bytes : {std::string(), std::string("MZ"), std::string(1000, 'x'), gzip("text")})
        check_refused(bytes, "it is no kernel image that QEMU boots: neither header is in it");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_refused_by_name) {
    BOOST_CHECK_EXCEPTION(
        inspect_image(std::filesystem::path("/no/image")), Unavailable, [](const Unavailable& error) {
            return error.what() == std::string("/no/image cannot be read: No such file or directory");
        });
}

BOOST_AUTO_TEST_SUITE_END()
