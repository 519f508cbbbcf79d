#include "irqchip/x86/lapic.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/lapic_fixture.hpp"

// IA32_APIC_BASE, INIT and RESET.
namespace irqbench::irqchip::x86 {
namespace {

constexpr std::uint64_t disabled = 0xFEE0'0000, xapic = 0xFEE0'0800, x2apic = 0xFEE0'0C00,
                        invalid = 0xFEE0'0400;

/// A local APIC with something in every register.
GuestLapic busy(std::uint32_t id, bool in_x2apic_mode = false) {
    GuestLapic guest(id);
    if (in_x2apic_mode) guest.wrmsr(msr::apic_base, x2apic);
    guest.set(lapic::svr, 0x11E5);
    guest.fixed(0x71, Trigger::level);
    BOOST_REQUIRE(guest.take() == 0x71);
    guest.fixed(0x61);
    guest.set(lapic::tpr, 0x25);
    if (!in_x2apic_mode) {
        guest.set(lapic::id, 0x7700'0000);
        guest.set(lapic::ldr, 0x1200'0000);
        guest.set(lapic::dfr, 0x0FFF'FFFF);
        guest.set(lapic::icr_high, 0x3400'0000);
    }
    guest.set(lapic::icr, 0x0000'0000'000C'0744);
    for (const std::uint16_t entry : {lapic::lvt_cmci, lapic::lvt_thermal, lapic::lvt_perf, lapic::lvt_lint0,
                                      lapic::lvt_lint1, lapic::lvt_error})
        guest.set(entry, 0x45);
    guest.set(lapic::lvt_timer, lvt::periodic | 0x46);
    guest.set(lapic::timer_divide, 0xB);
    guest.set(lapic::timer_initial, 1000);
    guest.send(DeliveryMode::ext_int);
    guest.fixed(3);
    guest.set(lapic::esr, 0);
    guest.fixed(3);
    return guest;
}

/// What a local APIC is after INIT or RESET, with the id register and the base it is to have.
LocalApic initial(std::uint32_t id, std::uint64_t base, std::uint32_t id_register) {
    GuestLapic guest = GuestLapic::fresh(id);
    if ((base & base_enabled) != 0) guest.put(lapic::id, id_register);
    if (base != guest.apic.apic_base()) BOOST_REQUIRE(guest.wrmsr(msr::apic_base, base) == "nothing");
    return guest.apic;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lapic_base)

BOOST_AUTO_TEST_CASE(the_bootstrap_processor_is_flagged) {
    BOOST_TEST(GuestLapic(0).rdmsr(msr::apic_base).value() == 0xFEE0'0900);
    BOOST_TEST(GuestLapic(1).rdmsr(msr::apic_base).value() == 0xFEE0'0800);
    BOOST_TEST(GuestLapic(0).apic.bootstrap());
    BOOST_TEST(!GuestLapic(1).apic.bootstrap());
}

BOOST_AUTO_TEST_CASE(the_flag_can_be_written) {
    GuestLapic guest(1);
    BOOST_TEST(guest.wrmsr(msr::apic_base, xapic | base_bootstrap) == "nothing");
    BOOST_TEST(guest.apic.bootstrap());
}

BOOST_AUTO_TEST_CASE(modes_change_along_the_arrows_of_the_figure_only) {
    struct Change {
        std::uint64_t from, to;
        bool valid;
    };
    const Change changes[] = {
        {xapic, xapic, true},     {xapic, x2apic, true},     {xapic, disabled, true},
        {xapic, invalid, false},  {x2apic, x2apic, true},    {x2apic, xapic, false},
        {x2apic, disabled, true}, {x2apic, invalid, false},  {disabled, disabled, true},
        {disabled, xapic, true},  {disabled, x2apic, false}, {disabled, invalid, false},
    };
    for (const Change& change : changes) {
        GuestLapic guest(1);
        guest.wrmsr(msr::apic_base, change.from);
        const LocalApic before = guest.apic;
        BOOST_TEST_CONTEXT(std::hex << change.from << " to " << change.to) {
            BOOST_TEST(guest.rdmsr(msr::apic_base).value() == change.from);
            BOOST_TEST((guest.wrmsr(msr::apic_base, change.to) == "nothing") == change.valid);
            BOOST_TEST(guest.rdmsr(msr::apic_base).value() == (change.valid ? change.to : change.from));
            if (!change.valid) BOOST_TEST((guest.apic == before));
        }
    }
}

BOOST_AUTO_TEST_CASE(reserved_bits_of_the_base_fault) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        GuestLapic guest(1);
        const bool reserved = bit < 8 || bit == 9 || bit >= 46;
        const std::string outcome = guest.wrmsr(msr::apic_base, xapic | std::uint64_t{1} << bit);
        BOOST_TEST((outcome == "#GP") == reserved, "bit " << bit);
    }
}

BOOST_AUTO_TEST_CASE(the_width_of_an_address_is_an_option) {
    LapicOptions options;
    options.physical_address_bits = 36;
    GuestLapic narrow(1, options);
    BOOST_TEST(narrow.wrmsr(msr::apic_base, std::uint64_t{1} << 36 | xapic) == "#GP");
    BOOST_TEST(narrow.wrmsr(msr::apic_base, std::uint64_t{1} << 35 | xapic) == "nothing");
    options.physical_address_bits = 52;
    GuestLapic wide(1, options);
    BOOST_TEST(wide.wrmsr(msr::apic_base, std::uint64_t{1} << 51 | xapic) == "nothing");
    BOOST_TEST(wide.wrmsr(msr::apic_base, std::uint64_t{1} << 52 | xapic) == "#GP");
}

BOOST_AUTO_TEST_CASE(without_x2apic_its_bit_is_reserved) {
    LapicOptions options;
    options.x2apic = false;
    GuestLapic guest(1, options);
    BOOST_TEST(guest.wrmsr(msr::apic_base, x2apic) == "#GP");
    BOOST_TEST((guest.apic.mode() == ApicMode::xapic));
}

BOOST_AUTO_TEST_CASE(the_page_moves_with_the_base_and_exists_in_xapic_mode_only) {
    GuestLapic guest(1);
    BOOST_TEST(guest.apic.mmio_base().value() == 0xFEE0'0000);
    guest.wrmsr(msr::apic_base, 0x12'3456'7800);
    BOOST_TEST(guest.apic.mmio_base().value() == 0x12'3456'7000);
    guest.wrmsr(msr::apic_base, 0x12'3456'7C00);
    BOOST_TEST(!guest.apic.mmio_base());
    guest.wrmsr(msr::apic_base, 0x12'3456'7000);
    BOOST_TEST(!guest.apic.mmio_base());
}

BOOST_AUTO_TEST_CASE(x2apic_mode_keeps_all_but_ids_and_the_upper_half_of_icr) {
    GuestLapic guest = busy(0x15);
    const LocalApic before = guest.apic;
    BOOST_TEST(guest.wrmsr(msr::apic_base, x2apic) == "nothing");
    BOOST_TEST(guest.reg(lapic::id) == 0x15);
    BOOST_TEST(guest.reg(lapic::ldr) == 0x1'0020);
    BOOST_TEST(guest.reg(lapic::icr) == 0x000C'0744);
    BOOST_TEST(guest.reg(lapic::tpr) == 0x25);
    BOOST_TEST(guest.reg(lapic::svr) == 0x11E5);
    BOOST_TEST(guest.reg(lapic::lvt_timer) == (lvt::periodic | 0x46));
    BOOST_TEST(guest.reg(lapic::timer_current) == 1000);
    BOOST_TEST((guest.apic.irr() == before.irr()));
    BOOST_TEST((guest.apic.isr() == before.isr()));
    BOOST_TEST((guest.apic.tmr() == before.tmr()));
    BOOST_TEST(guest.reg(lapic::esr) == 0x40);
    BOOST_TEST(guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(leaving_x2apic_mode_resets_the_registers_and_stops_the_timer) {
    GuestLapic guest = busy(0x15, true);
    BOOST_TEST(guest.wrmsr(msr::apic_base, disabled) == "disarm");
    BOOST_TEST(guest.wrmsr(msr::apic_base, xapic) == "nothing");
    BOOST_TEST((guest.apic == initial(0x15, xapic, 0x1500'0000)));
}

BOOST_AUTO_TEST_CASE(disabling_an_xapic_stops_its_timer_and_keeps_its_registers) {
    GuestLapic guest = busy(0x15);
    BOOST_TEST(guest.wrmsr(msr::apic_base, disabled) == "disarm");
    BOOST_TEST(!guest.apic.pending());
    BOOST_TEST(!guest.apic.software_enabled());
    BOOST_TEST(guest.wrmsr(msr::apic_base, xapic) == "nothing");
    BOOST_TEST(guest.get(lapic::id) == 0x1500'0000);
    BOOST_TEST(guest.get(lapic::ldr) == 0x1200'0000);
    BOOST_TEST(guest.get(lapic::svr) == 0x11E5);
    BOOST_TEST(guest.get(lapic::timer_initial) == 1000);
    BOOST_TEST(guest.get(lapic::timer_current) == 0);
    BOOST_TEST(guest.apic.irr().test(0x61));
    BOOST_TEST(guest.apic.isr().test(0x71));
    guest.eoi();
    BOOST_TEST(guest.take() == 0x61);
}

BOOST_AUTO_TEST_CASE(a_disabled_apic_takes_no_messages) {
    GuestLapic guest(1);
    guest.wrmsr(msr::apic_base, disabled);
    for (unsigned mode = 0; mode < 8; ++mode)
        BOOST_TEST(guest.send(static_cast<DeliveryMode>(mode), 0x51) == "refused, nothing");
    BOOST_TEST(!guest.apic.accepts(1, DestinationMode::physical));
    BOOST_TEST(!guest.apic.accepts(LocalApic::broadcast, DestinationMode::physical));
}

BOOST_AUTO_TEST_CASE(the_pins_of_a_disabled_apic_are_intr_and_nmi) {
    GuestLapic guest(0);
    guest.wrmsr(msr::apic_base, disabled);
    BOOST_TEST(guest.lint(0, true) == "nothing");
    BOOST_TEST(guest.apic.ext_int());
    BOOST_TEST(guest.lint(0, false) == "nothing");
    BOOST_TEST(!guest.apic.ext_int());
    BOOST_TEST(guest.lint(1, true) == "nmi");
    BOOST_TEST(guest.lint(1, true) == "nothing");
    BOOST_TEST(guest.lint(1, false) == "nothing");
    BOOST_TEST(!guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(a_level_pin_that_is_high_interrupts_when_the_apic_is_enabled_again) {
    GuestLapic guest(0);
    guest.put(lapic::lvt_lint0, lvt::level | 0x51);
    guest.wrmsr(msr::apic_base, disabled);
    guest.lint(0, true);
    BOOST_TEST(!guest.apic.irr().test(0x51));
    guest.wrmsr(msr::apic_base, xapic);
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(moving_the_page_leaves_the_rest_alone) {
    GuestLapic guest = busy(0x15);
    BOOST_TEST(guest.wrmsr(msr::apic_base, 0x1000'0800) == "nothing");
    BOOST_TEST(guest.get(lapic::id) == 0x7700'0000);
    BOOST_TEST(guest.get(lapic::ldr) == 0x1200'0000);
    BOOST_TEST(guest.get(lapic::timer_current) == 1000);
}

BOOST_AUTO_TEST_CASE(init_keeps_the_id_and_the_base) {
    GuestLapic guest = busy(0x15);
    guest.wrmsr(msr::apic_base, 0x1000'0800);
    BOOST_TEST(text(guest.apic.init()) == "disarm");
    BOOST_TEST((guest.apic == initial(0x15, 0x1000'0800, 0x7700'0000)));
}

BOOST_AUTO_TEST_CASE(init_leaves_x2apic_mode_on) {
    GuestLapic guest = busy(0x15, true);
    BOOST_TEST(text(guest.apic.init()) == "disarm");
    BOOST_TEST(guest.reg(lapic::id) == 0x15);
    BOOST_TEST(guest.reg(lapic::ldr) == 0x1'0020);
    BOOST_TEST((guest.apic == initial(0x15, x2apic, 0x1500'0000)));
}

BOOST_AUTO_TEST_CASE(init_without_a_timer_disarms_nothing) {
    GuestLapic guest(0x15);
    BOOST_TEST(text(guest.apic.init()) == "nothing");
}

BOOST_AUTO_TEST_CASE(reset_restores_everything) {
    for (const bool in_x2apic_mode : {false, true}) {
        GuestLapic guest = busy(0x15, in_x2apic_mode);
        BOOST_TEST(text(guest.apic.reset()) == "disarm");
        BOOST_TEST((guest.apic == GuestLapic::fresh(0x15).apic));
    }
    GuestLapic bootstrap(0);
    bootstrap.wrmsr(msr::apic_base, xapic);
    BOOST_TEST(text(bootstrap.apic.reset()) == "nothing");
    BOOST_TEST(bootstrap.apic.bootstrap());
}

BOOST_AUTO_TEST_CASE(the_pins_keep_their_level_through_init) {
    GuestLapic guest(0);
    guest.lint(0, true);
    static_cast<void>(guest.apic.init());
    BOOST_TEST(guest.apic.lint(0));
    BOOST_TEST(!guest.apic.lint(1));
}

BOOST_AUTO_TEST_CASE(copies_go_their_own_ways) {
    GuestLapic guest = busy(0x15);
    LocalApic copy = guest.apic;
    BOOST_TEST((copy == guest.apic));
    copy.set_cr8(9);
    BOOST_TEST((copy != guest.apic));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
