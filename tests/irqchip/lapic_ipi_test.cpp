#include "irqchip/x86/lapic_bus.hpp"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <vector>

#include "tests/irqchip/lapic_fixture.hpp"

// ICR and self IPI, whom a destination means, and who of several takes a message.
namespace irqbench::irqchip::x86 {
namespace {

constexpr auto physical = DestinationMode::physical;
constexpr auto logical = DestinationMode::logical;

/// The local APICs of a machine.
struct Bus {
    std::deque<GuestLapic> guests;

    explicit Bus(const std::vector<std::uint32_t>& ids, bool in_x2apic_mode = false) {
        for (const std::uint32_t id : ids)
            guests.push_back(in_x2apic_mode ? GuestLapic::in_x2apic_mode(id) : GuestLapic(id));
    }
    std::vector<LocalApic> apics() const {
        std::vector<LocalApic> all;
        for (const GuestLapic& guest : guests) all.push_back(guest.apic);
        return all;
    }
    std::string send(const Message& message) const {
        std::string takers;
        for_each_recipient(apics(), message, [&](std::size_t i) { takers += fmt::format("{} ", i); });
        return takers.empty() ? "nobody" : takers.substr(0, takers.size() - 1);
    }
    std::string send(std::size_t sender, const SendIpi& ipi) const {
        std::string takers;
        for_each_recipient(apics(), sender, ipi, [&](std::size_t i) { takers += fmt::format("{} ", i); });
        return takers.empty() ? "nobody" : takers.substr(0, takers.size() - 1);
    }
};

Message to(std::uint32_t destination, DestinationMode mode = physical,
           DeliveryMode delivery = DeliveryMode::fixed) {
    Message message;
    message.vector = 0x51;
    message.destination = destination;
    message.destination_mode = mode;
    message.delivery_mode = delivery;
    return message;
}

GuestLapic logical_apic(std::uint32_t logical_id, std::uint32_t model) {
    GuestLapic guest(1);
    guest.put(lapic::ldr, logical_id << 24);
    guest.put(lapic::dfr, model << 28);
    return guest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lapic_ipi)

BOOST_AUTO_TEST_CASE(the_lower_half_of_icr_sends_what_the_upper_half_addresses) {
    GuestLapic guest;
    BOOST_TEST(guest.put(lapic::icr_high, 0x0500'0000) == "nothing");
    BOOST_TEST(guest.put(lapic::icr, 0x51) == "ipi: 51 fixed edge physical:5");
    BOOST_TEST(guest.put(lapic::icr, icr::logical | 0x52) == "ipi: 52 fixed edge logical:5");
    BOOST_TEST(guest.get(lapic::icr) == (icr::logical | 0x52));
    BOOST_TEST(guest.get(lapic::icr_high) == 0x0500'0000);
}

BOOST_AUTO_TEST_CASE(every_delivery_mode_of_icr_is_sent_or_is_none) {
    GuestLapic guest;
    guest.put(lapic::icr_high, 0x0500'0000);
    BOOST_TEST(guest.put(lapic::icr, icr::lowest | 0x51) == "ipi: 51 lowest edge physical:5");
    BOOST_TEST(guest.put(lapic::icr, icr::smi) == "ipi: 00 smi edge physical:5");
    BOOST_TEST(guest.put(lapic::icr, 0x300 | 0x51) == "nothing");
    BOOST_TEST(guest.put(lapic::icr, icr::nmi | 0x02) == "ipi: 02 nmi edge physical:5");
    BOOST_TEST(guest.put(lapic::icr, icr::init) == "ipi: 00 init edge physical:5");
    BOOST_TEST(guest.put(lapic::icr, icr::start_up | 0x9A) == "ipi: 9a reserved6 edge physical:5");
    BOOST_TEST(guest.put(lapic::icr, icr::ext_int | 0x51) == "nothing");
    BOOST_TEST(guest.errors() == 0);
}

BOOST_AUTO_TEST_CASE(trigger_and_level_matter_for_the_deassert_of_init_only) {
    GuestLapic guest;
    BOOST_TEST(guest.put(lapic::icr, icr::level | icr::assert_level | 0x51) ==
               "ipi: 51 fixed edge physical:0");
    BOOST_TEST(guest.put(lapic::icr, icr::level | 0x51) == "ipi: 51 fixed edge physical:0");
    BOOST_TEST(guest.put(lapic::icr, icr::init | icr::level | icr::assert_level) ==
               "ipi: 00 init edge physical:0");
    BOOST_TEST(guest.put(lapic::icr, icr::init | icr::level) == "nothing");
    BOOST_TEST(guest.put(lapic::icr, icr::init | icr::others | icr::level) == "nothing");
    BOOST_TEST(guest.put(lapic::icr, icr::nmi | icr::level) == "ipi: 00 nmi edge physical:0");
}

BOOST_AUTO_TEST_CASE(shorthands_replace_the_destination) {
    GuestLapic guest;
    BOOST_TEST(guest.put(lapic::icr, icr::all | 0x51) == "ipi all: 51 fixed edge physical:0");
    BOOST_TEST(guest.put(lapic::icr, icr::others | 0x51) == "ipi others: 51 fixed edge physical:0");
    BOOST_TEST(guest.take() == -1);
}

BOOST_AUTO_TEST_CASE(an_ipi_to_itself_does_not_leave) {
    GuestLapic guest;
    guest.put(lapic::icr_high, 0x0500'0000);
    BOOST_TEST(guest.put(lapic::icr, icr::self | 0x51) == "nothing");
    BOOST_TEST(guest.take() == 0x51);
    BOOST_TEST(guest.eoi() == "nothing");
    BOOST_TEST(guest.put(lapic::icr, icr::self | icr::nmi) == "nmi");
}

BOOST_AUTO_TEST_CASE(an_x2apic_addresses_32_bits_in_one_write) {
    GuestLapic guest = GuestLapic::in_x2apic_mode();
    BOOST_TEST(guest.set(lapic::icr, 0x1234'5678'0000'0051) == "ipi: 51 fixed edge physical:12345678");
    BOOST_TEST(guest.reg(lapic::icr) == 0x1234'5678'0000'0051);
    BOOST_TEST(guest.set(lapic::icr, 0x0000'00FF'0000'0051) == "ipi: 51 fixed edge physical:ff");
    BOOST_TEST(guest.set(lapic::icr, 0xFFFF'FFFF'0000'0051) == "ipi: 51 fixed edge physical:ffffffff");
}

BOOST_AUTO_TEST_CASE(a_broadcast_of_eight_bits_becomes_one_of_32) {
    GuestLapic guest;
    guest.put(lapic::icr_high, 0xFF00'0000);
    BOOST_TEST(guest.put(lapic::icr, 0x51) == "ipi: 51 fixed edge physical:ffffffff");
    BOOST_TEST(guest.put(lapic::icr, icr::logical | 0x51) == "ipi: 51 fixed edge logical:ffffffff");
}

BOOST_AUTO_TEST_CASE(the_self_ipi_register_interrupts_its_own_cpu) {
    GuestLapic guest = GuestLapic::in_x2apic_mode();
    BOOST_TEST(guest.set(lapic::self_ipi, 0x51) == "nothing");
    BOOST_TEST(guest.take() == 0x51);
    BOOST_TEST(guest.reg(lapic::icr) == 0);
    guest.eoi();
    BOOST_TEST(guest.set(lapic::self_ipi, 0x0F) == "nothing");
    BOOST_TEST(guest.take() == -1);
    BOOST_TEST(guest.errors() == 0x60);
}

BOOST_AUTO_TEST_CASE(a_software_disabled_apic_sends_ipis) {
    GuestLapic guest;
    guest.put(lapic::svr, 0xFF);
    BOOST_TEST(guest.put(lapic::icr, 0x51) == "ipi: 51 fixed edge physical:0");
    BOOST_TEST(guest.put(lapic::icr, icr::self | 0x51) == "nothing");
    BOOST_TEST(!guest.apic.irr().highest());
}

BOOST_AUTO_TEST_CASE(sending_a_vector_below_16_is_logged_and_sent) {
    GuestLapic guest;
    BOOST_TEST(guest.put(lapic::icr, 0x0F) == "ipi: 0f fixed edge physical:0");
    BOOST_TEST(guest.errors() == 0x20);
    BOOST_TEST(guest.put(lapic::icr, icr::lowest | 0x0F) == "ipi: 0f lowest edge physical:0");
    BOOST_TEST(guest.errors() == 0x20);
    guest.put(lapic::icr, 0x10);
    BOOST_TEST(guest.errors() == 0);
    guest.put(lapic::icr, icr::self | 0x0F);
    BOOST_TEST(guest.errors() == 0x60);
}

BOOST_AUTO_TEST_CASE(an_apic_that_sends_no_lowest_priority_ipis_logs_it) {
    LapicOptions options;
    options.lowest_priority_ipis = false;
    GuestLapic guest(0, options);
    BOOST_TEST(guest.put(lapic::icr, icr::lowest | 0x51) == "nothing");
    BOOST_TEST(guest.errors() == 0x10);
    BOOST_TEST(guest.put(lapic::icr, icr::lowest | 0x0F) == "nothing");
    BOOST_TEST(guest.errors() == 0x10);
}

BOOST_AUTO_TEST_CASE(a_physical_destination_is_an_id_or_everyone) {
    GuestLapic guest(0x23);
    for (unsigned destination = 0; destination < 256; ++destination)
        BOOST_TEST(guest.apic.accepts(destination, physical) == (destination == 0x23 || destination == 0xFF));
    guest.put(lapic::id, 0x4500'0000);
    BOOST_TEST(guest.apic.accepts(0x45, physical));
    BOOST_TEST(!guest.apic.accepts(0x23, physical));
}

BOOST_AUTO_TEST_CASE(an_xapic_sees_the_low_byte_of_a_destination) {
    GuestLapic guest(0x123);
    BOOST_TEST(guest.apic.id() == 0x23);
    BOOST_TEST(guest.apic.x2apic_id() == 0x123);
    BOOST_TEST(guest.apic.accepts(0x23, physical));
    BOOST_TEST(guest.apic.accepts(0x123, physical));
    BOOST_TEST(guest.apic.accepts(0x723, physical));
    BOOST_TEST(guest.apic.accepts(0x7FFF, physical));
    BOOST_TEST(guest.apic.accepts(LocalApic::broadcast, physical));
}

BOOST_AUTO_TEST_CASE(an_x2apic_sees_all_32_bits) {
    GuestLapic guest = GuestLapic::in_x2apic_mode(0x123);
    BOOST_TEST(guest.apic.accepts(0x123, physical));
    BOOST_TEST(!guest.apic.accepts(0x23, physical));
    BOOST_TEST(!guest.apic.accepts(0xFF, physical));
    BOOST_TEST(!guest.apic.accepts(0x8000'0123, physical));
    BOOST_TEST(guest.apic.accepts(LocalApic::broadcast, physical));
    BOOST_TEST(guest.apic.accepts(LocalApic::broadcast, logical));
}

BOOST_AUTO_TEST_CASE(in_the_flat_model_a_common_bit_is_enough) {
    for (unsigned id = 0; id < 256; id += 5) {
        const GuestLapic guest = logical_apic(id, 0xF);
        for (unsigned destination = 0; destination < 256; ++destination)
            BOOST_REQUIRE(guest.apic.accepts(destination, logical) ==
                          ((id & destination) != 0 || destination == 255));
    }
}

BOOST_AUTO_TEST_CASE(in_the_cluster_model_the_cluster_is_the_same_and_a_member_in_common) {
    for (unsigned id = 0; id < 256; id += 3) {
        const GuestLapic guest = logical_apic(id, 0x0);
        for (unsigned destination = 0; destination < 256; ++destination) {
            const bool same_cluster = (id & 0xF0) == (destination & 0xF0);
            const bool member = (id & destination & 0x0F) != 0;
            BOOST_REQUIRE(guest.apic.accepts(destination, logical) ==
                          ((same_cluster && member) || destination == 255));
        }
    }
}

BOOST_AUTO_TEST_CASE(in_a_reserved_model_only_a_broadcast_is_accepted) {
    for (unsigned model = 1; model < 15; ++model) {
        const GuestLapic guest = logical_apic(0xFF, model);
        BOOST_TEST(!guest.apic.accepts(0x11, logical));
        BOOST_TEST(guest.apic.accepts(0xFF, logical));
        BOOST_TEST(guest.apic.accepts(1, physical));
    }
}

BOOST_AUTO_TEST_CASE(the_logical_id_of_an_x2apic_is_made_from_its_id) {
    for (const std::uint32_t id : {0U, 1U, 15U, 16U, 0x123U, 0xF'FFFEU}) {
        GuestLapic guest = GuestLapic::in_x2apic_mode(id);
        const std::uint32_t ldr = (id >> 4) << 16 | 1U << (id & 15);
        BOOST_TEST(guest.reg(lapic::ldr) == ldr);
        BOOST_TEST(guest.apic.accepts(ldr, logical));
        BOOST_TEST(guest.apic.accepts(ldr | 0xFFFF, logical));
        BOOST_TEST(!guest.apic.accepts(ldr & 0xFFFF'0000, logical));
        BOOST_TEST(!guest.apic.accepts(ldr ^ 0x1'0000, logical));
        BOOST_TEST(!guest.apic.accepts((ldr & 0xFFFF'0000) | (~ldr & 0xFFFF), logical));
    }
}

BOOST_AUTO_TEST_CASE(a_message_reaches_those_it_means) {
    const Bus bus({0, 1, 2, 0x45});
    BOOST_TEST(bus.send(to(1)) == "1");
    BOOST_TEST(bus.send(to(0x45)) == "3");
    BOOST_TEST(bus.send(to(3)) == "nobody");
    BOOST_TEST(bus.send(to(0xFF)) == "0 1 2 3");
    const Bus x2apics({0, 300, 900, 0x7FFF}, true);
    BOOST_TEST(x2apics.send(to(300)) == "1");
    BOOST_TEST(x2apics.send(to(44)) == "nobody");
    BOOST_TEST(x2apics.send(to(0x7FFF)) == "3");
    BOOST_TEST(x2apics.send(to(LocalApic::broadcast)) == "0 1 2 3");
}

BOOST_AUTO_TEST_CASE(ids_that_alias_in_eight_bits_both_take_a_message) {
    const Bus bus({0x10, 0x110, 0x11});
    BOOST_TEST(bus.send(to(0x10)) == "0 1");
    BOOST_TEST(bus.send(to(0x110)) == "0 1");
}

BOOST_AUTO_TEST_CASE(formats_without_32_bits_broadcast_with_0xff) {
    const Bus bus({0, 300}, true);
    BOOST_TEST(bus.send(widened(to(0xFF), DestinationFormat::compatible)) == "0 1");
    BOOST_TEST(bus.send(widened(to(0xFF, logical), DestinationFormat::extended)) == "0 1");
    BOOST_TEST(bus.send(widened(to(0xFF), DestinationFormat::x2apic_api)) == "nobody");
    BOOST_TEST(bus.send(widened(to(0xFF, logical), DestinationFormat::x2apic_api)) == "0");
    BOOST_TEST(bus.send(widened(to(300), DestinationFormat::extended)) == "1");
    const Bus xapics({0, 1});
    BOOST_TEST(xapics.send(widened(to(0xFF), DestinationFormat::x2apic_api)) == "0 1");
}

BOOST_AUTO_TEST_CASE(shorthands_go_by_the_sender) {
    const Bus bus({0, 1, 2});
    const Message message = to(0);
    BOOST_TEST(bus.send(1, {message, Shorthand::none}) == "0");
    BOOST_TEST(bus.send(1, {message, Shorthand::self}) == "1");
    BOOST_TEST(bus.send(1, {message, Shorthand::all_including_self}) == "0 1 2");
    BOOST_TEST(bus.send(1, {message, Shorthand::all_excluding_self}) == "0 2");
}

BOOST_AUTO_TEST_CASE(a_disabled_apic_is_not_on_the_bus) {
    Bus bus({0, 1, 2});
    bus.guests[2].wrmsr(msr::apic_base, base_address);
    BOOST_TEST(bus.send(to(0xFF)) == "0 1");
    BOOST_TEST(bus.send(1, {to(0), Shorthand::all_including_self}) == "0 1");
    BOOST_TEST(bus.send(1, {to(0), Shorthand::all_excluding_self}) == "0");
}

BOOST_AUTO_TEST_CASE(lowest_priority_picks_one_by_arbitration_priority) {
    Bus bus({0, 1, 2, 3});
    const Message message = to(0xFF, physical, DeliveryMode::lowest_priority);
    BOOST_TEST(bus.send(message) == "0");
    bus.guests[0].put(lapic::tpr, 0x30);
    BOOST_TEST(bus.send(message) == "1");
    bus.guests[1].fixed(0x41);
    BOOST_TEST(bus.send(message) == "2");
    bus.guests[2].put(lapic::tpr, 0x35);
    bus.guests[3].put(lapic::tpr, 0x28);
    BOOST_TEST(bus.send(message) == "3");
    bus.guests[3].put(lapic::svr, 0xFF);
    BOOST_TEST(bus.send(message) == "0");
    BOOST_TEST(bus.send(0, {message, Shorthand::all_excluding_self}) == "2");
    BOOST_TEST(bus.send(to(1, physical, DeliveryMode::lowest_priority)) == "1");
    BOOST_TEST(bus.send(to(9, physical, DeliveryMode::lowest_priority)) == "nobody");
}

BOOST_AUTO_TEST_CASE(a_redirection_hint_asks_for_arbitration) {
    Bus bus({0, 1});
    bus.guests[0].put(lapic::tpr, 0x30);
    Message message = to(0xFF);
    message.redirection_hint = true;
    BOOST_TEST(bus.send(message) == "1");
    for (GuestLapic& guest : bus.guests) guest.put(lapic::svr, 0xFF);
    BOOST_TEST(bus.send(message) == "nobody");
    message.delivery_mode = DeliveryMode::nmi;
    BOOST_TEST(bus.send(message) == "1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
