#include "irqchip/x86/lapic.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/lapic_fixture.hpp"

// What the CPU takes next, and how it ends: IRR, ISR, TPR, PPR, APR, CR8, EOI.
namespace irqbench::irqchip::x86 {

BOOST_AUTO_TEST_SUITE(lapic_priority)

BOOST_AUTO_TEST_CASE(a_vector_set_knows_its_highest) {
    VectorSet set;
    BOOST_TEST(!set.highest());
    for (unsigned vector = 0; vector < 256; ++vector) {
        set.set(static_cast<std::uint8_t>(vector));
        BOOST_TEST(set.highest().value() == vector);
        const std::uint32_t from_vector_up = set.register_word(vector / 32) >> (vector % 32);
        BOOST_TEST(from_vector_up == 1);
        set.clear(static_cast<std::uint8_t>(vector));
        BOOST_TEST(!set.test(static_cast<std::uint8_t>(vector)));
        set.set(static_cast<std::uint8_t>(vector));
        if (vector % 32 == 31) set = {};
    }
    set.assign(7, true);
    set.assign(200, true);
    set.assign(200, false);
    BOOST_TEST(set.highest().value() == 7);
}

BOOST_AUTO_TEST_CASE(every_legal_vector_is_requested_taken_and_ended) {
    for (unsigned vector = 16; vector < 256; ++vector) {
        GuestLapic guest;
        const auto word = static_cast<std::uint16_t>(16 * (vector / 32));
        const std::uint32_t bit = 1U << (vector % 32);
        BOOST_TEST(guest.fixed(static_cast<std::uint8_t>(vector)) == "nothing");
        BOOST_TEST(guest.get(lapic::irr + word) == bit);
        BOOST_TEST(guest.get(lapic::isr + word) == 0);
        BOOST_TEST(guest.take() == static_cast<int>(vector));
        BOOST_TEST(guest.get(lapic::irr + word) == 0);
        BOOST_TEST(guest.get(lapic::isr + word) == bit);
        BOOST_TEST(guest.eoi() == "nothing");
        BOOST_TEST(guest.get(lapic::isr + word) == 0);
    }
}

BOOST_AUTO_TEST_CASE(pending_vectors_are_taken_highest_first) {
    GuestLapic guest;
    for (const int vector : {0x31, 0xF0, 0x80, 0x7F, 0x81}) guest.fixed(static_cast<std::uint8_t>(vector));
    for (const int vector : {0xF0, 0x81, 0x80, 0x7F, 0x31}) {
        BOOST_TEST(guest.take() == vector);
        guest.eoi();
    }
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_higher_class_interrupts_and_the_same_class_waits) {
    GuestLapic guest;
    guest.fixed(0x51);
    guest.take();
    guest.fixed(0x5F);
    BOOST_TEST(guest.take() == -1);
    guest.fixed(0x60);
    BOOST_TEST(guest.take() == 0x60);
    guest.eoi();
    BOOST_TEST(guest.take() == -1);
    guest.eoi();
    BOOST_TEST(guest.take() == 0x5F);
}

BOOST_AUTO_TEST_CASE(a_vector_in_service_can_be_requested_once_more) {
    GuestLapic guest;
    guest.fixed(0x51);
    guest.take();
    guest.fixed(0x51);
    guest.fixed(0x51);
    BOOST_TEST(guest.take() == -1);
    guest.eoi();
    BOOST_TEST(guest.take() == 0x51);
    guest.eoi();
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(an_eoi_ends_the_highest_in_service) {
    GuestLapic guest;
    guest.fixed(0x41);
    guest.take();
    guest.fixed(0x81);
    guest.take();
    guest.eoi();
    BOOST_TEST(!guest.apic.isr().test(0x81));
    BOOST_TEST(guest.apic.isr().test(0x41));
}

BOOST_AUTO_TEST_CASE(an_eoi_with_nothing_in_service_does_nothing) {
    GuestLapic guest;
    const LocalApic before = guest.apic;
    BOOST_TEST(guest.eoi() == "nothing");
    BOOST_TEST((guest.apic == before));
}

BOOST_AUTO_TEST_CASE(tpr_holds_back_its_class_and_those_below) {
    for (unsigned task_class = 0; task_class < 16; ++task_class) {
        for (const unsigned sub_class : {0U, 15U}) {
            for (unsigned vector = 16; vector < 256; ++vector) {
                GuestLapic guest;
                guest.put(lapic::tpr, task_class << 4 | sub_class);
                guest.fixed(static_cast<std::uint8_t>(vector));
                BOOST_REQUIRE(guest.apic.pending().has_value() == (vector / 16 > task_class));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_lower_tpr_lets_a_waiting_vector_through) {
    GuestLapic guest;
    guest.put(lapic::tpr, 0x60);
    guest.fixed(0x6F);
    BOOST_TEST(guest.take() == -1);
    guest.put(lapic::tpr, 0x5F);
    BOOST_TEST(guest.take() == 0x6F);
}

BOOST_AUTO_TEST_CASE(ppr_is_the_higher_of_tpr_and_what_is_in_service) {
    struct Case {
        std::uint8_t tpr, in_service, ppr;
    };
    const Case cases[] = {{0x00, 0x00, 0x00}, {0x25, 0x00, 0x25}, {0x00, 0x51, 0x50}, {0x45, 0x51, 0x50},
                          {0x57, 0x51, 0x57}, {0x50, 0x5F, 0x50}, {0x68, 0x51, 0x68}, {0xFF, 0xF1, 0xFF}};
    for (const Case& c : cases) {
        GuestLapic guest;
        if (c.in_service != 0) {
            guest.fixed(c.in_service);
            guest.take();
        }
        guest.put(lapic::tpr, c.tpr);
        BOOST_TEST(guest.get(lapic::ppr) == c.ppr);
        BOOST_TEST(guest.apic.ppr() == c.ppr);
    }
}

BOOST_AUTO_TEST_CASE(apr_counts_requests_too) {
    GuestLapic guest;
    guest.put(lapic::tpr, 0x25);
    BOOST_TEST(guest.get(lapic::apr) == 0x25);
    guest.fixed(0x31);
    BOOST_TEST(guest.get(lapic::apr) == 0x30);
    guest.take();
    BOOST_TEST(guest.get(lapic::apr) == 0x30);
    guest.put(lapic::tpr, 0x36);
    BOOST_TEST(guest.get(lapic::apr) == 0x30);
    guest.put(lapic::tpr, 0x47);
    BOOST_TEST(guest.get(lapic::apr) == 0x47);
    guest.fixed(0x41);
    BOOST_TEST(guest.get(lapic::apr) == 0x47);
    guest.fixed(0x52);
    BOOST_TEST(guest.get(lapic::apr) == 0x50);
}

BOOST_AUTO_TEST_CASE(cr8_is_the_upper_half_of_tpr_both_ways) {
    GuestLapic guest;
    guest.put(lapic::tpr, 0x97);
    BOOST_TEST(guest.apic.cr8() == 9);
    guest.apic.set_cr8(5);
    BOOST_TEST(guest.get(lapic::tpr) == 0x50);
    BOOST_TEST(guest.apic.tpr() == 0x50);
    guest.apic.set_cr8(0xFF);
    BOOST_TEST(guest.get(lapic::tpr) == 0xF0);
}

BOOST_AUTO_TEST_CASE(an_acknowledge_for_nothing_yields_the_spurious_vector) {
    GuestLapic guest;
    guest.put(lapic::svr, 0x1E7);
    const LocalApic before = guest.apic;
    BOOST_TEST(guest.apic.acknowledge() == 0xE7);
    BOOST_TEST((guest.apic == before));
    guest.fixed(0x51);
    guest.put(lapic::tpr, 0x50);
    BOOST_TEST(guest.apic.acknowledge() == 0xE7);
    BOOST_TEST(guest.apic.irr().test(0x51));
    BOOST_TEST(!guest.apic.isr().highest());
}

BOOST_AUTO_TEST_CASE(a_level_vector_is_told_to_the_ioapics_at_its_eoi) {
    GuestLapic guest;
    guest.fixed(0x51, Trigger::level);
    BOOST_TEST(guest.get(lapic::tmr + 0x20) == 1U << 17);
    guest.take();
    BOOST_TEST(guest.eoi() == "broadcast 51");
    BOOST_TEST(guest.eoi() == "nothing");
}

BOOST_AUTO_TEST_CASE(the_last_trigger_of_a_vector_counts) {
    GuestLapic guest;
    guest.fixed(0x51, Trigger::level);
    guest.take();
    guest.eoi();
    BOOST_TEST(guest.get(lapic::tmr + 0x20) == 1U << 17);
    guest.fixed(0x51, Trigger::edge);
    BOOST_TEST(guest.get(lapic::tmr + 0x20) == 0);
    guest.take();
    BOOST_TEST(guest.eoi() == "nothing");
}

BOOST_AUTO_TEST_CASE(an_eoi_broadcast_can_be_suppressed) {
    for (const bool in_x2apic_mode : {false, true}) {
        GuestLapic guest = in_x2apic_mode ? GuestLapic::in_x2apic_mode() : GuestLapic();
        guest.set(lapic::svr, 0x11FF);
        guest.fixed(0x51, Trigger::level);
        guest.take();
        BOOST_TEST(guest.eoi() == "nothing");
        BOOST_TEST(!guest.apic.isr().highest());
        guest.set(lapic::svr, 0x1FF);
        guest.fixed(0x51, Trigger::level);
        guest.take();
        BOOST_TEST(guest.eoi() == "broadcast 51");
    }
}

BOOST_AUTO_TEST_CASE(the_page_takes_any_value_for_an_eoi) {
    GuestLapic guest;
    guest.fixed(0x51);
    guest.take();
    guest.put(lapic::eoi, 0xFFFF'FFFF);
    BOOST_TEST(!guest.apic.isr().highest());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
