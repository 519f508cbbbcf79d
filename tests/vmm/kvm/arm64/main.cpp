#define BOOST_TEST_MODULE irqbench
#define BOOST_TEST_NO_MAIN
#include <boost/test/included/unit_test.hpp>

#include <array>
#include <string>

// The lab runs it as it runs irqbench, with a command, which means nothing here; and takes a program that
// says nothing for one that hangs.
int main(int, char* argv[]) {
    std::string progress = "--log_level=test_suite";
    std::string plain = "--color_output=no";
    std::array<char*, 4> arguments{argv[0], progress.data(), plain.data(), nullptr};
    return boost::unit_test::unit_test_main(&init_unit_test_suite, 3, arguments.data());
}
