#include "tools/lab/decompress.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

#include "tests/tools/lab/compress.hpp"
#include "tests/tools/lab/fake_host.hpp"

using namespace irqbench::tools::lab;
using irqbench::tests::compressed;

namespace {

const std::string content =
    "\x7f"
    "ELF" +
    std::string(200'000, 'x') + std::string("\0end", 4);

}  // namespace

BOOST_AUTO_TEST_SUITE(decompress)

BOOST_AUTO_TEST_CASE(gzip_xz_and_zstd_are_decompressed) {
    for (auto* filter :
         {archive_write_add_filter_gzip, archive_write_add_filter_xz, archive_write_add_filter_zstd}) {
        const std::string bytes = compressed(content, filter);
        BOOST_TEST(bytes.size() < content.size() / 10);
        BOOST_TEST((decompressed(bytes, "it") == content));
    }
}

BOOST_AUTO_TEST_CASE(plain_bytes_stay_as_they_are) {
    BOOST_TEST((decompressed(content, "it") == content));
    BOOST_TEST(decompressed("", "it") == "");
    BOOST_TEST(decompressed("x", "it") == "x");
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_cut_off_is_an_error_that_names_it) {
    std::minstd_rand random;
    std::string noise(300'000, '\0');
    for (char& each : noise) each = static_cast<char>(random() >> 8U);
    const std::string bytes = compressed(noise, archive_write_add_filter_xz);
    for (const std::size_t size : {bytes.size() / 100, bytes.size() / 2, bytes.size() - 20}) {
        BOOST_CHECK_EXCEPTION(
            decompressed(bytes.substr(0, size), "kvm.ko.xz"), std::runtime_error,
            [](const std::exception& error) {
                return std::string(error.what()).rfind("kvm.ko.xz cannot be decompressed: ", 0) == 0;
            });
    }
}

BOOST_AUTO_TEST_CASE(a_file_is_decompressed_whatever_its_name) {
    const irqbench::tests::FakeHost host;
    const auto file = host.file("kvm.ko", compressed(content, archive_write_add_filter_zstd));
    BOOST_TEST((read_decompressed(file) == content));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_an_error_with_the_reason) {
    const irqbench::tests::FakeHost host;
    const auto says = [](const std::string& what) {
        return [what](const std::exception& error) {
            return std::string(error.what()).find(what) != std::string::npos;
        };
    };
    BOOST_CHECK_EXCEPTION(read_file(host.folder() / "none"), std::runtime_error,
                          says("none cannot be read: No such file or directory"));
    BOOST_CHECK_EXCEPTION(read_file(host.folder()), std::runtime_error,
                          says("cannot be read: Is a directory"));
}

BOOST_AUTO_TEST_SUITE_END()
