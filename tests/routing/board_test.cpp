#include "routing/board.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/routing/board_fixture.hpp"

// Lines, messages, routes and guest accesses; resampling is in board_resample_test.cpp.
namespace irqbench::routing::x86 {
namespace {

constexpr auto masked = GuestBoard::masked;
constexpr auto level = GuestBoard::level;

RoutingTable only(Gsi gsi, std::vector<Route> routes) {
    RoutingTable table;
    table.set(gsi, std::move(routes));
    return table;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(board)

BOOST_AUTO_TEST_CASE(a_gsi_of_the_default_table_drives_both_controllers) {
    GuestBoard guest;
    guest.set_low(9, 0x51);
    guest.start_pic(0x0204, 0);
    const Response response = guest.board.set_gsi(9, true);
    BOOST_TEST(asked(response) == "deliver 9: 51 to 0, intr high");
    BOOST_TEST(seen(response) ==
               "ioapic pin 9 up, pic_slave pin 1 up, ioapic pin 9 sends vector 0x51 to 0, INTR up");
}

BOOST_AUTO_TEST_CASE(a_gsi_above_the_pics_drives_its_ioapic_pin) {
    GuestBoard guest;
    guest.set_low(20, level | 0x51);
    BOOST_TEST(guest.raise(20) == "deliver 20: 51 level to 0");
}

BOOST_AUTO_TEST_CASE(a_gsi_goes_where_the_table_says) {
    GuestBoard guest(only(3, {PinRoute{ioapic, 7}}));
    guest.set_low(7, 0x51);
    guest.set_low(3, 0x61);
    BOOST_TEST(guest.raise(3) == "deliver 7: 51 to 0");
    BOOST_TEST(guest.raise(7) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_gsi_with_a_message_sends_it_when_it_rises) {
    GuestBoard guest(only(24, {MsiRoute{0xFEE0'1000, 0x4051}}));
    BOOST_TEST(guest.raise(24) == "msi of 24: fee01000 4051");
    BOOST_TEST(guest.raise(24) == "msi of 24: fee01000 4051");
    BOOST_TEST(guest.lower(24) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_gsi_without_routes_does_nothing) {
    GuestBoard guest;
    const Board before = guest.board;
    BOOST_TEST(guest.raise(24) == "nothing");
    BOOST_TEST((guest.board == before));
}

BOOST_AUTO_TEST_CASE(routes_to_pins_that_do_not_exist_lead_nowhere) {
    GuestBoard guest(
        only(3, {PinRoute{ioapic, 24}, PinRoute{pic_master, 8}, PinRoute{Chip{7}, 0}, RawRoute{9, 0, {}}}));
    const Board before = guest.board;
    BOOST_TEST(guest.raise(3) == "nothing");
    BOOST_TEST(guest.board.status_of(3, true) == -1);
    BOOST_TEST((guest.board == before));
}

BOOST_AUTO_TEST_CASE(two_gsis_of_one_pin_share_its_driver) {  // as in KVM, where the source id alone counts
    RoutingTable table;
    table.set(10, {PinRoute{ioapic, 10}});
    table.set(30, {PinRoute{ioapic, 10}});
    GuestBoard guest(table);
    guest.set_low(10, level | 0x51);
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 level to 0");
    guest.lower(30);
    BOOST_TEST(!guest.board.ioapic().asserted(10));
}

BOOST_AUTO_TEST_CASE(a_pin_keeps_its_level_when_its_gsi_moves_on) {
    GuestBoard guest(only(10, {PinRoute{ioapic, 10}}));
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    guest.board.route(only(10, {PinRoute{ioapic, 11}}));
    guest.lower(10);
    BOOST_TEST(guest.board.ioapic().asserted(10));
    BOOST_TEST(guest.eoi(0x51) == "deliver 10: 51 level to 0");
}

BOOST_AUTO_TEST_CASE(the_route_is_updated_before_the_message_that_needs_it) {  // row Q01
    GuestBoard guest;
    guest.set_low(10, masked | level | 0x51);
    guest.raise(10);
    BOOST_TEST(guest.set_high(10, 0x0300'0000) == "nothing");
    BOOST_TEST(guest.set_low(10, level | 0x62) == "route 10: 62 level to 3, deliver 10: 62 level to 3");
}

BOOST_AUTO_TEST_CASE(a_route_is_updated_only_when_the_message_differs) {
    GuestBoard guest;
    BOOST_TEST(guest.set_low(10, 0x51) == "route 10: 51 to 0");
    BOOST_TEST(guest.set_low(10, masked | 0x51) == "nothing");
    BOOST_TEST(guest.set_low(10, 0x51) == "nothing");
    BOOST_TEST(guest.set_low(10, masked | 0x61) == "nothing");
    BOOST_TEST(guest.set_low(10, 0x61) == "route 10: 61 to 0");
}

BOOST_AUTO_TEST_CASE(an_eoi_with_the_line_high_delivers_again) {
    GuestBoard guest;
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    const Response response = guest.board.eoi(0x51);
    BOOST_TEST(asked(response) == "deliver 10: 51 level to 0");
    BOOST_TEST(seen(response) == "ioapic pin 10 ended, ioapic pin 10 sends vector 0x51 to 0");
    guest.lower(10);
    BOOST_TEST(guest.eoi(0x51) == "nothing");
    BOOST_TEST(!guest.in_service(10));
}

BOOST_AUTO_TEST_CASE(eoir_does_what_a_broadcast_does) {
    GuestBoard guest(default_table(), {irqchip::x86::IoApicModel::v20, false});
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    guest.lower(10);
    const Response response = guest.mmio(0x40, 0x51);
    BOOST_TEST(seen(response) == "ioapic pin 10 ended");
    BOOST_TEST(!guest.in_service(10));
}

BOOST_AUTO_TEST_CASE(a_refused_interrupt_is_sent_again_when_its_entry_changes) {
    GuestBoard guest;
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    guest.board.refused(10);
    BOOST_TEST(guest.set_high(10, 0x0200'0000) == "route 10: 51 level to 2, deliver 10: 51 level to 2");
}

BOOST_AUTO_TEST_CASE(a_storm_asks_for_a_timer_and_goes_on_when_it_expires) {  // row X08
    GuestBoard guest;
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    for (int i = 1; i < 10'000; ++i) BOOST_REQUIRE(guest.eoi(0x51) == "deliver 10: 51 level to 0");
    BOOST_TEST(guest.eoi(0x51) == "storm 10 for 10 ms");
    BOOST_TEST(asked(guest.board.storm_expired(10)) == "deliver 10: 51 level to 0");
    BOOST_TEST(asked(guest.board.storm_expired(10)) == "nothing");
}

BOOST_AUTO_TEST_CASE(the_cpu_acknowledges_the_pic) {
    GuestBoard guest;
    guest.start_pic(0x0008, 0);
    BOOST_TEST(guest.raise(3) == "intr high");
    BOOST_TEST(guest.board.intr());
    const auto acknowledged = guest.board.acknowledge();
    BOOST_TEST(acknowledged.vector == 0x23);
    BOOST_TEST(asked(acknowledged.response) == "intr low");
    BOOST_TEST(seen(acknowledged.response) == "pic acknowledged, vector 0x23, INTR down");
    BOOST_TEST(!guest.board.intr());
}

BOOST_AUTO_TEST_CASE(the_ioapic_answers_in_its_page_only) {
    Board board;
    for (const std::uint64_t address :
         {0xFEBF'FFFFULL, 0xFEC0'1000ULL, 0xFEE0'0000ULL, 0ULL, 0x1'FEC0'0000ULL}) {
        BOOST_TEST(!board.mmio_read(address, 4));
        BOOST_TEST(!board.mmio_write(address, 4, 0));
    }
    BOOST_TEST(board.mmio_read(0xFEC0'0000, 4).has_value());
    BOOST_TEST(board.mmio_read(0xFEC0'0FFC, 4).has_value());
    BOOST_TEST(board.mmio_write(0xFEC0'0FFC, 4, 0).has_value());
    BOOST_TEST(*board.mmio_read(0xFEC0'0FFC, 4) == 0);
}

BOOST_AUTO_TEST_CASE(the_pics_answer_at_their_ports_only) {
    Board board;
    for (const int port : {0x1F, 0x22, 0x40, 0x9F, 0xA2, 0x4CF, 0x4D2}) {
        BOOST_TEST(!board.port_in(static_cast<std::uint16_t>(port), 1));
        BOOST_TEST(!board.port_out(static_cast<std::uint16_t>(port), 1, 0));
    }
    for (const int port : {0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1})
        BOOST_TEST(board.port_in(static_cast<std::uint16_t>(port), 1).has_value());
}

BOOST_AUTO_TEST_CASE(a_wide_port_access_is_made_of_bytes) {
    GuestBoard guest;
    BOOST_TEST(guest.board.port_out(0x4D0, 2, 0x5678).has_value());
    BOOST_TEST(guest.in(0x4D0) == 0x78);
    BOOST_TEST(guest.in(0x4D1) == 0x56);
    BOOST_TEST(guest.board.port_in(0x4D0, 2)->value == 0x5678);
    BOOST_TEST(guest.board.port_in(0x4D1, 4)->value == 0xFFFF'FF56);
    BOOST_TEST(guest.board.port_out(0x4D1, 2, 0xFF08).has_value());
    BOOST_TEST(guest.in(0x4D1) == 0x08);
}

BOOST_AUTO_TEST_CASE(a_poll_through_the_port_changes_intr) {
    GuestBoard guest;
    guest.start_pic(0x0008, 0);
    guest.raise(3);
    guest.out(0x20, 0x0C);
    const auto read = guest.board.port_in(0x20, 1);
    BOOST_TEST(read->value == 0x83);
    BOOST_TEST(asked(read->response) == "intr low");
}

BOOST_AUTO_TEST_CASE(register_writes_are_seen_by_name) {
    GuestBoard guest;
    BOOST_TEST(seen(guest.low(10, level | 0x51)) == "IOREDTBL[10] = 0x8051");
    BOOST_TEST(seen(guest.high(10, 0x0300'0000)) == "IOREDTBL[10] = 0x300000000008051");
    BOOST_TEST(seen(guest.mmio(0x00, 0x24)) == "nothing");
    BOOST_TEST(seen(*guest.board.port_out(0xA0, 1, 0x20)) == "pic_slave OCW2 = 0x20");
    BOOST_TEST(seen(*guest.board.port_out(0x21, 1, 0xFE)) == "pic_master IMR = 0xfe");
    BOOST_TEST(seen(*guest.board.port_out(0x4D1, 1, 0x08)) == "pic_slave ELCR2 = 0x8");
}

BOOST_AUTO_TEST_CASE(an_event_names_its_pin) {
    BOOST_TEST((pin_of(wire::LineChanged{pic_slave, 1, true}) == PinRoute{pic_slave, 1}));
    BOOST_TEST((pin_of(wire::EoiSeen{ioapic, 10}) == PinRoute{ioapic, 10}));
    BOOST_TEST((pin_of(wire::Delivered{10, {}}) == PinRoute{ioapic, 10}));
    BOOST_TEST((pin_of(wire::PendingDropped{10}) == PinRoute{ioapic, 10}));
    BOOST_TEST((pin_of(wire::StormDelayed{10}) == PinRoute{ioapic, 10}));
    BOOST_TEST((pin_of(wire::RegisterWritten{ioapic, "IOREDTBL", 10, 0}) == PinRoute{ioapic, 10}));
    BOOST_TEST(!pin_of(wire::RegisterWritten{pic_master, "IMR", 0, 0}).has_value());
    BOOST_TEST(!pin_of(wire::IntrChanged{true}).has_value());
    BOOST_TEST(!pin_of(wire::PicAcknowledged{0x20}).has_value());
}

BOOST_AUTO_TEST_CASE(the_status_of_a_line_is_the_sum_of_its_routes) {  // kvm_set_irq()
    GuestBoard guest;
    guest.start_pic(0x0020, 0);
    BOOST_TEST(guest.board.status_of(5, true) == 1);  // the PIC takes it, the I/O APIC pin is masked
    guest.set_low(5, 0x51);
    BOOST_TEST(guest.board.status_of(5, true) == 2);
    guest.raise(5);
    BOOST_TEST(guest.board.status_of(5, true) == 0);  // both coalesce
    BOOST_TEST(guest.board.status_of(5, false) == 2);
    BOOST_TEST(guest.board.status_of(20, true) == -1);
    BOOST_TEST(guest.board.status_of(20, false) == 1);
    BOOST_TEST(guest.board.status_of(6, true) == -1);  // masked at both
    BOOST_TEST(guest.board.status_of(6, false) ==
               1);  // a masked PIC line counts as ignored, an I/O APIC pin does not
    BOOST_TEST(guest.board.status_of(100, true) == -1);
    guest.board.route(only(24, {MsiRoute{0xFEE0'0000, 0x51}}));
    BOOST_TEST(guest.board.status_of(24, true) == 1);
    BOOST_TEST(guest.board.status_of(24, false) == -1);
}

BOOST_AUTO_TEST_CASE(a_restored_board_asks_for_the_routes_it_needs) {  // row Q02
    GuestBoard guest;
    guest.set_high(10, 0x0200'0000);
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    guest.set_low(10, masked | level | 0x51);  // in service and masked: its EOI is still to come
    guest.set_low(11, 0x61);
    guest.set_low(12, masked | 0x71);

    Board fresh;
    fresh.route(default_table());
    BOOST_TEST(asked(fresh.restore(guest.board.pic(), guest.board.ioapic())) ==
               "route 10: 51 level to 2, route 11: 61 to 0");
    BOOST_TEST((fresh.ioapic() == guest.board.ioapic()));
    BOOST_TEST((fresh.pic() == guest.board.pic()));
    BOOST_TEST(asked(fresh.set_gsi(11, true)) == "deliver 11: 61 to 0");
}

BOOST_AUTO_TEST_CASE(a_restored_board_sends_what_a_storm_held_back) {
    GuestBoard guest;
    guest.set_low(10, level | 0x51);
    guest.raise(10);
    for (int i = 0; i < 10'000; ++i) guest.eoi(0x51);
    Board fresh;
    BOOST_TEST(asked(fresh.restore(guest.board.pic(), guest.board.ioapic())) ==
               "route 10: 51 level to 0, deliver 10: 51 level to 0");
}

BOOST_AUTO_TEST_CASE(a_restored_board_tells_the_level_of_intr) {
    GuestBoard guest;
    guest.start_pic(0x0008, 0);
    guest.raise(3);
    Board fresh;
    BOOST_TEST(asked(fresh.restore(guest.board.pic(), guest.board.ioapic())) == "intr high");
    BOOST_TEST(fresh.intr());
}

BOOST_AUTO_TEST_CASE(a_copy_is_equal_and_goes_its_own_way) {
    GuestBoard guest;
    guest.set_low(10, level | 0x51);
    GuestBoard copy = guest;
    BOOST_TEST((copy.board == guest.board));
    copy.raise(10);
    BOOST_TEST((copy.board != guest.board));
    BOOST_TEST(!guest.board.ioapic().asserted(10));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::routing::x86
