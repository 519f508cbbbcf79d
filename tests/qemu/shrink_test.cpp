#include "tests/qemu/shrink.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <vector>

#include "tests/qemu/state.hpp"

namespace irqbench::tests::qemu {

using Numbers = std::vector<int>;

namespace {

Numbers up_to(int count) {
    Numbers numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
}

bool has(const Numbers& numbers, int wanted) {
    return std::find(numbers.begin(), numbers.end(), wanted) != numbers.end();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(qemu_helpers)

BOOST_AUTO_TEST_CASE(shrinking_keeps_what_it_takes_in_order) {
    const auto fails = [](const Numbers& some) { return has(some, 3) && has(some, 170) && has(some, 171); };
    BOOST_TEST(shrink<int>(up_to(250), fails, 300) == (Numbers{3, 170, 171}));
    BOOST_TEST(shrink<int>(
                   up_to(1), [](const Numbers& some) { return has(some, 0); }, 300) == Numbers{0});
}

BOOST_AUTO_TEST_CASE(shrinking_ends_after_its_tries) {
    int tries = 0;
    const auto fails = [&tries](const Numbers& some) { return ++tries, has(some, 0) && has(some, 249); };
    BOOST_TEST(fails(shrink<int>(up_to(250), fails, 7)));
    BOOST_TEST(tries == 8);
}

BOOST_AUTO_TEST_CASE(lapics_are_read_from_info_lapic) {
    const LapicState state = parse_lapic("ISR\t 7 \nIRR\t 12 81(level) \n\nAPR 0x00\n");
    BOOST_TEST(state.irr.count() == 2U);
    BOOST_TEST((state.irr[12] && state.irr[81] && state.level[81] && !state.level[12]));
    BOOST_TEST(parse_lapic("IRR\t (none)\n").irr.none());
    BOOST_CHECK_THROW(parse_lapic("ISR\t (none)\n"), std::runtime_error);
    BOOST_CHECK_THROW(parse_chips("pic0: irr=00\n"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(every_field_that_differs_is_named) {
    Outcome expected;
    Outcome actual;
    BOOST_TEST(differences(expected, actual).empty());
    actual.state.entries[7] = 0x51;
    actual.state.pics[1].isr = 4;
    actual.state.intr = true;
    actual.acknowledged = {0x28};
    actual.sent = {{0, false, 0, 0x51, true}};
    const std::string text = differences(expected, actual);
    for (const char* name : {"entry 7", "slave ISR", "INTR", "acknowledged", "vector 0x51"})
        BOOST_TEST(text.find(name) != std::string::npos, name);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests::qemu
