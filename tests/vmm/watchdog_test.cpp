#include "vmm/watchdog.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace irqbench::vmm;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(watchdog)

BOOST_AUTO_TEST_CASE(a_vcpu_is_left_alone_longer_each_time_up_to_a_limit) {
    Patience patience(300us);
    BOOST_TEST(patience.next().count() == 300);
    BOOST_TEST(patience.next().count() == 600);
    for (int i = 0; i < 100; ++i) static_cast<void>(patience.next());
    BOOST_TEST(patience.next().count() == Patience::longest.count());
}

BOOST_AUTO_TEST_CASE(who_looks_at_something_else_meanwhile_asks_whether_it_is_over) {
    Patience patience(1h);
    BOOST_TEST(patience.is_over(), "the first look is at once");
    BOOST_TEST((patience.last() == 1h));
    BOOST_TEST(!patience.is_over());
    Patience shorter(1ms);
    BOOST_TEST(shorter.is_over());
    std::this_thread::sleep_for(2ms);
    BOOST_TEST(shorter.is_over());
    BOOST_TEST((shorter.last() == 2ms));
}

BOOST_AUTO_TEST_CASE(a_wait_ends_after_its_limit_and_not_before) {
    BOOST_TEST(!Watchdog(1h).expired(1h));
    Watchdog watchdog(20ms);
    std::this_thread::sleep_for(21ms);
    BOOST_TEST(watchdog.expired(20ms));
    BOOST_TEST(!watchdog.starved());
}

BOOST_AUTO_TEST_CASE(a_wait_in_which_nobody_could_ask_goes_on) {
    // Ten times as long is far away also on a slow machine.
    Watchdog watchdog(300ms);
    std::this_thread::sleep_for(301ms);
    BOOST_TEST(!watchdog.expired(14ms));
    BOOST_TEST(watchdog.starved());
    // A twentieth of the limit is enough to have seen what the guest does.
    BOOST_TEST(watchdog.expired(1ms));
    BOOST_TEST(!watchdog.starved());
}

BOOST_AUTO_TEST_CASE(a_wait_in_which_nobody_could_ask_ends_after_ten_times_its_limit) {
    Watchdog watchdog(10ms);
    std::this_thread::sleep_for(101ms);
    BOOST_TEST(watchdog.expired(0us));
    BOOST_TEST(watchdog.starved());
}

BOOST_AUTO_TEST_SUITE_END()
