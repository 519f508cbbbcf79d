#include <boost/test/unit_test.hpp>

#include "irqchip/x86/ioapic.hpp"
#include "tests/irqchip/ioapic_fixture.hpp"

namespace irqbench::irqchip::x86 {

BOOST_AUTO_TEST_SUITE(ioapic_eoi)

BOOST_AUTO_TEST_CASE(an_eoi_with_the_line_low_makes_the_pin_ready_again) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.lower(10);
    BOOST_TEST(guest.eoi(0x51) == "eoi of 10");
    BOOST_TEST(!guest.remote_irr(10));
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(a_line_still_high_at_eoi_is_delivered_again) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    BOOST_TEST(guest.eoi(0x51) == "eoi of 10, deliver 10: 51 fixed level physical:0");
    BOOST_TEST(guest.remote_irr(10));
}

BOOST_AUTO_TEST_CASE(a_line_still_high_at_eoi_of_a_masked_pin_waits_for_unmask) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.set_low(10, rte::masked | rte::level | 0x51);
    BOOST_TEST(guest.remote_irr(10));
    BOOST_TEST(guest.eoi(0x51) == "eoi of 10");
    BOOST_TEST(!guest.remote_irr(10));
    BOOST_TEST(guest.set_low(10, rte::level | 0x51) ==
               "route 10, unmasked 10, deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(remote_irr_outlives_mask_and_unmask) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.set_low(10, rte::masked | rte::level | 0x51);
    BOOST_TEST(guest.set_low(10, rte::level | 0x51) == "route 10");
    BOOST_TEST(guest.remote_irr(10));
}

BOOST_AUTO_TEST_CASE(an_eoi_reaches_every_pin_with_its_vector) {  // row X11
    GuestIoApic guest;
    guest.set_low(3, rte::masked | rte::level | 0x51);
    guest.set_low(10, rte::level | 0x51);
    guest.set_low(20, rte::level | 0x51);
    guest.raise(10);
    guest.raise(20);
    guest.lower(10);
    BOOST_TEST(guest.eoi(0x51) == "eoi of 3, eoi of 10, eoi of 20, deliver 20: 51 fixed level physical:0");
    BOOST_TEST(!guest.remote_irr(10));
}

BOOST_AUTO_TEST_CASE(an_eoi_reaches_all_24_pins) {
    GuestIoApic guest;
    for (unsigned pin = 0; pin < IoApic::pin_count; ++pin) {
        guest.set_low(pin, rte::level | 0x51);
        guest.raise(pin);
        guest.lower(pin);
    }
    BOOST_TEST(guest.ioapic.eoi(0x51).size() == 24);
    guest.eoi(0x51);
    for (unsigned pin = 0; pin < IoApic::pin_count; ++pin) BOOST_TEST(!guest.remote_irr(pin));
}

BOOST_AUTO_TEST_CASE(an_eoi_of_another_vector_changes_nothing) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    const IoApic before = guest.ioapic;
    for (unsigned vector = 0; vector < 256; ++vector)
        if (vector != 0x51) BOOST_TEST(guest.eoi(static_cast<std::uint8_t>(vector)) == "nothing");
    BOOST_TEST((guest.ioapic == before));
}

BOOST_AUTO_TEST_CASE(an_eoi_passes_by_edge_triggered_pins) {
    GuestIoApic guest;
    guest.set_low(10, 0x51);
    guest.raise(10);
    BOOST_TEST(guest.eoi(0x51) == "nothing");
}

BOOST_AUTO_TEST_CASE(vectors_beyond_the_pin_count_are_counted_by_pin) {  // row Q04
    GuestIoApic guest;
    guest.set_low(23, rte::level | 0xFE);
    guest.raise(23);
    guest.eoi(0xFE);
    BOOST_TEST(guest.ioapic.storm_count(23) == 1);
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_while_listeners_let_go_of_the_line) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10, LineSource::resample);
    guest.raise(10, LineSource::wire);
    BOOST_TEST(text(guest.ioapic.eoi(0x51)) == "eoi of 10");
    BOOST_TEST(guest.remote_irr(10));
    BOOST_TEST(text(guest.ioapic.set_line(10, false, LineSource::resample)) == "nothing");
    BOOST_TEST(text(guest.ioapic.finish_eoi(10)) == "deliver 10: 51 fixed level physical:0");
    BOOST_TEST(guest.ioapic.storm_count(10) == 1);
}

BOOST_AUTO_TEST_CASE(a_switch_to_edge_clears_remote_irr_and_counts_as_eoi) {  // rows X13 and O02
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.lower(10);
    BOOST_TEST(guest.set_low(10, rte::masked | 0x51) == "eoi of 10");
    BOOST_TEST(!guest.remote_irr(10));
    guest.set_low(10, rte::level | 0x51);
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(a_switch_to_edge_of_an_idle_pin_is_no_eoi) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    BOOST_TEST(guest.set_low(10, rte::masked | 0x51) == "nothing");
}

BOOST_AUTO_TEST_CASE(the_local_apics_eoi_after_a_switch_to_edge_is_harmless) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.set_low(10, 0x51);
    BOOST_TEST(guest.eoi(0x51) == "nothing");
}

BOOST_AUTO_TEST_CASE(eoir_ends_every_level_interrupt_with_its_vector) {  // row Q10
    GuestIoApic guest({IoApicModel::v20, false});
    guest.set_low(10, rte::level | 0x51);
    guest.set_low(11, rte::level | 0x51);
    guest.raise(10);
    guest.raise(11);
    guest.lower(11);
    BOOST_TEST(guest.settle(guest.ioapic.write(0x40, 4, 0xFFFF'FF51)) ==
               "eoi of 10, deliver 10: 51 fixed level physical:0, eoi of 11");
    BOOST_TEST(guest.remote_irr(10));
    BOOST_TEST(!guest.remote_irr(11));
}

BOOST_AUTO_TEST_CASE(version_0x11_has_no_eoir) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    BOOST_TEST(guest.settle(guest.ioapic.write(0x40, 4, 0x51)) == "nothing");
    BOOST_TEST(guest.remote_irr(10));
}

BOOST_AUTO_TEST_CASE(a_storm_is_delayed_at_every_10000th_eoi) {  // row X08
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    for (int round = 0; round < 3; ++round) {
        for (int i = 1; i < 10'000; ++i)
            BOOST_REQUIRE(guest.eoi(0x51) == "eoi of 10, deliver 10: 51 fixed level physical:0");
        BOOST_TEST(guest.eoi(0x51) == "eoi of 10, storm 10 for 10 ms");
        BOOST_TEST(guest.low(10) == (rte::level | rte::delivery_status | 0x51));
        BOOST_TEST(guest.settle(guest.ioapic.deliver_pending(10)) == "deliver 10: 51 fixed level physical:0");
    }
}

BOOST_AUTO_TEST_CASE(an_eoi_that_finds_the_line_low_restarts_the_storm_count) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    for (int i = 1; i < 10'000; ++i) guest.eoi(0x51);
    BOOST_TEST(guest.ioapic.storm_count(10) == 9'999);
    guest.lower(10);
    guest.eoi(0x51);
    BOOST_TEST(guest.ioapic.storm_count(10) == 0);
    guest.raise(10);
    BOOST_TEST(guest.eoi(0x51) == "eoi of 10, deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(a_rewritten_entry_restarts_the_storm_count) {  // row Q05
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    for (int i = 1; i < 10'000; ++i) guest.eoi(0x51);
    guest.set_high(10, 0);
    BOOST_TEST(guest.ioapic.storm_count(10) == 0);
    BOOST_TEST(guest.eoi(0x51) == "eoi of 10, deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(a_line_that_drops_during_the_storm_delay_is_not_delivered) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    for (int i = 0; i < 10'000; ++i) guest.eoi(0x51);
    guest.lower(10);
    BOOST_TEST(text(guest.ioapic.deliver_pending(10)) == "nothing");
    BOOST_TEST(guest.low(10) == (rte::level | 0x51));
}

BOOST_AUTO_TEST_CASE(a_pin_masked_during_the_storm_delay_is_not_delivered) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    for (int i = 0; i < 10'000; ++i) guest.eoi(0x51);
    guest.set_low(10, rte::masked | rte::level | 0x51);
    BOOST_TEST(text(guest.ioapic.deliver_pending(10)) == "nothing");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
