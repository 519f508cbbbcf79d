#include <boost/test/unit_test.hpp>

#include "irqchip/x86/lapic.hpp"
#include "tests/irqchip/lapic_fixture.hpp"

// The pins LINT0 and LINT1, and events inside the CPU; timer and error have files of their own.
namespace irqbench::irqchip::x86 {
namespace {

constexpr std::uint16_t lint_entries[] = {lapic::lvt_lint0, lapic::lvt_lint1};

struct Event {
    LocalEvent event;
    std::uint16_t entry;
};
constexpr Event events[] = {{LocalEvent::cmci, lapic::lvt_cmci},
                            {LocalEvent::thermal, lapic::lvt_thermal},
                            {LocalEvent::performance, lapic::lvt_perf}};

}  // namespace

BOOST_AUTO_TEST_SUITE(lapic_lvt)

BOOST_AUTO_TEST_CASE(an_edge_pin_interrupts_once_when_it_rises) {
    for (unsigned pin = 0; pin < 2; ++pin) {
        GuestLapic guest;
        guest.put(lint_entries[pin], 0x51);
        BOOST_TEST(guest.lint(pin, true) == "nothing");
        BOOST_TEST(guest.take() == 0x51);
        BOOST_TEST(guest.eoi() == "nothing");
        guest.lint(pin, true);
        BOOST_TEST(guest.take() == -1);
        guest.lint(pin, false);
        BOOST_TEST(guest.take() == -1);
        guest.lint(pin, true);
        BOOST_TEST(guest.take() == 0x51);
    }
}

BOOST_AUTO_TEST_CASE(a_pin_uses_its_own_entry) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, 0x51);
    guest.put(lapic::lvt_lint1, 0x61);
    guest.lint(1, true);
    BOOST_TEST(guest.take() == 0x61);
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(an_edge_on_a_masked_pin_is_lost) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::masked | 0x51);
    guest.lint(0, true);
    guest.put(lapic::lvt_lint0, 0x51);
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(pins_carry_nmi_smi_and_init_as_edges) {
    struct Mode {
        std::uint32_t bits;
        std::string_view effect;
    };
    for (const Mode& mode : {Mode{lvt::nmi, "nmi"}, Mode{lvt::smi, "smi"}, Mode{lvt::init, "init"},
                             Mode{lvt::nmi | lvt::level, "nmi"}}) {
        for (unsigned pin = 0; pin < 2; ++pin) {
            GuestLapic guest;
            guest.put(lint_entries[pin], mode.bits | 0x51);
            BOOST_TEST(guest.lint(pin, true) == mode.effect);
            BOOST_TEST(guest.lint(pin, true) == "nothing");
            BOOST_TEST(guest.lint(pin, false) == "nothing");
            guest.put(lint_entries[pin], lvt::masked | mode.bits);
            BOOST_TEST(guest.lint(pin, true) == "nothing");
            BOOST_TEST(guest.take() == -1);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reserved_mode_of_an_entry_delivers_nothing) {
    for (const std::uint32_t mode : {1U, 3U, 6U}) {
        GuestLapic guest;
        guest.put(lapic::lvt_lint0, mode << 8 | 0x51);
        BOOST_TEST(guest.lint(0, true) == "nothing");
        BOOST_TEST(guest.take() == -1);
        BOOST_TEST(!guest.apic.ext_int());
    }
}

BOOST_AUTO_TEST_CASE(a_level_pin_interrupts_again_after_its_eoi_while_it_is_high) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.lint(0, true);
    BOOST_TEST(guest.get(lapic::lvt_lint0) == (lvt::level | lvt::remote_irr | 0x51));
    BOOST_TEST(guest.take() == 0x51);
    guest.lint(0, true);
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.eoi() == "broadcast 51");
    BOOST_TEST(guest.take() == 0x51);
    guest.lint(0, false);
    guest.eoi();
    BOOST_TEST(guest.get(lapic::lvt_lint0) == (lvt::level | 0x51));
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_level_pin_that_falls_leaves_its_request_behind) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.lint(0, true);
    guest.lint(0, false);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(remote_irr_of_a_pin_ends_with_its_own_vector_only) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.lint(0, true);
    guest.take();
    guest.fixed(0x61, Trigger::level);
    guest.take();
    guest.eoi();
    BOOST_TEST(guest.get(lapic::lvt_lint0) == (lvt::level | lvt::remote_irr | 0x51));
    BOOST_TEST(!guest.apic.irr().test(0x51));
    guest.eoi();
    BOOST_TEST(guest.apic.irr().test(0x51));
}

BOOST_AUTO_TEST_CASE(remote_irr_of_a_pin_ends_although_the_broadcast_is_suppressed) {
    GuestLapic guest;
    guest.put(lapic::svr, 0x11FF);
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.lint(0, true);
    guest.take();
    BOOST_TEST(guest.eoi() == "nothing");
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(unmasking_a_level_pin_that_is_high_interrupts) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::masked | lvt::level | 0x51);
    guest.lint(0, true);
    BOOST_TEST(guest.take() == -1);
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(masking_a_pin_in_service_keeps_its_remote_irr) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.lint(0, true);
    guest.take();
    guest.put(lapic::lvt_lint0, lvt::masked | lvt::level | 0x51);
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    BOOST_TEST(guest.take() == -1);
    guest.put(lapic::lvt_lint0, lvt::masked | lvt::level | 0x51);
    guest.eoi();
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(a_switch_to_edge_clears_remote_irr) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.lint(0, true);
    guest.take();
    guest.put(lapic::lvt_lint0, 0x51);
    BOOST_TEST(guest.get(lapic::lvt_lint0) == 0x51);
}

BOOST_AUTO_TEST_CASE(remote_irr_cannot_be_written) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | lvt::remote_irr | 0x51);
    BOOST_TEST(guest.get(lapic::lvt_lint0) == (lvt::level | 0x51));
    guest.lint(0, true);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(an_illegal_vector_of_a_level_pin_is_logged_and_sets_no_remote_irr) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::level | 0x05);
    guest.lint(0, true);
    BOOST_TEST(guest.get(lapic::lvt_lint0) == (lvt::level | 0x05));
    BOOST_TEST(guest.errors() == 0x40);
}

BOOST_AUTO_TEST_CASE(ext_int_follows_its_pin) {
    for (unsigned pin = 0; pin < 2; ++pin) {
        GuestLapic guest;
        guest.put(lint_entries[pin], lvt::ext_int);
        guest.put(lapic::tpr, 0xFF);
        BOOST_TEST(guest.lint(pin, true) == "nothing");
        BOOST_TEST(guest.apic.ext_int());
        BOOST_TEST(!guest.apic.irr().highest());
        guest.apic.acknowledge_ext_int();
        BOOST_TEST(guest.apic.ext_int());
        guest.lint(pin, false);
        BOOST_TEST(!guest.apic.ext_int());
    }
}

BOOST_AUTO_TEST_CASE(the_other_pin_is_no_ext_int) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::ext_int);
    guest.lint(1, true);
    BOOST_TEST(!guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(unmasking_ext_int_asks_for_what_the_pic_has) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::masked | lvt::ext_int);
    guest.lint(0, true);
    BOOST_TEST(!guest.apic.ext_int());
    guest.put(lapic::lvt_lint0, lvt::ext_int);
    BOOST_TEST(guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(software_disable_silences_ext_int) {
    GuestLapic guest;
    guest.put(lapic::lvt_lint0, lvt::ext_int);
    guest.lint(0, true);
    guest.put(lapic::svr, 0xFF);
    BOOST_TEST(!guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(a_local_event_uses_its_own_entry) {
    for (const Event& event : events) {
        GuestLapic guest;
        for (const Event& other : events) guest.put(other.entry, 0x41);
        guest.put(event.entry, 0x51);
        BOOST_TEST(text(guest.apic.raise(event.event)) == "nothing");
        BOOST_TEST(guest.take() == 0x51);
        BOOST_TEST(guest.take() == -1);
        guest.eoi();
        guest.put(event.entry, lvt::masked | 0x51);
        BOOST_TEST(text(guest.apic.raise(event.event)) == "nothing");
        BOOST_TEST(guest.take() == -1);
    }
}

BOOST_AUTO_TEST_CASE(a_local_event_may_be_an_nmi_or_smi_but_no_init_or_ext_int) {
    for (const Event& event : events) {
        GuestLapic guest;
        const auto outcome = [&](std::uint32_t mode) {
            guest.put(event.entry, mode | 0x51);
            return text(guest.apic.raise(event.event));
        };
        BOOST_TEST(outcome(lvt::nmi) == "nmi");
        BOOST_TEST(outcome(lvt::smi) == "smi");
        BOOST_TEST(outcome(lvt::init) == "nothing");
        BOOST_TEST(outcome(lvt::ext_int) == "nothing");
        BOOST_TEST(!guest.apic.ext_int());
        BOOST_TEST(guest.take() == -1);
    }
}

BOOST_AUTO_TEST_CASE(a_performance_interrupt_masks_its_entry_on_intel) {
    GuestLapic intel;
    intel.put(lapic::lvt_perf, lvt::nmi);
    BOOST_TEST(text(intel.apic.raise(LocalEvent::performance)) == "nmi");
    BOOST_TEST(intel.get(lapic::lvt_perf) == (lvt::masked | lvt::nmi));
    LapicOptions options;
    options.perf_masks_itself = false;
    GuestLapic amd(0, options);
    amd.put(lapic::lvt_perf, lvt::nmi);
    BOOST_TEST(text(amd.apic.raise(LocalEvent::performance)) == "nmi");
    BOOST_TEST(amd.get(lapic::lvt_perf) == lvt::nmi);
}

BOOST_AUTO_TEST_CASE(an_apic_that_is_disabled_or_lacks_the_entry_hears_no_event) {
    LapicOptions options;
    options.cmci = false;
    GuestLapic without(0, options);
    BOOST_TEST(text(without.apic.raise(LocalEvent::cmci)) == "nothing");
    GuestLapic disabled;
    disabled.put(lapic::lvt_thermal, lvt::nmi);
    disabled.wrmsr(msr::apic_base, base_address);
    BOOST_TEST(text(disabled.apic.raise(LocalEvent::thermal)) == "nothing");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
