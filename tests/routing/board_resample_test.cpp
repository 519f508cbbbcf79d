#include <boost/test/unit_test.hpp>

#include "routing/board.hpp"
#include "tests/routing/board_fixture.hpp"

namespace irqbench::routing::x86 {
namespace {

constexpr auto masked = GuestBoard::masked;
constexpr auto level = GuestBoard::level;
constexpr auto resample = GuestBoard::resample;

/// GSI 10 on I/O APIC pin 10, level-triggered with vector 0x51, with listener 1.
struct Resampled : GuestBoard {
    Resampled() {
        set_low(10, level | 0x51);
        board.listen(10, 1);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(board_resample)

BOOST_AUTO_TEST_CASE(an_eoi_lowers_the_line_and_notifies) {
    Resampled guest;
    BOOST_TEST(guest.raise(10, resample) == "deliver 10: 51 level to 0");
    const Response response = guest.board.eoi(0x51);
    BOOST_TEST(asked(response) == "notify 1 of 10");
    BOOST_TEST(seen(response) == "ioapic pin 10 ended, ioapic pin 10 down, pic_slave pin 2 down");
    BOOST_TEST(!guest.in_service(10));
    BOOST_TEST(guest.raise(10, resample) == "deliver 10: 51 level to 0");
}

BOOST_AUTO_TEST_CASE(an_eoi_lowers_the_line_at_the_pic_too) {
    Resampled guest;
    guest.start_pic(0x0404, 0x0400);
    guest.raise(10, resample);
    BOOST_TEST(guest.board.intr());
    BOOST_TEST(guest.eoi(0x51) == "notify 1 of 10");
    BOOST_TEST(!guest.board.pic().asserted(10));
}

BOOST_AUTO_TEST_CASE(a_line_that_others_still_assert_is_delivered_again) {
    Resampled guest;
    guest.raise(10, resample);
    guest.raise(10);
    BOOST_TEST(guest.eoi(0x51) == "notify 1 of 10, deliver 10: 51 level to 0");
    BOOST_TEST(guest.board.ioapic().storm_count(10) == 1);
}

BOOST_AUTO_TEST_CASE(all_listeners_of_a_gsi_hear_of_its_eoi) {  // row R02
    Resampled guest;
    BOOST_TEST(guest.board.listen(10, 2));
    BOOST_TEST(!guest.board.listen(10, 2));
    guest.raise(10, resample);
    BOOST_TEST(guest.eoi(0x51) == "notify 1 and 2 of 10");
}

BOOST_AUTO_TEST_CASE(every_pin_with_the_vector_has_its_listeners_notified) {  // row X11
    Resampled guest;
    guest.set_low(20, level | 0x51);
    guest.board.listen(20, 7);
    guest.raise(20, resample);
    BOOST_TEST(guest.eoi(0x51) == "notify 1 of 10, notify 7 of 20");
}

BOOST_AUTO_TEST_CASE(an_unmask_asks_again_instead_of_injecting) {  // row X07
    Resampled guest;
    guest.raise(10, resample);
    guest.set_low(10, masked | level | 0x51);
    BOOST_TEST(guest.eoi(0x51) == "notify 1 of 10");
    BOOST_TEST(guest.raise(10, resample) == "nothing");
    const Response response = guest.low(10, level | 0x51);
    BOOST_TEST(asked(response) == "notify 1 of 10");
    BOOST_TEST(seen(response) == "IOREDTBL[10] = 0x8051, ioapic pin 10 pending dropped, resampled");
    BOOST_TEST(!guest.in_service(10));
    BOOST_TEST(!guest.board.ioapic().pending(10));
    BOOST_TEST(guest.set_high(10, 0) == "nothing");
    BOOST_TEST(guest.raise(10, resample) == "deliver 10: 51 level to 0");
}

BOOST_AUTO_TEST_CASE(an_unmask_of_an_idle_pin_asks_nobody) {
    Resampled guest;
    guest.set_low(10, masked | level | 0x51);
    BOOST_TEST(guest.set_low(10, level | 0x51) == "nothing");
}

BOOST_AUTO_TEST_CASE(an_unmask_without_listeners_delivers) {
    GuestBoard guest;
    guest.set_low(10, masked | level | 0x51);
    guest.raise(10);
    BOOST_TEST(guest.set_low(10, level | 0x51) == "route 10: 51 level to 0, deliver 10: 51 level to 0");
}

BOOST_AUTO_TEST_CASE(an_eoi_at_the_pic_lowers_the_line_everywhere_and_notifies) {  // row P11
    GuestBoard guest;
    guest.board.listen(5, 1);
    guest.start_pic(0x0020, 0x0020);
    guest.raise(5, resample);
    guest.board.acknowledge();
    const Response response = *guest.board.port_out(0x20, 1, 0x20);
    BOOST_TEST(asked(response) == "notify 1 of 5");
    BOOST_TEST(seen(response) ==
               "pic_master OCW2 = 0x20, pic_master pin 5 ended, ioapic pin 5 down, pic_master pin 5 down");
}

BOOST_AUTO_TEST_CASE(what_an_eoi_and_its_resample_do_to_intr_in_between_is_not_seen) {
    GuestBoard guest;
    guest.board.listen(5, 1);
    guest.start_pic(0x0020, 0x0020);
    guest.raise(5, resample);
    guest.board.acknowledge();
    BOOST_TEST(!guest.board.intr());
    BOOST_TEST(guest.out(0x20, 0x65) == "notify 1 of 5");
    BOOST_TEST(!guest.board.intr());
}

BOOST_AUTO_TEST_CASE(an_eoi_of_the_slave_reaches_its_gsis_listeners) {
    GuestBoard guest;
    guest.board.listen(11, 1);
    guest.start_pic(0x0804, 0x0800);
    guest.raise(11, resample);
    BOOST_TEST(guest.board.acknowledge().vector == 0x2B);
    const Response response = *guest.board.port_out(0xA0, 1, 0x20);
    BOOST_TEST(asked(response) == "notify 1 of 11");
    BOOST_TEST(seen(response) ==
               "pic_slave OCW2 = 0x20, pic_slave pin 3 ended, ioapic pin 11 down, pic_slave pin 3 down");
    BOOST_TEST(guest.out(0x20, 0x20) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_line_of_the_slave_still_high_at_eoi_asks_again) {
    GuestBoard guest;
    guest.start_pic(0x0804, 0x0800);
    guest.raise(11);
    BOOST_TEST(guest.board.acknowledge().vector == 0x2B);
    BOOST_TEST(guest.out(0x20, 0x20) == "nothing");
    BOOST_TEST(guest.out(0xA0, 0x20) == "intr high");
}

BOOST_AUTO_TEST_CASE(a_reinitialized_pic_notifies_for_what_was_in_service) {  // row P11
    GuestBoard guest;
    guest.board.listen(5, 1);
    guest.start_pic(0x0020, 0x0020);
    guest.raise(5, resample);
    guest.board.acknowledge();
    BOOST_TEST(guest.out(0x20, 0x11) == "notify 1 of 5");
}

BOOST_AUTO_TEST_CASE(a_switch_to_edge_in_service_notifies) {  // row O02
    Resampled guest;
    guest.raise(10, resample);
    BOOST_TEST(guest.set_low(10, masked | 0x51) == "notify 1 of 10");
    BOOST_TEST(!guest.board.ioapic().asserted(10));
}

BOOST_AUTO_TEST_CASE(the_listeners_are_those_of_the_gsi_the_table_leads_to) {
    GuestBoard guest;
    RoutingTable table;
    table.set(33, {PinRoute{ioapic, 10}});
    guest.board.route(table);
    guest.board.listen(10, 1);
    guest.board.listen(33, 2);
    guest.set_low(10, level | 0x51);
    guest.raise(33, resample);
    BOOST_TEST(guest.eoi(0x51) == "notify 2 of 33");
}

BOOST_AUTO_TEST_CASE(listeners_of_a_gsi_that_lost_its_routes_hear_nothing) {
    Resampled guest;
    guest.board.listen(5, 2);
    guest.start_pic(0x0020, 0x0020);
    guest.raise(10, resample);
    guest.raise(5, resample);
    BOOST_TEST(guest.board.acknowledge().vector == 0x25);
    guest.board.route({});
    BOOST_TEST(guest.eoi(0x51) == "deliver 10: 51 level to 0");  // its line stays up: nobody can lower it
    BOOST_TEST(guest.out(0x20, 0x20) == "intr high");
}

BOOST_AUTO_TEST_CASE(the_last_gsi_of_a_shared_pin_hears_of_its_eoi) {  // RoutingTable::gsi_of()
    GuestBoard guest;
    RoutingTable table;
    table.set(10, {PinRoute{ioapic, 10}});
    table.set(33, {PinRoute{ioapic, 10}});
    guest.board.route(table);
    for (unsigned pin = 0; pin < 24; ++pin)
        BOOST_TEST((table.gsi_of(ioapic, pin) == (pin == 10 ? std::optional<Gsi>(33) : std::nullopt)));
    guest.board.listen(10, 1);
    guest.board.listen(33, 2);
    guest.set_low(10, level | 0x51);
    guest.raise(10, resample);
    BOOST_TEST(guest.eoi(0x51) == "notify 2 of 33");
}

BOOST_AUTO_TEST_CASE(the_last_listener_takes_the_line_with_it) {
    Resampled guest;
    guest.board.listen(10, 2);
    guest.raise(10, resample);
    BOOST_TEST(asked(guest.board.unlisten(10, 1)) == "nothing");
    BOOST_TEST(guest.board.ioapic().asserted(10));
    const Response response = guest.board.unlisten(10, 2);
    BOOST_TEST(seen(response) == "ioapic pin 10 down, pic_slave pin 2 down");
    BOOST_TEST(guest.eoi(0x51) == "nothing");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::routing::x86
