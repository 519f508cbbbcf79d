#include "tools/lab/initramfs.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tests/tools/lab/newc.hpp"
#include "tools/lab/process.hpp"

using namespace irqbench::tools::lab;

namespace {

const std::atomic<bool> never{false};

std::vector<std::string> names_in(const std::string& archive) {
    std::vector<std::string> names;
    for (const auto& entry : irqbench::tests::read_newc(archive)) names.push_back(entry.name);
    return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(initramfs)

BOOST_AUTO_TEST_CASE(folders_come_before_what_is_in_them) {
    Initramfs image;
    image.add_bytes("/a/b/c", "text");
    image.add_bytes("/a/d", "");
    image.add_folder("/e/");
    const std::vector<std::string> expected = {"dev", "dev/console", "a", "a/b", "a/b/c", "a/d", "e"};
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

BOOST_AUTO_TEST_CASE(what_has_no_content_has_its_kind_and_its_permissions) {
    Initramfs image;
    image.add_folder("/closed", 0);
    image.add_link("/link", "closed/a");
    image.add_pipe("/pipe", 0600);
    image.add_bytes("/empty", "", 0);
    const auto entries = irqbench::tests::read_newc(image.finish().content());
    BOOST_REQUIRE(entries.size() == 6U);
    BOOST_TEST(entries[2].mode == 0040000U);
    BOOST_TEST(entries[3].mode == 0120777U);
    BOOST_TEST(entries[3].content == "closed/a");
    BOOST_TEST(entries[4].mode == 0010600U);
    BOOST_TEST(entries[5].mode == 0100000U);
    BOOST_TEST(entries[5].content == "");
    BOOST_TEST(image.has("/closed/"));
    BOOST_TEST(!image.has("/closed/a"));
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
    } catch (const UnreadableFile& error) {
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
