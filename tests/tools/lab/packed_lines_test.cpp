#include "tools/lab/packed_lines.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <stdexcept>
#include <string>

using irqbench::tools::lab::LinePacker;
using irqbench::tools::lab::LineUnpacker;

namespace {

/// @returns the packed line without its end, which it must have
std::string packed(LinePacker& packer, const std::string& text) {
    std::string line = packer.pack(text);
    BOOST_REQUIRE(line.ends_with('\n'));
    line.pop_back();
    BOOST_TEST(line.find('\n') == std::string::npos);
    BOOST_TEST(!line.starts_with('{'));
    return line;
}

std::string noise(std::size_t size) {
    std::mt19937 random(7);
    std::string bytes(size, '\0');
    for (char& each : bytes) each = static_cast<char>(random());
    return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(packed_lines)

BOOST_AUTO_TEST_CASE(each_line_is_there_as_soon_as_it_came) {
    LinePacker packer;
    LineUnpacker unpacker;
    // 16384 and twice that fill the buffer to its end.
    for (const std::size_t size : {1U, 100U, 16384U, 32768U, 100000U}) {
        BOOST_TEST(unpacker.unpack(packed(packer, std::string(size, 'a') + '\n')) ==
                   std::string(size, 'a') + '\n');
        BOOST_TEST((unpacker.unpack(packed(packer, noise(size))) == noise(size)));
    }
}

BOOST_AUTO_TEST_CASE(what_came_before_need_not_come_again) {
    LinePacker packer;
    const std::string text = noise(600);
    const std::size_t first = packed(packer, text).size();
    BOOST_TEST(first > 600);
    BOOST_TEST(packed(packer, text).size() < 40);
}

BOOST_AUTO_TEST_CASE(a_line_that_is_none_harms_nothing) {
    LinePacker packer;
    LineUnpacker unpacker;
    for (const char* other : {"", "panic", "Segmentation fault", "A===", "AAAA"}) {
        BOOST_CHECK_THROW((void)unpacker.unpack(other), std::invalid_argument);
        BOOST_TEST((unpacker.unpack(packed(packer, noise(500))) == noise(500)));
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_or_lost_line_is_told_once_and_ends_it) {
    LinePacker packer;
    const std::string first = packed(packer, noise(500));
    const std::string second = packed(packer, noise(500));
    std::string changed = first;
    changed[200] = changed[200] == 'A' ? 'B' : 'A';
    for (const std::string& wrong : {first.substr(0, 100), first.substr(4), changed, second}) {
        LineUnpacker unpacker;
        BOOST_CHECK_THROW((void)unpacker.unpack(wrong), std::invalid_argument);
        BOOST_TEST(unpacker.unpack(first).empty());
    }
}

BOOST_AUTO_TEST_CASE(a_line_cannot_fill_the_memory) {
    LinePacker packer;
    LineUnpacker unpacker;
    const std::string most = packed(packer, std::string(LineUnpacker::most, '\0'));
    BOOST_TEST(unpacker.unpack(most).size() == LineUnpacker::most);
    const std::string more = packed(packer, std::string(LineUnpacker::most + 1, '\0'));
    BOOST_CHECK_THROW((void)unpacker.unpack(more), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
