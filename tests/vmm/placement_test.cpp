#include "vmm/placement.hpp"

#include <boost/test/unit_test.hpp>

using namespace irqbench::vmm;
using std::chrono::nanoseconds;

namespace {

/// A counter of two ticks a nanosecond that was 1000 at 500 ns.
GuestClock sample() { return {1000, nanoseconds(500), 0.5}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(guest_clock)

BOOST_AUTO_TEST_CASE(ticks_become_nanoseconds_since_the_sample) {
    BOOST_TEST(sample().time_of(1200).count() == 600);
    BOOST_TEST(sample().time_of(800).count() == 400);
}

BOOST_AUTO_TEST_CASE(nothing_happened_before_the_log_was_read_the_last_time) {
    GuestClock clock = sample();
    BOOST_TEST(clock.time_between(800, nanoseconds(450), nanoseconds(900)).count() == 450);
    BOOST_TEST(clock.time_of(1200).count() == 600);
}

BOOST_AUTO_TEST_CASE(a_counter_that_is_ahead_of_the_host_is_set_back) {
    GuestClock clock = sample();
    BOOST_TEST(clock.time_between(2000, nanoseconds(450), nanoseconds(900)).count() == 900);
    BOOST_TEST(clock.time_between(2200, nanoseconds(900), nanoseconds(2000)).count() == 1000);
}

BOOST_AUTO_TEST_CASE(a_counter_that_the_guest_has_written_stays_within_the_bounds) {
    GuestClock clock = sample();
    BOOST_TEST(clock.time_between(~std::uint64_t{0} >> 1, nanoseconds(450), nanoseconds(900)).count() == 900);
    BOOST_TEST(clock.time_between(std::uint64_t{1} << 63, nanoseconds(900), nanoseconds(950)).count() == 900);
}

BOOST_AUTO_TEST_SUITE_END()
