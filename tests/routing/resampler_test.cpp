#include "routing/resampler.hpp"

#include <boost/test/unit_test.hpp>

namespace irqbench::routing {

namespace {

Resampler listening(Gsi gsi, std::initializer_list<ListenerId> listeners) {
    Resampler resampler;
    for (const ListenerId listener : listeners) resampler.add(gsi, listener);
    return resampler;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(resampler)

BOOST_AUTO_TEST_CASE(eoi_drops_the_shared_source_once_before_it_tells_every_listener) {
    const Resampler resampler = listening(10, {1, 2});
    BOOST_CHECK((resampler.eoi(10) == ResampleActions{LowerResampleSource{10}, Notify{{1, 2}}}));
}

BOOST_AUTO_TEST_CASE(unmask_clears_the_pending_bit_and_tells_without_dropping_the_source) {
    const Resampler resampler = listening(10, {1, 2});
    BOOST_CHECK((resampler.unmask(10) == ResampleActions{ClearPending{10}, Notify{{1, 2}}}));
}

BOOST_AUTO_TEST_CASE(a_gsi_without_listeners_asks_for_nothing) {
    const Resampler resampler = listening(10, {1});
    BOOST_TEST(!resampler.watches(11));
    BOOST_TEST(resampler.eoi(11).empty());
    BOOST_TEST(resampler.unmask(11).empty());
}

BOOST_AUTO_TEST_CASE(the_source_stays_while_another_listener_holds_it_and_drops_with_the_last) {
    Resampler resampler = listening(10, {1, 2});
    BOOST_TEST(resampler.remove(10, 1).empty());
    BOOST_TEST(resampler.watches(10));
    BOOST_CHECK((resampler.eoi(10) == ResampleActions{LowerResampleSource{10}, Notify{{2}}}));
    BOOST_CHECK((resampler.remove(10, 2) == ResampleActions{LowerResampleSource{10}}));
    BOOST_TEST(!resampler.watches(10));
    BOOST_CHECK(resampler == Resampler());
}

BOOST_AUTO_TEST_CASE(removing_who_never_listened_changes_nothing) {
    Resampler resampler = listening(10, {1});
    BOOST_TEST(resampler.remove(10, 2).empty());
    BOOST_TEST(resampler.remove(11, 1).empty());
    BOOST_CHECK(resampler == listening(10, {1}));
}

BOOST_AUTO_TEST_CASE(a_listener_is_told_once_however_often_it_was_added) {
    Resampler resampler;
    BOOST_TEST(resampler.add(10, 1));
    BOOST_TEST(!resampler.add(10, 1));
    BOOST_CHECK((resampler.eoi(10) == ResampleActions{LowerResampleSource{10}, Notify{{1}}}));
}

BOOST_AUTO_TEST_CASE(one_listener_can_listen_to_two_gsis) {
    Resampler resampler = listening(10, {1});
    BOOST_TEST(resampler.add(11, 1));
    resampler.remove(10, 1);
    BOOST_CHECK((resampler.unmask(11) == ResampleActions{ClearPending{11}, Notify{{1}}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::routing
