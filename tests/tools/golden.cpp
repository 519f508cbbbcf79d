#include "tests/tools/golden.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace irqbench::tests {

bool is_golden(const std::string& text, const std::string& name) {
    const std::string path = IRQBENCH_SOURCE_DIR "/tests/golden/" + name;
    if (std::getenv("IRQBENCH_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << text;
        return true;
    }
    std::ifstream file(path);
    std::ostringstream expected;
    expected << file.rdbuf();
    if (expected.str() == text) return true;
    BOOST_TEST_MESSAGE(name << " should be\n" << expected.str() << "\nand is\n" << text);
    return false;
}

}  // namespace irqbench::tests
