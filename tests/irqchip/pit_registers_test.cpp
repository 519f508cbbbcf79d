#include "irqchip/x86/pit_registers.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/irqchip/pit_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

// Ports, control words, latches and read-back.
namespace irqbench::irqchip::x86 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

/// 8254 data sheet, "Control Word Format", "Read-Back Command Format", "Status Byte"; ICH4 9.7.1.
const RegisterInfo sheet[] = {
    {0x40, "COUNT", rw, 0, 0xFF, 8, 3},  {0x40, "STATUS", ro, 0, 0, 8, 3}, {0x43, "CONTROL", wo, 0, 0xFF, 8},
    {0x43, "READ_BACK", wo, 0, 0xFE, 8}, {0x61, "PORT_B", rw, 0, 0x0F, 8},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pit_register_table)

BOOST_AUTO_TEST_CASE(the_table_says_what_the_data_sheets_say) { check_table(pit_registers, sheet); }

BOOST_AUTO_TEST_CASE(the_fields_are_those_of_the_data_sheets) {
    check_fields(
        field_table<PitControl>(),
        std::vector<FieldRow>{{"sc", 7, 6, wo}, {"rw", 5, 4, wo}, {"m", 3, 1, wo}, {"bcd", 0, 0, wo}});
    check_fields(
        field_table<PitReadBack>(),
        std::vector<FieldRow>{
            {"command", 7, 6, wo}, {"count_n", 5, 5, wo}, {"status_n", 4, 4, wo}, {"cnt", 3, 1, wo}});
    check_fields(field_table<PitStatus>(), std::vector<FieldRow>{{"output", 7, 7, ro},
                                                                 {"null_count", 6, 6, ro},
                                                                 {"rw", 5, 4, ro},
                                                                 {"m", 3, 1, ro},
                                                                 {"bcd", 0, 0, ro}});
    check_fields(field_table<SystemControlB>(), std::vector<FieldRow>{{"output2", 5, 5, ro},
                                                                      {"refresh", 4, 4, ro},
                                                                      {"iochk_disabled", 3, 3, rw},
                                                                      {"serr_disabled", 2, 2, rw},
                                                                      {"speaker", 1, 1, rw},
                                                                      {"gate2", 0, 0, rw}});
}

BOOST_AUTO_TEST_CASE(it_owns_five_ports) {
    std::vector<std::uint32_t> owned;
    for (std::uint32_t port = 0; port < 0x10000; ++port)
        if (Pit::owns_port(static_cast<std::uint16_t>(port))) owned.push_back(port);
    const std::vector<std::uint32_t> expected{0x40, 0x41, 0x42, 0x43, 0x61};
    BOOST_TEST(owned == expected, boost::test_tools::per_element());
    GuestPit guest;
    BOOST_TEST(guest.in(0x44) == 0xFF);
    BOOST_TEST(guest.out(0x44, 0) == "nothing");
    BOOST_TEST(guest.in(0x43) == 0xFF);
}

BOOST_AUTO_TEST_CASE(everything_starts_at_its_reset_value) {
    GuestPit guest;
    BOOST_TEST(guest.in(0x61) == 0);
    for (unsigned channel = 0; channel < 3; ++channel) {
        BOOST_TEST(guest.read_count(channel) == 0);
        BOOST_TEST(guest.status(channel) == 0x70);
        BOOST_TEST(guest.pit.channel(channel).gate() == (channel != 2));
    }
}

BOOST_AUTO_TEST_CASE(port_b_lets_its_writable_bits_change) {
    for (unsigned bit = 0; bit < 8; ++bit) {
        GuestPit guest;
        guest.out(0x61, 1U << bit);
        BOOST_TEST(guest.in(0x61) == (1U << bit & 0x0F));
        guest.out(0x61, 0);
        BOOST_TEST(guest.in(0x61) == 0);
    }
}

BOOST_AUTO_TEST_CASE(port_b_shows_the_output_of_channel_2_and_the_refresh) {
    GuestPit guest;
    guest.start(2, 0, 10);
    BOOST_TEST(guest.in(0x61) == 0x00);
    guest.out(0x61, 0x03);
    BOOST_TEST(guest.pit.speaker_enabled());
    guest.now = 11;
    BOOST_TEST(guest.in(0x61) == 0x23);
    guest.now = 17;
    BOOST_TEST(guest.in(0x61) == 0x23);
    guest.now = 18;
    BOOST_TEST(guest.in(0x61) == 0x33);
    guest.now = 36;
    BOOST_TEST(guest.in(0x61) == 0x23);
}

BOOST_AUTO_TEST_CASE(a_control_word_programs_its_channel_and_no_other) {
    for (unsigned channel = 0; channel < 3; ++channel) {
        GuestPit guest;
        guest.control(pit::channel(channel) | pit::low | pit::mode(5) | pit::bcd);
        for (unsigned other = 0; other < 3; ++other)
            BOOST_TEST(guest.status(other) == (other == channel ? 0xDBU : 0x70U));
    }
}

BOOST_AUTO_TEST_CASE(the_status_tells_mode_access_output_and_null_count) {
    for (unsigned mode = 0; mode < 8; ++mode) {
        GuestPit guest;
        guest.control(pit::both | pit::mode(mode));
        const unsigned shown = mode > 5 ? mode - 4 : mode;
        const unsigned output = shown == 0 ? 0 : 0x80;
        BOOST_TEST(guest.status(0) == (output | 0x70 | shown << 1));
        guest.count(0, 5);
        BOOST_TEST(guest.status(0) == (output | 0x70 | shown << 1));
        guest.now += 1;
        const bool waits_for_trigger = shown == 1 || shown == 5;
        BOOST_TEST(guest.status(0) == (output | (waits_for_trigger ? 0x70 : 0x30) | shown << 1));
    }
}

BOOST_AUTO_TEST_CASE(one_byte_accesses_clear_the_other_byte) {
    GuestPit guest;
    guest.control(pit::low | pit::mode(2));
    guest.out(0x40, 0x12);
    guest.now += 1;
    BOOST_TEST(guest.in(0x40) == 0x12);
    BOOST_TEST(guest.in(0x40) == 0x12);
    BOOST_TEST(guest.pit.channel(0).count() == 0x0012);
    guest.control(pit::high | pit::mode(2));
    guest.out(0x40, 0x34);
    guest.now += 1;
    BOOST_TEST(guest.in(0x40) == 0x34);
    BOOST_TEST(guest.pit.channel(0).count() == 0x3400);
}

BOOST_AUTO_TEST_CASE(two_bytes_are_read_low_then_high_and_apart_from_writes) {
    GuestPit guest;
    guest.start(0, 2, 0x1234);
    guest.now += 1;
    BOOST_TEST(guest.in(0x40) == 0x34);
    guest.out(0x40, 0x78);
    BOOST_TEST(guest.in(0x40) == 0x12);
    BOOST_TEST(guest.in(0x40) == 0x34);
    guest.out(0x40, 0x56);
    BOOST_TEST(guest.pit.fields(0, guest.now).back().value == 0x5678);
}

BOOST_AUTO_TEST_CASE(a_latched_count_stays_until_it_is_read) {
    GuestPit guest;
    guest.start(0, 2, 1000);
    guest.now += 1;
    guest.control(pit::channel(0));
    guest.now += 10;
    guest.control(pit::channel(0));
    BOOST_TEST(guest.read_count(0) == 1000);
    BOOST_TEST(guest.read_count(0) == 990);
}

BOOST_AUTO_TEST_CASE(a_latch_is_read_from_its_low_byte) {
    GuestPit guest;
    guest.start(0, 2, 0x1234);
    guest.now += 1;
    BOOST_TEST(guest.in(0x40) == 0x34);
    guest.control(pit::channel(0));
    guest.now += 0x34;
    BOOST_TEST(guest.in(0x40) == 0x34);
    BOOST_TEST(guest.in(0x40) == 0x12);
    BOOST_TEST(guest.in(0x40) == 0x12);
}

BOOST_AUTO_TEST_CASE(a_latch_of_one_byte_is_read_once) {
    GuestPit guest;
    guest.control(pit::low | pit::mode(2));
    guest.out(0x40, 100);
    guest.now += 1;
    guest.control(pit::channel(0));
    guest.now += 10;
    BOOST_TEST(guest.in(0x40) == 100);
    BOOST_TEST(guest.in(0x40) == 90);
}

BOOST_AUTO_TEST_CASE(a_control_word_drops_latches) {
    GuestPit guest;
    guest.start(0, 2, 1000);
    guest.now += 1;
    guest.control(pit::read_back | 0x02);
    guest.start(0, 2, 500);
    guest.now += 1;
    BOOST_TEST(guest.read_count(0) == 500);
}

BOOST_AUTO_TEST_CASE(read_back_latches_status_before_count_of_the_channels_it_names) {
    GuestPit guest;
    for (unsigned channel = 0; channel < 3; ++channel) guest.start(channel, 2, 100 + channel);
    guest.now += 1;
    guest.control(pit::read_back | 0x0A);  // channels 0 and 2
    guest.now += 10;
    BOOST_TEST(guest.in(0x40) == 0xB4);
    BOOST_TEST(guest.read_count(0) == 100);
    BOOST_TEST(guest.read_count(0) == 90);
    BOOST_TEST(guest.read_count(1) == 91);
    BOOST_TEST(guest.in(0x42) == 0xB4);
    BOOST_TEST(guest.read_count(2) == 102);  // no gate, no count
}

BOOST_AUTO_TEST_CASE(a_second_read_back_of_the_status_is_ignored) {
    GuestPit guest;
    guest.control(pit::both | pit::mode(2));
    guest.control(pit::read_back | pit::keeps_count | 0x02);
    guest.count(0, 100);
    guest.now += 1;
    guest.control(pit::read_back | pit::keeps_count | 0x02);
    BOOST_TEST(guest.in(0x40) == 0xF4);
    BOOST_TEST(guest.in(0x40) == 100);
}

BOOST_AUTO_TEST_CASE(a_channel_lists_its_state_by_name) {
    GuestPit guest;
    guest.start(0, 2, 0x1234);
    const std::vector<NamedValue> expected{{"output", 1},     {"null_count", 0}, {"rw", 3},
                                           {"m", 2},          {"bcd", 0},        {"gate", 1},
                                           {"count", 0x1230}, {"reload", 0x1234}};
    const auto actual = guest.pit.fields(0, 5);
    BOOST_REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        BOOST_TEST(actual[i].name == expected[i].name);
        BOOST_TEST(actual[i].value == expected[i].value, expected[i].name << " is " << actual[i].value);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
