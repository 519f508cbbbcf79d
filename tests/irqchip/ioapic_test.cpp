#include "irqchip/x86/ioapic.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/ioapic_fixture.hpp"

// Lines, redirection entries and messages; everything about EOI is in ioapic_eoi_test.cpp.
namespace irqbench::irqchip::x86 {

BOOST_AUTO_TEST_SUITE(ioapic)

BOOST_AUTO_TEST_CASE(an_edge_is_delivered_once) {
    GuestIoApic guest;
    guest.set_high(10, 0x0200'0000);
    BOOST_TEST(guest.set_low(10, 0x51) == "route 10");
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed edge physical:2");
    BOOST_TEST(!guest.remote_irr(10));
    BOOST_TEST(guest.raise(10) == "nothing");
    BOOST_TEST(guest.lower(10) == "nothing");
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed edge physical:2");
}

BOOST_AUTO_TEST_CASE(a_level_is_delivered_once_until_its_eoi) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed level physical:0");
    BOOST_TEST(guest.remote_irr(10));
    BOOST_TEST(guest.raise(10) == "nothing");
    BOOST_TEST(guest.lower(10) == "nothing");
    BOOST_TEST(guest.raise(10) == "nothing");
    BOOST_TEST(guest.remote_irr(10));
}

BOOST_AUTO_TEST_CASE(a_masked_pin_delivers_nothing) {
    GuestIoApic guest;
    for (unsigned pin = 0; pin < IoApic::pin_count; ++pin) BOOST_TEST(guest.raise(pin) == "nothing");
}

BOOST_AUTO_TEST_CASE(an_edge_on_a_masked_pin_is_forgotten) {  // 82093AA 3.2.4, bit 16
    GuestIoApic guest;
    guest.set_low(10, rte::masked | 0x51);
    BOOST_TEST(guest.raise(10) == "nothing");
    BOOST_TEST(!guest.ioapic.pending(10));
    BOOST_TEST(guest.set_low(10, 0x51) == "route 10");
    BOOST_TEST(guest.raise(10) == "nothing");
    guest.lower(10);
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed edge physical:0");
}

BOOST_AUTO_TEST_CASE(a_level_asserted_while_masked_is_delivered_at_unmask) {
    GuestIoApic guest;
    guest.set_low(10, rte::masked | rte::level | 0x51);
    BOOST_TEST(guest.raise(10) == "nothing");
    BOOST_TEST(guest.ioapic.pending(10));
    BOOST_TEST(guest.set_low(10, rte::level | 0x51) ==
               "route 10, unmasked 10, deliver 10: 51 fixed level physical:0");
    BOOST_TEST(guest.remote_irr(10));
}

BOOST_AUTO_TEST_CASE(a_level_that_went_away_while_masked_is_not_delivered) {
    GuestIoApic guest;
    guest.set_low(10, rte::masked | rte::level | 0x51);
    guest.raise(10);
    guest.lower(10);
    BOOST_TEST(!guest.ioapic.pending(10));
    BOOST_TEST(guest.set_low(10, rte::level | 0x51) == "route 10");
}

BOOST_AUTO_TEST_CASE(a_pending_interrupt_dropped_at_unmask_comes_back_with_the_next_assertion) {  // row X07
    GuestIoApic guest;
    guest.set_low(10, rte::masked | rte::level | 0x51);
    guest.raise(10, LineSource::resample);
    BOOST_TEST(text(guest.low(10, rte::level | 0x51)) == "route 10, unmasked 10");
    guest.ioapic.drop_pending(10);
    BOOST_TEST(!guest.ioapic.pending(10));
    BOOST_TEST(!guest.remote_irr(10));
    BOOST_TEST(guest.raise(10, LineSource::resample) == "deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(an_uncovered_interrupt_goes_to_the_destination_written_before_the_unmask) {  // row Q01
    GuestIoApic guest;
    guest.set_low(10, rte::masked | rte::level | 0x51);
    guest.raise(10);
    BOOST_TEST(guest.set_high(10, 0x0300'0000) == "nothing");
    BOOST_TEST(guest.set_low(10, rte::level | 0x62) ==
               "route 10, unmasked 10, deliver 10: 62 fixed level physical:3");
}

BOOST_AUTO_TEST_CASE(a_masked_pin_keeps_the_route_it_had) {
    GuestIoApic guest;
    BOOST_TEST(guest.set_low(10, rte::masked | 0x51) == "nothing");
    BOOST_TEST(guest.set_low(10, 0x51) == "route 10");
    BOOST_TEST(guest.set_low(10, rte::masked | 0x51) == "nothing");
    BOOST_TEST(guest.set_low(10, rte::masked | 0x61) == "nothing");
    BOOST_TEST(guest.set_low(10, 0x61) == "route 10");
}

BOOST_AUTO_TEST_CASE(every_part_of_the_message_changes_the_route) {
    GuestIoApic guest;
    guest.set_low(10, 0x51);
    BOOST_TEST(guest.set_low(10, 0x51) == "nothing");
    BOOST_TEST(guest.set_low(10, 0x52) == "route 10");
    BOOST_TEST(guest.set_low(10, rte::logical | 0x52) == "route 10");
    BOOST_TEST(guest.set_low(10, rte::logical | rte::mode(DeliveryMode::lowest_priority) | 0x52) ==
               "route 10");
    BOOST_TEST(guest.set_low(10, 0x52) == "route 10");
    BOOST_TEST(guest.set_low(10, rte::level | 0x52) == "route 10");
    BOOST_TEST(guest.set_high(10, 0x0100'0000) == "route 10");
    BOOST_TEST(guest.set_low(10, rte::level | rte::active_low | 0x52) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_guest_cannot_change_remote_irr_or_delivery_status) {  // row X14
    GuestIoApic guest;
    guest.set_low(10, rte::level | rte::remote_irr | rte::delivery_status | 0x51);
    BOOST_TEST(guest.low(10) == (rte::level | 0x51));
    guest.raise(10);
    BOOST_TEST(guest.low(10) == (rte::level | rte::remote_irr | 0x51));
    guest.set_low(10, rte::level | rte::delivery_status | 0x51);
    BOOST_TEST(guest.low(10) == (rte::level | rte::remote_irr | 0x51));
}

BOOST_AUTO_TEST_CASE(a_write_of_one_half_leaves_the_other) {
    GuestIoApic guest;
    guest.set_low(10, 0x1'A951);
    guest.set_high(10, 0x0300'0000);
    BOOST_TEST(guest.low(10) == 0x1'A951);
    guest.set_low(10, 0x1'0062);
    BOOST_TEST(guest.read(0x25) == 0x0300'0000);
}

BOOST_AUTO_TEST_CASE(a_shared_line_is_asserted_while_any_driver_asserts_it) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10, LineSource::wire);
    guest.raise(10, LineSource::resample);
    guest.lower(10, LineSource::wire);
    BOOST_TEST(guest.ioapic.asserted(10));
    BOOST_TEST(guest.ioapic.pending(10));
    guest.lower(10, LineSource::resample);
    BOOST_TEST(!guest.ioapic.asserted(10));
    BOOST_TEST(!guest.ioapic.pending(10));
}

BOOST_AUTO_TEST_CASE(a_second_driver_of_an_asserted_edge_line_makes_no_edge) {
    GuestIoApic guest;
    guest.set_low(10, 0x51);
    guest.raise(10, LineSource::wire);
    BOOST_TEST(guest.raise(10, LineSource::resample) == "nothing");
    guest.lower(10, LineSource::wire);
    BOOST_TEST(guest.raise(10, LineSource::wire) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_driver_that_lets_go_of_a_line_it_never_held_changes_nothing) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.lower(10, LineSource::timer);
    BOOST_TEST(guest.ioapic.asserted(10));
    BOOST_TEST(guest.ioapic.pending(10));
}

BOOST_AUTO_TEST_CASE(the_polarity_bit_is_kept_and_changes_nothing) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | rte::active_low | 0x51);
    BOOST_TEST(guest.low(10) == (rte::level | rte::active_low | 0x51));
    BOOST_TEST(guest.raise(10) == "deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(a_line_high_when_its_pin_becomes_level_triggered_is_pending) {  // row X16
    GuestIoApic guest;
    guest.set_low(10, 0x51);
    guest.raise(10);
    guest.set_low(10, rte::masked | rte::level | 0x51);
    IoApic restored = guest.ioapic;
    BOOST_TEST(restored.pending(10));
    guest.ioapic = restored;
    BOOST_TEST(guest.set_low(10, rte::level | 0x51) ==
               "route 10, unmasked 10, deliver 10: 51 fixed level physical:0");
}

BOOST_AUTO_TEST_CASE(a_line_high_when_its_pin_becomes_edge_triggered_is_not_pending) {
    GuestIoApic guest;
    guest.set_low(10, rte::masked | rte::level | 0x51);
    guest.raise(10);
    guest.set_low(10, rte::masked | 0x51);
    BOOST_TEST(!guest.ioapic.pending(10));
    BOOST_TEST(guest.set_low(10, 0x51) == "route 10");
}

BOOST_AUTO_TEST_CASE(every_delivery_mode_reaches_the_message) {
    for (unsigned mode = 0; mode < 8; ++mode) {
        GuestIoApic guest;
        guest.set_high(10, 0x0F00'0000);
        guest.set_low(10, rte::logical | rte::mode(static_cast<DeliveryMode>(mode)) | 0x51);
        guest.raise(10);
        const Message message = guest.ioapic.message(10);
        BOOST_TEST(static_cast<unsigned>(message.delivery_mode) == mode);
        BOOST_TEST((message.destination_mode == DestinationMode::logical));
        BOOST_TEST(message.destination == 0x0F);
        BOOST_TEST(message.vector == 0x51);
        BOOST_TEST(message.redirection_hint == (mode == 1));
        BOOST_TEST(!message.level);
    }
}

BOOST_AUTO_TEST_CASE(a_level_message_says_assert) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    BOOST_TEST(guest.ioapic.message(10).level);
    BOOST_TEST((guest.ioapic.message(10).trigger == Trigger::level));
}

BOOST_AUTO_TEST_CASE(
    only_fixed_and_lowest_priority_interrupts_can_be_level_triggered) {  // 82093AA 3.2.4, bits 10:8
    for (unsigned mode = 0; mode < 8; ++mode) {
        GuestIoApic guest;
        guest.set_low(10, rte::level | rte::mode(static_cast<DeliveryMode>(mode)) | 0x51);
        guest.raise(10);
        BOOST_TEST_CONTEXT("mode " << mode) {
            BOOST_TEST(guest.remote_irr(10) == (mode <= 1));
            BOOST_TEST((guest.ioapic.message(10).trigger == Trigger::level) == (mode <= 1));
            guest.lower(10);
            BOOST_TEST((guest.raise(10) == "nothing") == (mode <= 1));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_interrupt_that_no_local_apic_accepts_stays_pending) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.ioapic.refused(10);
    BOOST_TEST(guest.low(10) == (rte::level | rte::delivery_status | 0x51));
    BOOST_TEST(guest.set_high(10, 0x0100'0000) ==
               "route 10, unmasked 10, deliver 10: 51 fixed level physical:1");
    BOOST_TEST(guest.low(10) == (rte::level | rte::remote_irr | 0x51));
}

BOOST_AUTO_TEST_CASE(a_refused_interrupt_whose_line_drops_is_gone) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    guest.raise(10);
    guest.ioapic.refused(10);
    guest.lower(10);
    BOOST_TEST(guest.low(10) == (rte::level | 0x51));
}

BOOST_AUTO_TEST_CASE(the_status_of_a_raise_is_what_the_raise_then_does) {
    struct {
        const char* state;
        std::uint32_t entry;
        bool asserted;
        LineStatus status;
    } const cases[] = {
        {"edge", 0x51, false, LineStatus::delivered},
        {"edge, asserted", 0x51, true, LineStatus::coalesced},
        {"edge, masked", rte::masked | 0x51, false, LineStatus::ignored},
        {"edge, masked, asserted", rte::masked | 0x51, true, LineStatus::coalesced},
        {"level", rte::level | 0x51, false, LineStatus::delivered},
        {"level, waiting for its EOI", rte::level | 0x51, true, LineStatus::ignored},
        {"level, masked", rte::masked | rte::level | 0x51, false, LineStatus::ignored},
    };
    for (const auto& c : cases) {
        BOOST_TEST_CONTEXT(c.state) {
            GuestIoApic guest;
            guest.set_low(10, c.entry);
            if (c.asserted) guest.raise(10);
            BOOST_TEST((guest.ioapic.status_if_raised(10) == c.status));
            BOOST_TEST((guest.raise(10) != "nothing") == (c.status == LineStatus::delivered));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_copy_is_equal_and_goes_its_own_way) {
    GuestIoApic guest;
    guest.set_low(10, rte::level | 0x51);
    GuestIoApic copy = guest;
    BOOST_TEST((copy.ioapic == guest.ioapic));
    copy.raise(10);
    BOOST_TEST((copy.ioapic != guest.ioapic));
    BOOST_TEST(!guest.remote_irr(10));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
