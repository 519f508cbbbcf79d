#include <boost/test/unit_test.hpp>

#include "irqchip/x86/pic.hpp"
#include "tests/irqchip/pic_fixture.hpp"

namespace irqbench::irqchip::x86 {
namespace {

constexpr std::uint16_t master = GuestPic::master;
constexpr std::uint16_t slave = GuestPic::slave;

/// The master's inputs, cascade excepted, in the order in which the CPU takes them when all ask at once.
std::string order(GuestPic& guest) {
    for (const unsigned pin : {0U, 1U, 3U, 4U, 5U, 6U, 7U}) guest.pulse(pin);
    std::string pins;
    while (guest.pic.intr()) {
        const unsigned pin = guest.acknowledge() - 0x20;
        pins += static_cast<char>('0' + pin);
        guest.command(master, ocw2::specific_eoi + pin);
    }
    return pins;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pic_priority)

BOOST_AUTO_TEST_CASE(ir0_goes_first_after_initialization) {
    GuestPic guest;
    BOOST_TEST(order(guest) == "0134567");
}

BOOST_AUTO_TEST_CASE(set_priority_makes_its_level_the_last) {
    const char* const orders[] = {"1345670", "3456701", "3456701", "4567013",
                                  "5670134", "6701345", "7013456", "0134567"};
    for (unsigned lowest = 0; lowest < 8; ++lowest) {
        GuestPic guest;
        guest.command(master, ocw2::set_priority + lowest);
        BOOST_TEST(order(guest) == orders[lowest]);
    }
}

BOOST_AUTO_TEST_CASE(in_service_only_higher_priorities_interrupt) {
    for (unsigned serviced = 0; serviced < 8; ++serviced) {
        for (unsigned other = 0; other < 8; ++other) {
            if (serviced == 2 || other == 2 || serviced == other) continue;
            GuestPic guest;
            guest.pulse(serviced);
            guest.take();
            guest.pulse(other);
            BOOST_TEST_CONTEXT(other << " against " << serviced)
            BOOST_TEST(guest.pic.intr() == (other < serviced));
        }
    }
}

BOOST_AUTO_TEST_CASE(in_service_priorities_follow_the_rotation) {
    for (unsigned lowest = 0; lowest < 8; ++lowest) {
        for (unsigned serviced = 0; serviced < 8; ++serviced) {
            for (unsigned other = 0; other < 8; ++other) {
                if (serviced == 2 || other == 2 || serviced == other) continue;
                GuestPic guest;
                guest.command(master, ocw2::set_priority + lowest);
                guest.pulse(serviced);
                guest.take();
                guest.pulse(other);
                const auto place = [&](unsigned irq) { return (irq + 7 - lowest) % 8; };
                BOOST_TEST_CONTEXT(other << " against " << serviced << ", lowest " << lowest)
                BOOST_TEST(guest.pic.intr() == (place(other) < place(serviced)));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_level_in_service_is_not_interrupted_by_itself) {
    GuestPic guest;
    guest.pulse(3);
    guest.take();
    BOOST_TEST(guest.pulse(3) == "nothing");
    BOOST_TEST(guest.command(master, ocw2::eoi) == "eoi of 3, intr high");
}

BOOST_AUTO_TEST_CASE(the_slaves_requests_rank_between_ir1_and_ir3) {
    GuestPic guest;
    guest.pulse(3);
    guest.pulse(8);
    guest.pulse(15);
    guest.pulse(1);
    BOOST_TEST(guest.take() == 0x21);
    guest.command(master, ocw2::eoi);
    BOOST_TEST(guest.take() == 0x28);
    guest.command(slave, ocw2::eoi);
    guest.command(master, ocw2::eoi);
    BOOST_TEST(guest.take() == 0x2F);
    guest.command(slave, ocw2::eoi);
    guest.command(master, ocw2::eoi);
    BOOST_TEST(guest.take() == 0x23);
}

BOOST_AUTO_TEST_CASE(a_non_specific_eoi_ends_the_highest_in_service) {
    GuestPic guest;
    guest.pulse(5);
    guest.take();
    guest.pulse(3);
    guest.take();
    BOOST_TEST(guest.isr(master) == 0x28);
    BOOST_TEST(guest.command(master, ocw2::eoi) == "eoi of 3");
    BOOST_TEST(guest.isr(master) == 0x20);
    BOOST_TEST(guest.command(master, ocw2::eoi) == "eoi of 5");
    BOOST_TEST(guest.command(master, ocw2::eoi) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_non_specific_eoi_follows_the_rotated_priorities) {
    GuestPic guest;
    guest.pulse(5);
    guest.take();
    guest.pulse(3);
    guest.take();
    guest.command(master, ocw2::set_priority + 4U);
    BOOST_TEST(guest.command(master, ocw2::eoi) == "eoi of 5");
}

BOOST_AUTO_TEST_CASE(a_specific_eoi_ends_the_level_it_names) {
    GuestPic guest;
    guest.pulse(5);
    guest.take();
    guest.pulse(3);
    guest.take();
    BOOST_TEST(guest.command(master, ocw2::specific_eoi + 5U) == "eoi of 5");
    BOOST_TEST(guest.isr(master) == 0x08);
}

BOOST_AUTO_TEST_CASE(an_eoi_of_the_slave_names_the_slaves_pin) {
    GuestPic guest;
    guest.pulse(9);
    guest.take();
    BOOST_TEST(guest.command(slave, ocw2::eoi) == "eoi of 9");
    BOOST_TEST(guest.isr(slave) == 0);
    BOOST_TEST(guest.isr(master) == 0x04);
    BOOST_TEST(guest.command(master, ocw2::eoi) == "nothing");  // the cascade input has no device
    BOOST_TEST(guest.isr(master) == 0);
}

BOOST_AUTO_TEST_CASE(rotate_on_non_specific_eoi_puts_the_ended_level_last) {
    GuestPic guest;
    guest.pulse(3);
    guest.take();
    BOOST_TEST(guest.command(master, ocw2::rotate_eoi) == "eoi of 3");
    BOOST_TEST(order(guest) == "4567013");
}

BOOST_AUTO_TEST_CASE(rotate_on_non_specific_eoi_with_nothing_in_service_changes_nothing) {
    GuestPic guest;
    const Pic before = guest.pic;
    BOOST_TEST(guest.command(master, ocw2::rotate_eoi) == "nothing");
    BOOST_TEST((guest.pic == before));
}

BOOST_AUTO_TEST_CASE(rotate_on_specific_eoi_puts_the_named_level_last) {
    GuestPic guest;
    guest.pulse(6);
    guest.take();
    guest.pulse(4);
    guest.take();
    BOOST_TEST(guest.command(master, ocw2::rotate_specific_eoi + 6U) == "eoi of 6");
    BOOST_TEST(guest.isr(master) == 0x10);
    guest.command(master, ocw2::eoi);
    BOOST_TEST(order(guest) == "7013456");
}

BOOST_AUTO_TEST_CASE(the_no_operation_command_does_nothing) {
    GuestPic guest;
    guest.pulse(3);
    guest.take();
    const Pic before = guest.pic;
    BOOST_TEST(guest.command(master, ocw2::nop + 3U) == "nothing");
    BOOST_TEST((guest.pic == before));
}

BOOST_AUTO_TEST_CASE(automatic_eoi_ends_the_interrupt_at_the_acknowledge) {
    GuestPic guest(icw4::x86_mode | icw4::auto_eoi);
    guest.pulse(3);
    guest.pulse(5);
    const auto acknowledged = guest.pic.acknowledge();
    BOOST_TEST(acknowledged.vector == 0x23);
    BOOST_TEST(text(acknowledged.effects) == "eoi of 3");
    BOOST_TEST(guest.isr(master) == 0);
    BOOST_TEST(guest.take() == 0x25);
    BOOST_TEST(order(guest) == "0134567");
}

BOOST_AUTO_TEST_CASE(automatic_eoi_of_both_chips_loses_no_request_of_the_slave) {
    GuestPic guest(icw4::x86_mode | icw4::auto_eoi, icw4::x86_mode | icw4::auto_eoi);
    guest.pulse(9);
    guest.pulse(12);
    BOOST_TEST(guest.take() == 0x29);
    BOOST_TEST(guest.take() == 0x2C);
    BOOST_TEST(guest.take() == 0);
}

BOOST_AUTO_TEST_CASE(rotation_in_automatic_eoi_mode_can_be_switched) {
    GuestPic guest(icw4::x86_mode | icw4::auto_eoi);
    guest.command(master, ocw2::set_auto_rotate);
    guest.pulse(3);
    guest.take();
    guest.command(master, ocw2::clear_auto_rotate);
    BOOST_TEST(order(guest) == "4567013");
    BOOST_TEST(order(guest) == "4567013");
}

BOOST_AUTO_TEST_CASE(special_mask_mode_lets_lower_levels_through) {
    GuestPic guest;
    guest.pulse(3);
    guest.take();
    guest.mask(master, 0x08);
    guest.pulse(5);
    BOOST_TEST(!guest.pic.intr());
    BOOST_TEST(guest.command(master, ocw3::set_special_mask) == "intr high");
    BOOST_TEST(guest.take() == 0x25);
    BOOST_TEST(guest.isr(master) == 0x28);
}

BOOST_AUTO_TEST_CASE(in_special_mask_mode_an_unmasked_level_in_service_still_blocks) {
    GuestPic guest;
    guest.pulse(3);
    guest.take();
    guest.command(master, ocw3::set_special_mask);
    BOOST_TEST(guest.pulse(5) == "nothing");
    BOOST_TEST(guest.mask(master, 0x08) == "intr high");
    BOOST_TEST(guest.command(master, ocw3::clear_special_mask) == "intr low");
}

BOOST_AUTO_TEST_CASE(in_special_mask_mode_a_non_specific_eoi_passes_by_masked_levels) {
    GuestPic guest;
    guest.pulse(3);
    guest.take();
    guest.mask(master, 0x08);
    guest.command(master, ocw3::set_special_mask);
    BOOST_TEST(guest.command(master, ocw2::eoi) == "nothing");
    guest.pulse(5);
    guest.take();
    BOOST_TEST(guest.command(master, ocw2::eoi) == "eoi of 5");
    BOOST_TEST(guest.command(master, ocw2::specific_eoi + 3U) == "eoi of 3");
}

BOOST_AUTO_TEST_CASE(an_ocw3_without_esmm_leaves_the_special_mask_mode) {
    GuestPic guest;
    guest.command(master, ocw3::set_special_mask);
    guest.command(master, 0x28);
    guest.command(master, 0x08);
    guest.pulse(3);
    guest.take();
    guest.mask(master, 0x08);
    BOOST_TEST(guest.pulse(5) == "intr high");
}

BOOST_AUTO_TEST_CASE(in_special_fully_nested_mode_the_slave_interrupts_itself) {
    GuestPic guest(icw4::x86_mode | icw4::special_fully_nested);
    guest.pulse(12);
    BOOST_TEST(guest.take() == 0x2C);
    BOOST_TEST(guest.pulse(9) == "intr high");
    BOOST_TEST(guest.take() == 0x29);
    BOOST_TEST(guest.isr(slave) == 0x12);
    BOOST_TEST(guest.pulse(14) == "nothing");
}

BOOST_AUTO_TEST_CASE(in_special_fully_nested_mode_a_slave_in_service_blocks_lower_levels) {
    GuestPic guest(icw4::x86_mode | icw4::special_fully_nested);
    guest.pulse(12);
    guest.take();
    BOOST_TEST(guest.pulse(3) == "nothing");
    BOOST_TEST(guest.pulse(1) == "intr high");
}

BOOST_AUTO_TEST_CASE(in_special_fully_nested_mode_the_slave_still_waits_for_higher_levels) {
    GuestPic guest(icw4::x86_mode | icw4::special_fully_nested);
    guest.pulse(1);
    guest.take();
    BOOST_TEST(guest.pulse(9) == "nothing");
    BOOST_TEST(guest.command(master, ocw2::eoi) == "eoi of 1, intr high");
}

BOOST_AUTO_TEST_CASE(special_fully_nested_mode_is_the_cascades_alone) {
    GuestPic guest(icw4::x86_mode | icw4::special_fully_nested, icw4::x86_mode | icw4::special_fully_nested);
    guest.pulse(10);
    guest.take();
    guest.pulse(10);
    BOOST_TEST(guest.take() == 0);
    guest.pulse(1);
    guest.take();
    BOOST_TEST(guest.pulse(1) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_poll_acknowledges_the_highest_request) {
    GuestPic guest;
    guest.pulse(5);
    guest.pulse(3);
    guest.command(master, ocw3::poll);
    const auto read = guest.pic.read(0x20);
    BOOST_TEST(read.value == 0x83);
    BOOST_TEST(text(read.effects) == "intr low");
    BOOST_TEST(guest.isr(master) == 0x08);
    BOOST_TEST(guest.irr(master) == 0x20);
}

BOOST_AUTO_TEST_CASE(a_poll_counts_for_the_next_read_of_either_port_only) {
    GuestPic guest;
    guest.pulse(3);
    guest.command(master, ocw3::poll);
    BOOST_TEST(guest.in(0x21) == 0x83);
    BOOST_TEST(guest.in(0x21) == 0x00);
}

BOOST_AUTO_TEST_CASE(a_poll_without_request_reads_zero_and_changes_nothing) {
    GuestPic guest;
    guest.command(master, ocw3::poll);
    BOOST_TEST(guest.in(0x20) == 0x00);
    BOOST_TEST(guest.isr(master) == 0);
}

BOOST_AUTO_TEST_CASE(a_polled_slave_takes_back_its_request) {
    GuestPic guest;
    guest.pulse(9);
    guest.command(slave, ocw3::poll);
    const auto read = guest.pic.read(0xA0);
    BOOST_TEST(read.value == 0x81);
    BOOST_TEST(text(read.effects) == "intr low");
    BOOST_TEST(guest.isr(slave) == 0x02);
    BOOST_TEST(guest.irr(master) == 0);
}

BOOST_AUTO_TEST_CASE(polling_master_and_slave_reaches_the_slaves_request) {
    GuestPic guest;
    guest.pulse(9);
    guest.command(master, ocw3::poll);
    BOOST_TEST(guest.in(0x20) == 0x82);
    guest.command(slave, ocw3::poll);
    BOOST_TEST(guest.in(0xA0) == 0x81);
}

BOOST_AUTO_TEST_CASE(a_poll_in_automatic_eoi_mode_ends_the_interrupt) {
    GuestPic guest(icw4::x86_mode | icw4::auto_eoi);
    guest.pulse(3);
    guest.command(master, ocw3::poll);
    const auto read = guest.pic.read(0x20);
    BOOST_TEST(text(read.effects) == "eoi of 3, intr low");
    BOOST_TEST(guest.isr(master) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
