#include "irqchip/x86/pic.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/pic_fixture.hpp"

// Lines, acknowledge, cascade and initialization; priorities and the EOI commands are in
// pic_priority_test.cpp.
namespace irqbench::irqchip::x86 {

BOOST_AUTO_TEST_SUITE(pic)

BOOST_AUTO_TEST_CASE(every_request_has_its_own_vector) {
    for (unsigned pin = 0; pin < Pic::pin_count; ++pin) {
        if (pin == Pic::cascade_pin) continue;
        GuestPic guest;
        BOOST_TEST_CONTEXT("pin " << pin) {
            BOOST_TEST(guest.pulse(pin) == "intr high");
            BOOST_TEST(guest.take() == 0x20 + pin);
            BOOST_TEST(guest.isr(GuestPic::master) == (pin < 8 ? 1U << pin : 0x04U));
            BOOST_TEST(guest.isr(GuestPic::slave) == (pin < 8 ? 0U : 1U << (pin - 8)));
            BOOST_TEST(guest.irr(GuestPic::master) == 0);
            BOOST_TEST(guest.irr(GuestPic::slave) == 0);
            BOOST_TEST(!guest.pic.intr());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_acknowledge_lowers_intr) {
    GuestPic guest;
    guest.pulse(3);
    const auto acknowledged = guest.pic.acknowledge();
    BOOST_TEST(acknowledged.vector == 0x23);
    BOOST_TEST(text(acknowledged.effects) == "intr low");
}

BOOST_AUTO_TEST_CASE(intr_stays_high_for_a_request_of_higher_priority) {
    GuestPic guest;
    guest.pulse(3);
    guest.acknowledge();
    BOOST_TEST(guest.pulse(1) == "intr high");
    BOOST_TEST(guest.pulse(0) == "nothing");
    const auto first = guest.pic.acknowledge();
    BOOST_TEST(first.vector == 0x20);
    BOOST_TEST(text(first.effects) == "intr low");
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "eoi of 0, intr high");
}

BOOST_AUTO_TEST_CASE(the_base_keeps_five_bits) {
    GuestPic guest;
    guest.initialize(GuestPic::master, 0xFF, 0x04, icw4::x86_mode);
    guest.pulse(1);
    BOOST_TEST(guest.take() == 0xF9);
}

BOOST_AUTO_TEST_CASE(a_masked_request_waits_for_its_unmask) {
    GuestPic guest;
    guest.mask(GuestPic::master, 0x08);
    BOOST_TEST(guest.pulse(3) == "nothing");
    BOOST_TEST(guest.irr(GuestPic::master) == 0x08);
    BOOST_TEST(guest.mask(GuestPic::master, 0x00) == "intr high");
    BOOST_TEST(guest.take() == 0x23);
}

BOOST_AUTO_TEST_CASE(masking_takes_intr_back) {
    GuestPic guest;
    guest.pulse(3);
    BOOST_TEST(guest.mask(GuestPic::master, 0x08) == "intr low");
}

BOOST_AUTO_TEST_CASE(an_edge_counts_once_however_long_the_line_is_high) {
    GuestPic guest;
    guest.raise(3);
    BOOST_TEST(guest.take() == 0x23);
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "eoi of 3");
    BOOST_TEST(guest.raise(3) == "nothing");
    BOOST_TEST(guest.take() == 0);
    guest.lower(3);
    BOOST_TEST(guest.raise(3) == "intr high");
}

BOOST_AUTO_TEST_CASE(an_edge_stays_latched_when_its_line_falls) {
    GuestPic guest;
    guest.raise(3);
    BOOST_TEST(guest.lower(3) == "nothing");
    BOOST_TEST(guest.take() == 0x23);
}

BOOST_AUTO_TEST_CASE(a_level_asks_again_after_eoi_while_its_line_is_high) {
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    guest.raise(5);
    BOOST_TEST(guest.take() == 0x25);
    BOOST_TEST(guest.irr(GuestPic::master) == 0x20);
    BOOST_TEST(guest.take() == 0);
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "eoi of 5, intr high");
    BOOST_TEST(guest.take() == 0x25);
    guest.lower(5);
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "eoi of 5");
}

BOOST_AUTO_TEST_CASE(a_level_that_drops_before_the_acknowledge_takes_intr_with_it) {  // row P10
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    BOOST_TEST(guest.raise(5) == "intr high");
    BOOST_TEST(guest.lower(5) == "intr low");
}

BOOST_AUTO_TEST_CASE(
    an_acknowledge_without_request_is_the_default_ir7) {  // data sheet, "edge and level triggered modes"
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    guest.raise(5);
    guest.lower(5);
    BOOST_TEST(guest.acknowledge() == 0x27);
    BOOST_TEST(guest.isr(GuestPic::master) == 0);
    guest.pulse(7);
    BOOST_TEST(guest.take() == 0x27);
    BOOST_TEST(guest.isr(GuestPic::master) == 0x80);
}

BOOST_AUTO_TEST_CASE(a_request_the_slave_takes_back_is_the_slaves_default_ir7) {
    GuestPic guest;
    guest.out(0x4D1, 0x08);
    guest.raise(11);
    guest.lower(11);
    BOOST_TEST(guest.take() == 0x2F);
    BOOST_TEST(guest.isr(GuestPic::slave) == 0);
    BOOST_TEST(guest.isr(GuestPic::master) == 0x04);
}

BOOST_AUTO_TEST_CASE(a_default_ir7_in_auto_eoi_mode_ends_nothing) {
    GuestPic guest(icw4::x86_mode | icw4::auto_eoi);
    const auto acknowledged = guest.pic.acknowledge();
    BOOST_TEST(acknowledged.vector == 0x27);
    BOOST_TEST(text(acknowledged.effects) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_line_that_drops_at_the_slaves_eoi_leaves_no_default_ir7_behind) {
    GuestPic guest;
    guest.out(0x4D1, 0x08);
    guest.raise(11);
    guest.take();
    BOOST_TEST(text(guest.pic.write(0xA0, ocw2::eoi)) == "eoi of 11");
    guest.lower(11);  // a resampler lets go before it answers
    BOOST_TEST(text(guest.pic.finish_eoi()) == "nothing");
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_line_still_high_at_the_slaves_eoi_asks_again) {
    GuestPic guest;
    guest.out(0x4D1, 0x08);
    guest.raise(11);
    guest.take();
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "nothing");
    BOOST_TEST(guest.command(GuestPic::slave, ocw2::eoi) == "eoi of 11, intr high");
    BOOST_TEST(guest.take() == 0x2B);
}

BOOST_AUTO_TEST_CASE(a_second_request_of_the_slave_reaches_the_cpu_after_both_eois) {
    GuestPic guest;
    guest.pulse(12);
    BOOST_TEST(guest.take() == 0x2C);
    guest.pulse(9);
    BOOST_TEST(guest.take() == 0);  // blocked by the master's IR2 in service
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "intr high");
    BOOST_TEST(guest.take() == 0x29);
    guest.command(GuestPic::slave, ocw2::eoi);
    guest.command(GuestPic::slave, ocw2::eoi);
    BOOST_TEST(guest.isr(GuestPic::slave) == 0);
}

BOOST_AUTO_TEST_CASE(two_requests_of_the_slave_follow_each_other) {
    GuestPic guest;
    guest.pulse(12);
    guest.pulse(9);
    BOOST_TEST(guest.take() == 0x29);
    BOOST_TEST(guest.command(GuestPic::slave, ocw2::eoi) == "eoi of 9");
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "intr high");
    BOOST_TEST(guest.take() == 0x2C);
}

BOOST_AUTO_TEST_CASE(a_slave_that_goes_on_requesting_makes_no_second_edge) {
    GuestPic guest;
    guest.raise(9);
    guest.command(GuestPic::master, ocw3::poll);
    BOOST_TEST(guest.in(GuestPic::master) == 0x82);
    BOOST_TEST(guest.irr(GuestPic::master) == 0x00);
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "nothing");
    guest.mask(GuestPic::slave, 0x02);
    BOOST_TEST(guest.mask(GuestPic::slave, 0x00) == "intr high");
}

BOOST_AUTO_TEST_CASE(the_slave_has_to_request_anew_after_icw1_of_the_master) {
    GuestPic guest;
    guest.raise(9);
    guest.initialize(GuestPic::master, 0x20, 0x04, icw4::x86_mode);
    BOOST_TEST(!guest.pic.intr());
    guest.mask(GuestPic::slave, 0x02);
    BOOST_TEST(guest.mask(GuestPic::slave, 0x00) == "intr high");
}

BOOST_AUTO_TEST_CASE(int_of_a_slave_with_automatic_eoi_falls_at_the_acknowledge) {
    GuestPic guest(icw4::x86_mode, icw4::x86_mode | icw4::auto_eoi);
    guest.raise(9);
    guest.raise(13);
    BOOST_TEST(guest.take() == 0x29);
    BOOST_TEST(guest.command(GuestPic::master, ocw2::eoi) == "intr high");
    BOOST_TEST(guest.take() == 0x2D);
}

BOOST_AUTO_TEST_CASE(the_master_masks_the_whole_slave) {
    GuestPic guest;
    guest.mask(GuestPic::master, 0x04);
    BOOST_TEST(guest.pulse(9) == "nothing");
    BOOST_TEST(guest.mask(GuestPic::master, 0x00) == "intr high");
    BOOST_TEST(guest.take() == 0x29);
}

BOOST_AUTO_TEST_CASE(the_cascade_input_is_no_line_of_the_outside) {
    GuestPic guest;
    const Pic before = guest.pic;
    BOOST_TEST(guest.raise(2) == "nothing");
    BOOST_TEST((guest.pic == before));
    BOOST_TEST((guest.pic.status_if_raised(2) == LineStatus::ignored));
}

BOOST_AUTO_TEST_CASE(a_shared_level_line_asks_while_any_driver_asserts_it) {
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    BOOST_TEST(text(guest.pic.set_line(5, true, LineSource::wire)) == "intr high");
    BOOST_TEST(text(guest.pic.set_line(5, true, LineSource::resample)) == "nothing");
    BOOST_TEST(text(guest.pic.set_line(5, false, LineSource::wire)) == "nothing");
    BOOST_TEST(guest.irr(GuestPic::master) == 0x20);
    BOOST_TEST(text(guest.pic.set_line(5, false, LineSource::resample)) == "intr low");
}

BOOST_AUTO_TEST_CASE(a_second_driver_of_an_asserted_edge_line_makes_no_edge) {
    GuestPic guest;
    guest.raise(3);
    guest.take();
    guest.command(GuestPic::master, ocw2::eoi);
    BOOST_TEST(text(guest.pic.set_line(3, true, LineSource::timer)) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_switch_of_elcr_follows_the_line) {
    GuestPic guest;
    guest.raise(5);
    guest.take();
    guest.command(GuestPic::master, ocw2::eoi);
    BOOST_TEST(guest.out(0x4D0, 0x20) == "intr high");
    BOOST_TEST(guest.out(0x4D0, 0x00) == "intr low");
}

BOOST_AUTO_TEST_CASE(an_edge_latched_before_a_switch_to_level_does_not_count) {
    GuestPic guest;
    guest.pulse(5);
    BOOST_TEST(guest.out(0x4D0, 0x20) == "intr low");
    BOOST_TEST(guest.irr(GuestPic::master) == 0);
}

BOOST_AUTO_TEST_CASE(initialization_keeps_level_lines_and_forgets_edges) {  // row P04
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    guest.raise(5);
    guest.raise(3);
    guest.initialize(GuestPic::master, 0x40, 0x04, icw4::x86_mode);
    BOOST_TEST(guest.irr(GuestPic::master) == 0x20);
    BOOST_TEST(guest.take() == 0x45);
    BOOST_TEST(guest.raise(3) == "nothing");
    guest.lower(3);
    BOOST_TEST(guest.raise(3) == "intr high");
}

BOOST_AUTO_TEST_CASE(initialization_resets_the_modes) {
    GuestPic guest(icw4::x86_mode | icw4::auto_eoi | icw4::special_fully_nested);
    guest.mask(GuestPic::master, 0xF0);
    guest.command(GuestPic::master, ocw2::set_priority + 3U);
    guest.command(GuestPic::master, ocw2::set_auto_rotate);
    guest.command(GuestPic::master, ocw3::set_special_mask);
    guest.command(GuestPic::master, ocw3::read_isr);
    guest.command(GuestPic::master, ocw3::poll);
    guest.out(0x20, 0x10);  // no ICW4: its functions are off
    guest.out(0x21, 0x20);
    guest.out(0x21, 0x04);
    const std::vector<NamedValue> expected{
        {"irr", 0},          {"isr", 0},
        {"imr", 0},          {"elcr", 0},
        {"base", 0x20},      {"lowest_priority", 7},
        {"auto_eoi", 0},     {"rotate_on_auto_eoi", 0},
        {"special_mask", 0}, {"special_fully_nested", 0},
        {"poll", 0},
    };
    BOOST_TEST((guest.pic.master().fields() == expected));
    guest.raise(3);
    BOOST_TEST(guest.in(0x20) == 0x08);  // IRR again
}

BOOST_AUTO_TEST_CASE(the_mask_register_is_reached_only_after_the_whole_sequence) {
    struct {
        std::uint8_t icw1;
        unsigned words;
    } const cases[] = {{0x11, 3}, {0x10, 2}, {0x13, 2}, {0x12, 1}};
    for (const auto& c : cases) {
        BOOST_TEST_CONTEXT("ICW1 " << unsigned{c.icw1}) {
            GuestPic guest;
            guest.out(0x20, c.icw1);
            for (unsigned i = 0; i < c.words; ++i) {
                guest.out(0x21, 0x01);
                BOOST_TEST(guest.in(0x21) == 0);
            }
            guest.out(0x21, 0x01);
            BOOST_TEST(guest.in(0x21) == 0x01);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_second_icw1_starts_the_sequence_again) {
    GuestPic guest;
    guest.out(0x20, 0x11);
    guest.out(0x21, 0x40);
    guest.initialize(GuestPic::master, 0x50, 0x04, icw4::x86_mode);
    guest.pulse(1);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(a_single_8259_has_no_cascade) {
    GuestPic guest;
    guest.out(0x20, 0x12);
    guest.out(0x21, 0x40);
    guest.pulse(9);
    BOOST_TEST(guest.take() == 0x42);
}

BOOST_AUTO_TEST_CASE(initialization_in_service_counts_as_eoi) {  // rows P11 and P14
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    guest.raise(5);
    guest.take();
    guest.mask(GuestPic::master, 0xFF);
    guest.pulse(3);
    guest.lower(5);
    BOOST_TEST(guest.initialize(GuestPic::master, 0x20, 0x04, icw4::x86_mode) == "eoi of 3, eoi of 5");
    BOOST_TEST(guest.isr(GuestPic::master) == 0);
}

BOOST_AUTO_TEST_CASE(initialization_of_the_slave_ends_its_own_interrupts) {
    GuestPic guest;
    guest.pulse(9);
    guest.take();
    BOOST_TEST(guest.initialize(GuestPic::slave, 0x28, 0x02, icw4::x86_mode) == "eoi of 9");
}

BOOST_AUTO_TEST_CASE(a_pending_level_is_not_ended_by_initialization) {
    GuestPic guest;
    guest.out(0x4D0, 0x20);
    guest.raise(5);
    BOOST_TEST(guest.initialize(GuestPic::master, 0x20, 0x04, icw4::x86_mode) == "nothing");
    BOOST_TEST(guest.pic.intr());
}

BOOST_AUTO_TEST_CASE(the_status_of_a_raise_tells_masked_pending_and_new) {
    GuestPic guest;
    BOOST_TEST((guest.pic.status_if_raised(3) == LineStatus::delivered));
    guest.pulse(3);
    BOOST_TEST((guest.pic.status_if_raised(3) == LineStatus::coalesced));
    guest.mask(GuestPic::master, 0x08);
    BOOST_TEST((guest.pic.status_if_raised(3) == LineStatus::ignored));
    guest.mask(GuestPic::slave, 0x02);
    BOOST_TEST((guest.pic.status_if_raised(9) == LineStatus::ignored));
    BOOST_TEST((guest.pic.status_if_raised(10) == LineStatus::delivered));
}

BOOST_AUTO_TEST_CASE(a_copy_is_equal_and_goes_its_own_way) {
    GuestPic guest;
    GuestPic copy = guest;
    BOOST_TEST((copy.pic == guest.pic));
    copy.raise(9);
    BOOST_TEST((copy.pic != guest.pic));
}

BOOST_AUTO_TEST_CASE(a_write_is_named_after_the_register_it_reaches) {
    GuestPic guest;
    const auto name = [&](std::uint16_t port, std::uint8_t value) {
        return guest.pic.register_at(port, value);
    };
    BOOST_TEST(name(0x20, 0x11) == "ICW1");
    BOOST_TEST(name(0x20, 0x20) == "OCW2");
    BOOST_TEST(name(0xA0, 0x0B) == "OCW3");
    BOOST_TEST(name(0x4D0, 0x20) == "ELCR1");
    BOOST_TEST(name(0x4D1, 0x20) == "ELCR2");
    for (const std::uint16_t chip : {GuestPic::master, GuestPic::slave}) {
        const std::uint16_t data = GuestPic::data(chip);
        BOOST_TEST(name(data, 0xFF) == "IMR");
        guest.out(chip, 0x11);
        for (const char* const word : {"ICW2", "ICW3", "ICW4", "IMR"}) {
            BOOST_TEST(name(data, 0x01) == word);
            guest.out(data, 0x01);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
