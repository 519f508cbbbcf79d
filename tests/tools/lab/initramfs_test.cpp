#include "tools/lab/initramfs.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tools/lab/process.hpp"

using namespace irqbench::tools::lab;

namespace {

const std::atomic<bool> never{false};

/// What cpio(1) or, where that is not installed, bsdtar(1) lists, is read here from the headers: name by
/// name.
std::vector<std::string> names_in(const std::string& archive) {
    std::vector<std::string> names;
    const auto field = [&archive](std::size_t header, std::size_t index) {
        return std::stoul(archive.substr(header + 6 + 8 * index, 8), nullptr, 16);
    };
    constexpr std::size_t header_size = 110;
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    for (std::size_t at = 0; archive.compare(at, 6, "070701") == 0;) {
        const std::size_t file_size = field(at, 6);
        const std::size_t name_size = field(at, 11);
        names.push_back(archive.substr(at + header_size, name_size - 1));
        if (names.back() == "TRAILER!!!") break;
        at += padded(header_size + name_size) + padded(file_size);
    }
    return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(initramfs)

BOOST_AUTO_TEST_CASE(folders_come_before_what_is_in_them) {
    Initramfs image;
    image.add_bytes("/a/b/c", "text");
    image.add_bytes("/a/d", "");
    image.add_folder("/e/");
    const std::vector<std::string> expected = {"dev",   "dev/console", "a", "a/b",
                                               "a/b/c", "a/d",         "e", "TRAILER!!!"};
    BOOST_TEST(names_in(image.finish().content()) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_first_content_of_a_path_stays) {
    Initramfs image;
    image.add_bytes("/a", "first");
    image.add_bytes("/b/../a", "second");
    const std::string content = image.finish().content();
    BOOST_TEST(content.find("first") != std::string::npos);
    BOOST_TEST(content.find("second") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(equal_content_gives_equal_bytes) {
    const auto make = [] {
        Initramfs image;
        image.add_bytes("/x", "same");
        return image.finish().content();
    };
    BOOST_TEST(make() == make());
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_an_error_with_its_name) {
    Initramfs image;
    try {
        image.add_file("/a", "/no/such/file");
        BOOST_FAIL("it was read");
    } catch (const std::runtime_error& error) {
        BOOST_TEST(std::string(error.what()).find("/no/such/file") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(another_program_can_open_it) {
    Initramfs image;
    image.add_bytes("/a", "text for another");
    const Output output =
        run_program({{"grep", "-c", "text for another", image.finish().path()}, {}, {}}, never);
    BOOST_TEST(output.status == 0);
}

BOOST_AUTO_TEST_SUITE_END()
