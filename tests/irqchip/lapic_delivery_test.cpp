#include <boost/test/unit_test.hpp>

#include "irqchip/x86/lapic.hpp"
#include "tests/irqchip/lapic_fixture.hpp"

// Messages that arrive, software disable, errors.
namespace irqbench::irqchip::x86 {

BOOST_AUTO_TEST_SUITE(lapic_delivery)

BOOST_AUTO_TEST_CASE(every_delivery_mode_has_its_effect) {
    GuestLapic guest;
    BOOST_TEST(guest.send(DeliveryMode::fixed, 0x51) == "nothing");
    BOOST_TEST(guest.send(DeliveryMode::lowest_priority, 0x52) == "nothing");
    BOOST_TEST(guest.apic.irr().test(0x51));
    BOOST_TEST(guest.apic.irr().test(0x52));
    BOOST_TEST(guest.send(DeliveryMode::smi, 0x53) == "smi");
    BOOST_TEST(guest.send(DeliveryMode::nmi, 0x53) == "nmi");
    BOOST_TEST(guest.send(DeliveryMode::init, 0x53) == "init");
    BOOST_TEST(guest.send(start_up, 0x9A) == "start-up 9a");
    BOOST_TEST(guest.send(DeliveryMode::ext_int, 0x53) == "nothing");
    BOOST_TEST(guest.apic.ext_int());
    BOOST_TEST(guest.send(DeliveryMode::reserved_3, 0x53) == "refused, nothing");
    BOOST_TEST(!guest.apic.irr().test(0x53));
}

BOOST_AUTO_TEST_CASE(an_ext_int_message_asks_for_one_acknowledge) {
    GuestLapic guest;
    guest.put(lapic::tpr, 0xFF);
    guest.send(DeliveryMode::ext_int);
    BOOST_TEST(guest.apic.ext_int());
    guest.apic.acknowledge_ext_int();
    BOOST_TEST(!guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(a_level_message_that_deasserts_is_none) {
    GuestLapic guest;
    Message message;
    message.vector = 0x51;
    message.trigger = Trigger::level;
    message.level = false;
    BOOST_TEST(guest.deliver(message) == "refused, nothing");
    BOOST_TEST(!guest.apic.irr().highest());
    message.delivery_mode = DeliveryMode::init;
    BOOST_TEST(guest.deliver(message) == "refused, nothing");
    message.level = true;
    BOOST_TEST(guest.deliver(message) == "init");
    message.level = false;
    message.delivery_mode = DeliveryMode::nmi;
    BOOST_TEST(guest.deliver(message) == "nmi");
}

BOOST_AUTO_TEST_CASE(a_software_disabled_apic_takes_nmi_smi_init_and_start_up_only) {
    GuestLapic guest;
    guest.put(lapic::svr, 0xFF);
    BOOST_TEST(guest.send(DeliveryMode::fixed, 0x51) == "refused, nothing");
    BOOST_TEST(guest.send(DeliveryMode::lowest_priority, 0x51) == "refused, nothing");
    BOOST_TEST(guest.send(DeliveryMode::ext_int) == "refused, nothing");
    BOOST_TEST(guest.send(DeliveryMode::nmi) == "nmi");
    BOOST_TEST(guest.send(DeliveryMode::smi) == "smi");
    BOOST_TEST(guest.send(DeliveryMode::init) == "init");
    BOOST_TEST(guest.send(start_up, 1) == "start-up 01");
    guest.put(lapic::svr, 0x1FF);
    BOOST_TEST(!guest.apic.irr().highest());
    BOOST_TEST(!guest.apic.ext_int());
}

BOOST_AUTO_TEST_CASE(a_software_disabled_apic_hands_out_what_it_holds) {
    GuestLapic guest;
    guest.fixed(0x51);
    guest.fixed(0x61, Trigger::level);
    guest.put(lapic::svr, 0xFF);
    BOOST_TEST(guest.take() == 0x61);
    BOOST_TEST(guest.eoi() == "broadcast 61");
    BOOST_TEST(guest.take() == 0x51);
}

BOOST_AUTO_TEST_CASE(software_disable_masks_every_lvt_entry_for_good) {
    constexpr std::uint16_t entries[] = {lapic::lvt_cmci, lapic::lvt_timer, lapic::lvt_thermal,
                                         lapic::lvt_perf, lapic::lvt_lint0, lapic::lvt_lint1,
                                         lapic::lvt_error};
    GuestLapic guest;
    for (const std::uint16_t entry : entries) guest.put(entry, 0x45);
    guest.put(lapic::svr, 0xFF);
    for (const std::uint16_t entry : entries) {
        BOOST_TEST(guest.get(entry) == (lvt::masked | 0x45));
        guest.put(entry, 0x46);
        BOOST_TEST(guest.get(entry) == (lvt::masked | 0x46));
    }
    guest.put(lapic::svr, 0x1FF);
    for (const std::uint16_t entry : entries) {
        BOOST_TEST(guest.get(entry) == (lvt::masked | 0x46));
        guest.put(entry, 0x46);
        BOOST_TEST(guest.get(entry) == 0x46);
    }
}

BOOST_AUTO_TEST_CASE(a_fresh_apic_is_software_disabled_and_cannot_be_unmasked) {
    GuestLapic guest = GuestLapic::fresh();
    BOOST_TEST(!guest.apic.software_enabled());
    guest.put(lapic::lvt_lint0, lvt::ext_int);
    BOOST_TEST(guest.get(lapic::lvt_lint0) == (lvt::masked | lvt::ext_int));
}

BOOST_AUTO_TEST_CASE(a_vector_below_16_is_refused_and_logged) {
    for (std::uint8_t vector = 0; vector < 16; ++vector) {
        GuestLapic guest;
        BOOST_TEST(guest.fixed(vector) == "refused, nothing");
        BOOST_TEST(!guest.apic.irr().highest());
        BOOST_TEST(guest.errors() == 0x40);
    }
    GuestLapic guest;
    guest.fixed(16);
    BOOST_TEST(guest.errors() == 0);
    BOOST_TEST(guest.take() == 16);
}

BOOST_AUTO_TEST_CASE(modes_without_a_vector_log_none) {
    GuestLapic guest;
    for (const auto mode :
         {DeliveryMode::smi, DeliveryMode::nmi, DeliveryMode::init, DeliveryMode::ext_int, start_up})
        guest.send(mode, 3);
    BOOST_TEST(guest.errors() == 0);
}

BOOST_AUTO_TEST_CASE(esr_shows_the_errors_between_its_last_two_writes) {
    GuestLapic guest;
    guest.fixed(3);
    BOOST_TEST(guest.get(lapic::esr) == 0);
    guest.put(lapic::esr, 0xFFFF'FFFF);
    BOOST_TEST(guest.get(lapic::esr) == 0x40);
    guest.get(0x000);
    BOOST_TEST(guest.get(lapic::esr) == 0x40);
    guest.put(lapic::esr, 0);
    BOOST_TEST(guest.get(lapic::esr) == 0x80);
    guest.put(lapic::esr, 0);
    BOOST_TEST(guest.get(lapic::esr) == 0);
}

BOOST_AUTO_TEST_CASE(the_error_interrupt_comes_once_until_esr_is_written) {
    GuestLapic guest;
    guest.put(lapic::lvt_error, 0xE7);
    guest.fixed(3);
    BOOST_TEST(guest.take() == 0xE7);
    guest.eoi();
    guest.fixed(3);
    guest.get(0x000);
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.errors() == 0xC0);
    guest.fixed(3);
    BOOST_TEST(guest.take() == 0xE7);
    BOOST_TEST(guest.eoi() == "nothing");
}

BOOST_AUTO_TEST_CASE(a_masked_error_interrupt_stays_away) {
    GuestLapic guest;
    guest.put(lapic::lvt_error, lvt::masked | 0xE7);
    guest.fixed(3);
    BOOST_TEST(guest.take() == -1);
    guest.put(lapic::lvt_error, 0xE7);
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.errors() == 0x40);
}

BOOST_AUTO_TEST_CASE(an_illegal_vector_of_the_error_interrupt_is_an_error_itself) {
    GuestLapic guest;
    guest.put(lapic::lvt_error, 5);
    guest.get(0x000);
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.errors() == 0xC0);
}

BOOST_AUTO_TEST_CASE(an_illegal_address_interrupts_too) {
    GuestLapic guest;
    guest.put(lapic::lvt_error, 0xE7);
    guest.get(0x3F0);
    BOOST_TEST(guest.take() == 0xE7);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
