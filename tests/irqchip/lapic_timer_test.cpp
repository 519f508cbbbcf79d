#include "irqchip/x86/lapic_timer.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/lapic_fixture.hpp"

// The timer in its three modes. Unless a test divides, the divisor is 2, as after reset.
namespace irqbench::irqchip::x86 {
namespace {

constexpr std::uint32_t divide_by_1 = 0xB;

GuestLapic with_timer(std::uint32_t entry, std::uint32_t divide = divide_by_1) {
    GuestLapic guest;
    guest.now = {1000, 5000};
    guest.put(lapic::lvt_timer, entry);
    guest.put(lapic::timer_divide, divide);
    return guest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lapic_timer)

BOOST_AUTO_TEST_CASE(a_one_shot_counts_down_and_interrupts_once) {
    GuestLapic guest = with_timer(0x51);
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "arm bus 1100");
    BOOST_TEST(guest.get(lapic::timer_current) == 100);
    BOOST_TEST(guest.wait_bus(99) == "arm bus 1100");
    BOOST_TEST(guest.get(lapic::timer_current) == 1);
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.wait_bus(1) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
    BOOST_TEST(guest.get(lapic::timer_initial) == 100);
    BOOST_TEST(guest.take() == 0x51);
    BOOST_TEST(guest.eoi() == "nothing");
    BOOST_TEST(guest.wait_bus(1000) == "nothing");
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_periodic_timer_goes_on_in_phase) {
    GuestLapic guest = with_timer(lvt::periodic | 0x51);
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "arm bus 1100");
    BOOST_TEST(guest.wait_bus(100) == "arm bus 1200");
    BOOST_TEST(guest.take() == 0x51);
    guest.eoi();
    BOOST_TEST(guest.get(lapic::timer_current) == 100);
    BOOST_TEST(guest.wait_bus(130) == "arm bus 1300");
    BOOST_TEST(guest.get(lapic::timer_current) == 70);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(missed_periods_count_once) {
    GuestLapic guest = with_timer(lvt::periodic | 0x51);
    guest.put(lapic::timer_initial, 100);
    BOOST_TEST(guest.wait_bus(1050) == "arm bus 2100");
    BOOST_TEST(guest.get(lapic::timer_current) == 50);
    BOOST_TEST(guest.take() == 0x51);
    guest.eoi();
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(the_count_is_right_before_the_expiry_was_noticed) {
    GuestLapic periodic = with_timer(lvt::periodic | 0x51);
    periodic.put(lapic::timer_initial, 100);
    periodic.now.bus += 100;
    BOOST_TEST(periodic.get(lapic::timer_current) == 100);
    periodic.now.bus += 230;
    BOOST_TEST(periodic.get(lapic::timer_current) == 70);
    GuestLapic one_shot = with_timer(0x51);
    one_shot.put(lapic::timer_initial, 100);
    one_shot.now.bus += 100;
    BOOST_TEST(one_shot.get(lapic::timer_current) == 0);
}

BOOST_AUTO_TEST_CASE(every_divide_value_divides) {
    struct Divide {
        std::uint32_t bits;
        std::uint64_t divisor;
    };
    for (const Divide& divide : {Divide{0x0, 2}, Divide{0x1, 4}, Divide{0x2, 8}, Divide{0x3, 16},
                                 Divide{0x8, 32}, Divide{0x9, 64}, Divide{0xA, 128}, Divide{0xB, 1}}) {
        GuestLapic guest = with_timer(0x51, divide.bits);
        BOOST_TEST(guest.put(lapic::timer_initial, 10) ==
                   fmt::format("arm bus {}", 1000 + 10 * divide.divisor));
        guest.now.bus += divide.divisor - 1;
        BOOST_TEST(guest.get(lapic::timer_current) == 10);
        guest.now.bus += 1;
        BOOST_TEST(guest.get(lapic::timer_current) == 9);
    }
}

BOOST_AUTO_TEST_CASE(the_largest_count_and_divisor_fit) {
    GuestLapic guest = with_timer(0x51, 0xA);
    BOOST_TEST(guest.put(lapic::timer_initial, 0xFFFF'FFFF) ==
               fmt::format("arm bus {}", 1000 + 0xFFFF'FFFFULL * 128));
}

BOOST_AUTO_TEST_CASE(a_new_initial_count_starts_anew_and_zero_stops) {
    GuestLapic guest = with_timer(lvt::periodic | 0x51);
    guest.put(lapic::timer_initial, 100);
    guest.now.bus += 60;
    BOOST_TEST(guest.put(lapic::timer_initial, 50) == "arm bus 1110");
    BOOST_TEST(guest.get(lapic::timer_current) == 50);
    BOOST_TEST(guest.put(lapic::timer_initial, 0) == "disarm");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
    BOOST_TEST(guest.wait_bus(1000) == "nothing");
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.put(lapic::timer_initial, 0) == "nothing");
}

BOOST_AUTO_TEST_CASE(an_expiry_that_was_not_served_is_not_lost_by_a_write) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    guest.now.bus += 150;
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "arm bus 1250");
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(a_new_divisor_applies_to_what_is_left) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    guest.now.bus += 40;
    BOOST_TEST(guest.put(lapic::timer_divide, 0x1) == "arm bus 1280");
    BOOST_TEST(guest.get(lapic::timer_current) == 60);
    guest.now.bus += 4;
    BOOST_TEST(guest.get(lapic::timer_current) == 59);
    guest.now.bus = 1280;
    BOOST_TEST(guest.wait_bus(0) == "nothing");
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(a_new_divisor_starts_no_timer_that_is_over) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    guest.wait_bus(100);
    guest.take();
    guest.eoi();
    BOOST_TEST(guest.put(lapic::timer_divide, 0x3) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
}

BOOST_AUTO_TEST_CASE(a_new_divisor_is_that_of_the_following_periods_too) {
    GuestLapic guest = with_timer(lvt::periodic | 0x51);
    guest.put(lapic::timer_initial, 100);
    guest.now.bus += 40;
    BOOST_TEST(guest.put(lapic::timer_divide, 0x0) == "arm bus 1160");
    guest.now.bus = 1160;
    BOOST_TEST(guest.wait_bus(0) == "arm bus 1360");
}

BOOST_AUTO_TEST_CASE(a_masked_timer_counts_and_does_not_interrupt) {
    GuestLapic guest = with_timer(lvt::masked | 0x51);
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "nothing");
    guest.now.bus += 40;
    BOOST_TEST(guest.get(lapic::timer_current) == 60);
    guest.now.bus += 60;
    BOOST_TEST(guest.put(lapic::lvt_timer, 0x51) == "nothing");
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
}

BOOST_AUTO_TEST_CASE(the_entry_at_the_expiry_counts) {
    GuestLapic guest = with_timer(lvt::masked | 0x51);
    guest.put(lapic::timer_initial, 100);
    BOOST_TEST(guest.put(lapic::lvt_timer, 0x61) == "arm bus 1100");
    guest.wait_bus(100);
    BOOST_TEST(guest.take() == 0x61);
}

// Whoever serves the deadlines has nothing to do for a timer that tells nobody, however short its period.
BOOST_AUTO_TEST_CASE(only_an_unmasked_timer_awaits_its_deadline) {
    GuestLapic guest = with_timer(lvt::periodic | 0x51);
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "arm bus 1100");
    guest.now.bus += 40;
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::periodic | lvt::masked | 0x51) == "disarm");
    guest.now.bus += 290;
    BOOST_TEST(guest.get(lapic::timer_current) == 70);
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::periodic | 0x51) == "arm bus 1400");
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.put(lapic::svr, 0xFF) == "disarm");
    BOOST_TEST(guest.put(lapic::svr, 0x1FF) == "nothing");
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::periodic | 0x51) == "arm bus 1400");
    BOOST_TEST(guest.wait_bus(70) == "arm bus 1500");
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(an_expiry_that_was_not_served_comes_before_the_mask) {
    for (const bool by_svr : {false, true}) {
        GuestLapic guest = with_timer(lvt::periodic | 0x51);
        guest.put(lapic::timer_initial, 100);
        guest.now.bus += 100;
        if (by_svr)
            guest.put(lapic::svr, 0xFF);
        else
            guest.put(lapic::lvt_timer, lvt::periodic | lvt::masked | 0x51);
        BOOST_TEST(guest.take() == 0x51);
    }
}

BOOST_AUTO_TEST_CASE(an_illegal_vector_of_the_timer_is_logged) {
    GuestLapic guest = with_timer(0x05);
    guest.put(lapic::timer_initial, 100);
    guest.wait_bus(100);
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.errors() == 0x40);
}

BOOST_AUTO_TEST_CASE(one_shot_and_periodic_share_the_count) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    guest.now.bus += 40;
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::periodic | 0x51) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_current) == 60);
    BOOST_TEST(guest.wait_bus(60) == "arm bus 1200");
    BOOST_TEST(guest.put(lapic::lvt_timer, 0x51) == "nothing");
    BOOST_TEST(guest.wait_bus(100) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::periodic | 0x51) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
    BOOST_TEST(guest.get(lapic::timer_initial) == 100);
}

BOOST_AUTO_TEST_CASE(tsc_deadline_mode_disarms_the_counter_and_ignores_its_register) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::tsc_deadline | 0x51) == "disarm");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_initial) == 0);
    BOOST_TEST(guest.wait_bus(200) == "nothing");
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_tsc_deadline_interrupts_once_and_reads_zero_then) {
    GuestLapic guest = with_timer(lvt::tsc_deadline | 0x51);
    BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 6000) == "arm tsc 6000");
    BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 6000);
    guest.now.tsc = 5999;
    BOOST_TEST(guest.wait_bus(10'000) == "arm tsc 6000");
    BOOST_TEST(guest.take() == -1);
    guest.now.tsc = 6000;
    BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 0);
    BOOST_TEST(guest.wait_bus(0) == "nothing");
    BOOST_TEST(guest.take() == 0x51);
    guest.eoi();
    guest.now.tsc = 9000;
    BOOST_TEST(guest.wait_bus(0) == "nothing");
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_tsc_deadline_in_the_past_interrupts_at_once) {
    GuestLapic guest = with_timer(lvt::tsc_deadline | 0x51);
    BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 5000) == "nothing");
    BOOST_TEST(guest.take() == 0x51);
    guest.eoi();
    guest.wrmsr(msr::tsc_deadline, 7000);
    BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 1) == "disarm");
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(a_tsc_deadline_is_moved_by_a_write_and_disarmed_by_zero) {
    GuestLapic guest = with_timer(lvt::tsc_deadline | 0x51);
    guest.wrmsr(msr::tsc_deadline, 6000);
    BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 7000) == "arm tsc 7000");
    BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 7000) == "nothing");
    BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 0) == "disarm");
    BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 0);
    guest.now.tsc = 8000;
    BOOST_TEST(guest.wait_bus(0) == "nothing");
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_tsc_deadline_outlives_changes_of_its_entry_but_not_of_its_mode) {
    GuestLapic guest = with_timer(lvt::tsc_deadline | 0x51);
    guest.wrmsr(msr::tsc_deadline, 6000);
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::tsc_deadline | lvt::masked | 0x61) == "disarm");
    BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 6000);
    BOOST_TEST(guest.put(lapic::lvt_timer, lvt::tsc_deadline | 0x61) == "arm tsc 6000");
    BOOST_TEST(guest.put(lapic::lvt_timer, 0x51) == "disarm");
    BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 0);
}

BOOST_AUTO_TEST_CASE(outside_its_mode_the_deadline_reads_zero_and_ignores_writes) {
    for (const std::uint32_t mode : {0U, lvt::periodic, lvt::periodic | lvt::tsc_deadline}) {
        GuestLapic guest = with_timer(mode | 0x51);
        BOOST_TEST(guest.wrmsr(msr::tsc_deadline, 6000) == "nothing");
        BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 0);
        guest.put(lapic::lvt_timer, lvt::tsc_deadline | 0x51);
        BOOST_TEST(guest.rdmsr(msr::tsc_deadline).value() == 0);
    }
    GuestLapic disabled = with_timer(lvt::tsc_deadline | 0x51);
    disabled.wrmsr(msr::apic_base, base_address);
    BOOST_TEST(disabled.wrmsr(msr::tsc_deadline, 6000) == "nothing");
    BOOST_TEST(disabled.rdmsr(msr::tsc_deadline).value() == 0);
}

BOOST_AUTO_TEST_CASE(the_reserved_mode_does_not_count) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    BOOST_TEST(guest.put(lapic::lvt_timer, 3U << 17 | 0x51) == "disarm");
    BOOST_TEST(guest.put(lapic::timer_initial, 100) == "nothing");
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
}

BOOST_AUTO_TEST_CASE(a_software_disabled_timer_counts_silently) {
    GuestLapic guest = with_timer(0x51);
    guest.put(lapic::timer_initial, 100);
    BOOST_TEST(guest.put(lapic::svr, 0xFF) == "disarm");
    guest.now.bus += 40;
    BOOST_TEST(guest.get(lapic::timer_current) == 60);
    BOOST_TEST(guest.wait_bus(60) == "nothing");
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(expired_at_a_wrong_time_does_no_harm) {
    GuestLapic guest;
    const LocalApic before = guest.apic;
    BOOST_TEST(guest.wait_bus(1000) == "nothing");
    BOOST_TEST((guest.apic == before));
}

BOOST_AUTO_TEST_CASE(x2apic_mode_has_the_same_timer) {
    GuestLapic guest = GuestLapic::in_x2apic_mode();
    guest.set(lapic::timer_divide, divide_by_1);
    guest.set(lapic::lvt_timer, 0x51);
    BOOST_TEST(guest.set(lapic::timer_initial, 100) == "arm bus 100");
    guest.now.bus = 30;
    BOOST_TEST(guest.reg(lapic::timer_current) == 70);
    guest.wait_bus(70);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
