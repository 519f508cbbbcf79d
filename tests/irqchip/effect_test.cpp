#include "irqchip/effect.hpp"

#include <boost/test/unit_test.hpp>
#include <utility>

#include "tests/irqchip/effects_text.hpp"

namespace irqbench::irqchip {

BOOST_AUTO_TEST_SUITE(effect)

BOOST_AUTO_TEST_CASE(effects_keep_their_order_beyond_the_inline_capacity) {
    Effects effects;
    for (unsigned pin = 0; pin < 24; ++pin) {
        BOOST_TEST(effects.size() == pin);
        effects.add(EoiOfPin{static_cast<std::uint8_t>(pin)});
    }
    BOOST_REQUIRE(effects.size() == 24);
    for (unsigned pin = 0; pin < 24; ++pin) BOOST_TEST(std::get<EoiOfPin>(effects[pin]).pin == pin);
}

BOOST_AUTO_TEST_CASE(effects_are_equal_when_their_elements_are) {
    BOOST_TEST((Effects{} == Effects{}));
    BOOST_TEST((Effects{EoiOfPin{1}} == Effects{EoiOfPin{1}}));
    BOOST_TEST((Effects{EoiOfPin{1}} != Effects{EoiOfPin{2}}));
    BOOST_TEST((Effects{EoiOfPin{1}} != Effects{Unmasked{1}}));
    BOOST_TEST((Effects{EoiOfPin{1}} != Effects{EoiOfPin{1}, EoiOfPin{1}}));
}

BOOST_AUTO_TEST_CASE(effects_can_be_appended_copied_and_moved) {
    Effects effects{RouteChanged{1}, Unmasked{1}};
    effects.add(Effects{EoiOfPin{2}, EoiOfPin{3}});
    const Effects copy = effects;
    BOOST_TEST(text(copy) == "route 1, unmasked 1, eoi of 2, eoi of 3");
    const Effects moved = std::move(effects);
    BOOST_TEST((moved == copy));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip
