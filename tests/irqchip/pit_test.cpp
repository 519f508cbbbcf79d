#include "irqchip/x86/pit.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/pit_fixture.hpp"

// The six modes, as the figures "Mode 0" to "Mode 5" of the data sheet draw them: OUT after each pulse from
// the write of the count.
namespace irqbench::irqchip::x86 {

BOOST_AUTO_TEST_SUITE(pit_modes)

BOOST_AUTO_TEST_CASE(mode_0_rises_n_plus_1_pulses_after_its_count) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 0, 4) == "arm pit 5");
    BOOST_TEST(guest.wave(0, 8) == "____----");
    BOOST_TEST(guest.wait(0) == "nothing");
    BOOST_TEST(guest.latched(0) == 0xFFFD);
}

BOOST_AUTO_TEST_CASE(mode_0_tells_its_edge_at_the_deadline) {
    GuestPit guest;
    guest.start(0, 0, 1000);
    BOOST_TEST(guest.wait(1000) == "arm pit 1001");
    BOOST_TEST(guest.wait(1) == "out 0 high");
    BOOST_TEST(guest.start(0, 0, 10) == "out 0 low, arm pit 1012");
    BOOST_TEST(guest.wait(11) == "out 0 high");
}

BOOST_AUTO_TEST_CASE(mode_0_stops_while_its_gate_is_low) {
    GuestPit guest;
    guest.start(0, 0, 4);
    BOOST_TEST(guest.wave(0, 2) == "__");
    BOOST_TEST(guest.gate(0, false) == "disarm");
    BOOST_TEST(guest.wave(0, 5) == "_____");
    BOOST_TEST(guest.latched(0) == 3);
    BOOST_TEST(guest.gate(0, true) == "arm pit 10");
    BOOST_TEST(guest.wave(0, 4) == "__--");
}

BOOST_AUTO_TEST_CASE(mode_0_loads_while_its_gate_is_low) {
    GuestPit guest;
    guest.gate(0, false);
    guest.start(0, 0, 3);
    BOOST_TEST(guest.wave(0, 3) == "___");
    BOOST_TEST(guest.latched(0) == 3);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 4) == "__--");
}

BOOST_AUTO_TEST_CASE(mode_0_counts_on_from_a_new_count_and_waits_for_its_second_byte) {
    GuestPit guest;
    guest.start(0, 0, 3);
    BOOST_TEST(guest.wave(0, 5) == "___--");
    BOOST_TEST(guest.out(0x40, 2) == "out 0 low");
    BOOST_TEST(guest.wave(0, 4) == "____");
    BOOST_TEST(guest.out(0x40, 0) == "arm pit 12");
    BOOST_TEST(guest.wave(0, 4) == "__--");
}

BOOST_AUTO_TEST_CASE(the_first_byte_of_a_new_count_stops_mode_0) {
    GuestPit guest;
    guest.start(0, 0, 5);
    guest.wave(0, 3);
    BOOST_TEST(guest.out(0x40, 9) == "disarm");
    BOOST_TEST(guest.wave(0, 6) == "______");
    BOOST_TEST(guest.pit.channel(0).count() == 3);
}

BOOST_AUTO_TEST_CASE(a_new_count_of_one_byte_lowers_mode_0_too) {
    GuestPit guest;
    guest.control(pit::low | pit::mode(0));
    guest.out(0x40, 2);
    BOOST_TEST(guest.wave(0, 4) == "__--");
    BOOST_TEST(guest.out(0x40, 2) == "out 0 low, arm pit 7");
    BOOST_TEST(guest.wave(0, 4) == "__--");
}

BOOST_AUTO_TEST_CASE(mode_1_is_low_for_n_pulses_after_a_trigger) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 1, 3) == "out 0 high");
    BOOST_TEST(guest.wave(0, 3) == "---");
    guest.gate(0, false);
    BOOST_TEST(guest.wave(0, 2) == "--");
    BOOST_TEST(guest.gate(0, true) == "arm pit 6");
    BOOST_TEST(guest.wave(0, 6) == "___---");
    guest.gate(0, false);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 2) == "__");
    guest.gate(0, false);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 5) == "___--");
}

BOOST_AUTO_TEST_CASE(mode_1_takes_a_new_count_with_the_next_trigger) {
    GuestPit guest;
    guest.start(0, 1, 2);
    guest.gate(0, false);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 1) == "_");
    guest.count(0, 4);
    BOOST_TEST(guest.wave(0, 4) == "_---");
    guest.gate(0, false);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 6) == "____--");
}

BOOST_AUTO_TEST_CASE(mode_2_is_low_for_the_last_pulse_of_n) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 2, 3) == "out 0 high, arm pit 3");
    BOOST_TEST(guest.wave(0, 10) == "--_--_--_-");
}

BOOST_AUTO_TEST_CASE(mode_2_arms_for_each_edge) {
    GuestPit guest;
    guest.start(0, 2, 100);
    BOOST_TEST(guest.wait(100) == "out 0 low, arm pit 101");
    BOOST_TEST(guest.wait(1) == "out 0 high, arm pit 200");
    BOOST_TEST(guest.wait(99) == "out 0 low, arm pit 201");
}

BOOST_AUTO_TEST_CASE(mode_2_is_high_at_once_when_its_gate_falls_and_starts_anew_when_it_rises) {
    GuestPit guest;
    guest.start(0, 2, 3);
    BOOST_TEST(guest.wave(0, 3) == "--_");
    BOOST_TEST(guest.gate(0, false) == "out 0 high, disarm");
    BOOST_TEST(guest.wave(0, 4) == "----");
    BOOST_TEST(guest.gate(0, true) == "arm pit 10");
    BOOST_TEST(guest.wave(0, 5) == "--_--");
}

BOOST_AUTO_TEST_CASE(mode_2_takes_a_new_count_at_the_end_of_the_cycle) {
    GuestPit guest;
    guest.start(0, 2, 4);
    BOOST_TEST(guest.wave(0, 2) == "--");
    guest.count(0, 3);
    BOOST_TEST((guest.status(0) & 0x40) == 0x40);
    BOOST_TEST(guest.wave(0, 3) == "-_-");
    BOOST_TEST((guest.status(0) & 0x40) == 0);
    BOOST_TEST(guest.wave(0, 5) == "-_--_");
}

BOOST_AUTO_TEST_CASE(mode_2_takes_a_new_count_with_a_trigger) {
    GuestPit guest;
    guest.start(0, 2, 10);
    guest.wave(0, 2);
    guest.count(0, 2);
    guest.gate(0, false);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 4) == "-_-_");
}

BOOST_AUTO_TEST_CASE(mode_3_divides_even_counts_in_halves) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 3, 4) == "out 0 high, arm pit 3");
    BOOST_TEST(guest.wave(0, 10) == "--__--__--");
}

BOOST_AUTO_TEST_CASE(mode_3_is_high_one_pulse_longer_for_odd_counts) {
    GuestPit guest;
    guest.start(0, 3, 5);
    BOOST_TEST(guest.wave(0, 12) == "---__---__--");
    guest.start(0, 3, 3);
    BOOST_TEST(guest.wave(0, 7) == "--_--_-");
}

BOOST_AUTO_TEST_CASE(mode_3_counts_by_two) {
    GuestPit guest;
    guest.start(0, 3, 5);
    std::string counts;
    for (int i = 0; i < 7; ++i) {
        guest.now += 1;
        counts += fmt::format("{} ", guest.latched(0));
    }
    BOOST_TEST(counts == "4 2 0 4 2 4 2 ");
}

BOOST_AUTO_TEST_CASE(mode_3_obeys_its_gate_like_mode_2) {
    GuestPit guest;
    guest.start(0, 3, 4);
    BOOST_TEST(guest.wave(0, 3) == "--_");
    BOOST_TEST(guest.gate(0, false) == "out 0 high, disarm");
    BOOST_TEST(guest.wave(0, 3) == "---");
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 6) == "--__--");
}

BOOST_AUTO_TEST_CASE(mode_3_takes_a_new_count_at_the_end_of_a_half_cycle) {
    GuestPit guest;
    guest.start(0, 3, 6);
    BOOST_TEST(guest.wave(0, 2) == "--");
    guest.count(0, 4);
    BOOST_TEST(guest.wave(0, 7) == "-__--__");
}

BOOST_AUTO_TEST_CASE(mode_4_strobes_n_plus_1_pulses_after_its_count) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 4, 3) == "out 0 high, arm pit 4");
    BOOST_TEST(guest.wave(0, 8) == "---_----");
    BOOST_TEST(guest.wait(0) == "nothing");
    BOOST_TEST(guest.count(0, 1) == "arm pit 10");
    BOOST_TEST(guest.wave(0, 4) == "-_--");
}

BOOST_AUTO_TEST_CASE(mode_4_stops_while_its_gate_is_low_and_ends_its_strobe_all_the_same) {
    GuestPit guest;
    guest.start(0, 4, 3);
    guest.wave(0, 2);
    guest.gate(0, false);
    BOOST_TEST(guest.wave(0, 3) == "---");
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 2) == "-_");
    BOOST_TEST(guest.gate(0, false) == "nothing");
    BOOST_TEST(guest.wave(0, 3) == "---");
}

BOOST_AUTO_TEST_CASE(mode_4_counts_on_from_a_new_count) {
    GuestPit guest;
    guest.start(0, 4, 3);
    guest.wave(0, 3);
    guest.out(0x40, 2);
    BOOST_TEST(guest.wave(0, 2) == "_-");
    guest.out(0x40, 0);
    BOOST_TEST(guest.wave(0, 4) == "--_-");
}

BOOST_AUTO_TEST_CASE(mode_5_strobes_n_plus_1_pulses_after_a_trigger) {
    GuestPit guest;
    guest.start(0, 5, 3);
    BOOST_TEST(guest.wave(0, 5) == "-----");
    guest.gate(0, false);
    BOOST_TEST(guest.gate(0, true) == "arm pit 9");
    BOOST_TEST(guest.wave(0, 6) == "---_--");
    guest.gate(0, false);
    guest.gate(0, true);
    BOOST_TEST(guest.wave(0, 2) == "--");
    guest.gate(0, false);
    BOOST_TEST(guest.wave(0, 2) == "-_");
}

BOOST_AUTO_TEST_CASE(a_trigger_without_a_count_does_nothing) {
    for (const unsigned mode : {1U, 2U, 3U, 5U}) {
        GuestPit guest;
        guest.control(pit::both | pit::mode(mode));
        guest.gate(0, false);
        guest.gate(0, true);
        BOOST_TEST(guest.wave(0, 3) == "---");
    }
}

BOOST_AUTO_TEST_CASE(a_count_of_zero_is_the_largest) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 0, 0) == "arm pit 65537");
    guest.now += 2;
    BOOST_TEST(guest.latched(0) == 0xFFFF);
    GuestPit decimal;
    BOOST_TEST(decimal.start(0, 0, 0, pit::bcd) == "arm pit 10001");
    decimal.now += 2;
    BOOST_TEST(decimal.latched(0) == 0x9999);
}

BOOST_AUTO_TEST_CASE(bcd_counts_decimal_digits) {
    GuestPit guest;
    BOOST_TEST(guest.start(0, 0, 0x0120, pit::bcd) == "arm pit 121");
    guest.now += 1;
    BOOST_TEST(guest.latched(0) == 0x0120);
    guest.now += 21;
    BOOST_TEST(guest.latched(0) == 0x0099);
    guest.now += 100;
    BOOST_TEST(guest.latched(0) == 0x9999);
}

BOOST_AUTO_TEST_CASE(late_service_tells_one_rise_and_the_level) {
    GuestPit high;
    high.start(0, 2, 100);
    BOOST_TEST(high.wait(1050) == "out 0 low, out 0 high, arm pit 1100");
    GuestPit low;
    low.start(0, 3, 100);
    BOOST_TEST(low.wait(180) == "out 0 low, out 0 high, out 0 low, arm pit 201");
    BOOST_TEST(low.wait(200) == "out 0 high, out 0 low, arm pit 401");
    BOOST_TEST(low.wait(50) == "out 0 high, arm pit 451");
}

BOOST_AUTO_TEST_CASE(long_times_cost_nothing) {
    GuestPit guest;
    guest.start(0, 2, 2);
    guest.start(1, 3, 2);
    guest.start(2, 0, 1);
    BOOST_TEST(guest.wait(std::uint64_t{1} << 60) ==
               "out 0 low, out 0 high, out 0 low, arm pit 1152921504606846977");
}

BOOST_AUTO_TEST_CASE(other_channels_tell_no_edges) {
    GuestPit guest;
    guest.out(0x61, 0x01);
    BOOST_TEST(guest.start(1, 2, 10) == "nothing");
    BOOST_TEST(guest.start(2, 3, 10) == "nothing");
    BOOST_TEST(guest.wait(1000) == "nothing");
}

BOOST_AUTO_TEST_CASE(port_b_is_the_gate_of_channel_2) {
    GuestPit guest;
    guest.start(2, 0, 3);
    BOOST_TEST(guest.wave(2, 5) == "_____");
    guest.out(0x61, 0x01);
    BOOST_TEST(guest.wave(2, 4) == "__--");
    guest.start(2, 1, 3);
    guest.out(0x61, 0x02);
    guest.out(0x61, 0x03);
    BOOST_TEST(guest.wave(2, 5) == "___--");
}

BOOST_AUTO_TEST_CASE(a_read_tells_edges_that_are_due) {
    GuestPit guest;
    guest.start(0, 0, 3);
    guest.now = 4;
    const auto result = guest.pit.read(0x40, guest.now);
    BOOST_TEST(text(result.effects) == "out 0 high, disarm");
}

BOOST_AUTO_TEST_CASE(time_that_stands_still_changes_nothing) {
    GuestPit guest;
    guest.start(0, 2, 3);
    const Pit before = guest.pit;
    BOOST_TEST(guest.wait(0) == "arm pit 3");
    BOOST_TEST((guest.pit == before));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
