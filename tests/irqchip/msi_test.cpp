#include "irqchip/x86/msi.hpp"

#include <boost/test/unit_test.hpp>

namespace irqbench::irqchip::x86 {
namespace {

struct Case {
    const char* what;
    Message message;
    DestinationFormat format;
    Msi msi;
};

constexpr auto physical = DestinationMode::physical;
constexpr auto logical = DestinationMode::logical;
constexpr auto compatible = DestinationFormat::compatible;
constexpr auto x2apic = DestinationFormat::x2apic_api;
constexpr auto extended = DestinationFormat::extended;

/// Values spelled out from SDM vol. 3, figures 11-14 and 11-15, not computed.
const Case cases[] = {
    {"edge, fixed",
     {3, physical, DeliveryMode::fixed, 0x51, Trigger::edge, false, false},
     compatible,
     {0xFEE0'3000, 0x0051}},
    {"level, asserted",
     {3, physical, DeliveryMode::fixed, 0x51, Trigger::level, true, false},
     compatible,
     {0xFEE0'3000, 0xC051}},
    {"level, deasserted",
     {3, physical, DeliveryMode::fixed, 0x51, Trigger::level, false, false},
     compatible,
     {0xFEE0'3000, 0x8051}},
    {"logical",
     {0x0F, logical, DeliveryMode::fixed, 0x20, Trigger::edge, false, false},
     compatible,
     {0xFEE0'F004, 0x20}},
    {"lowest priority with hint",
     {0xFF, logical, DeliveryMode::lowest_priority, 0xFE, Trigger::edge, false, true},
     compatible,
     {0xFEEF'F00C, 0x01FE}},
    {"SMI",
     {0, physical, DeliveryMode::smi, 0, Trigger::edge, false, false},
     compatible,
     {0xFEE0'0000, 0x0200}},
    {"NMI",
     {0, physical, DeliveryMode::nmi, 0, Trigger::edge, false, false},
     compatible,
     {0xFEE0'0000, 0x0400}},
    {"INIT",
     {0, physical, DeliveryMode::init, 0, Trigger::edge, false, false},
     compatible,
     {0xFEE0'0000, 0x0500}},
    {"ExtINT",
     {0, physical, DeliveryMode::ext_int, 0, Trigger::edge, false, false},
     compatible,
     {0xFEE0'0000, 0x0700}},
    {"32-bit destination",
     {0x1234'5678, physical, DeliveryMode::fixed, 0x51, Trigger::edge, false, false},
     x2apic,
     {0x1234'5600'FEE7'8000, 0x51}},
    {"vCPU 300 through the x2APIC API",
     {300, physical, DeliveryMode::fixed, 0x51, Trigger::edge, false, false},
     x2apic,
     {0x0000'0100'FEE2'C000, 0x51}},
    {"vCPU 300 as an extended destination",
     {300, physical, DeliveryMode::fixed, 0x51, Trigger::edge, false, false},
     extended,
     {0xFEE2'C020, 0x51}},
    {"the highest extended destination",
     {0x7FFF, physical, DeliveryMode::fixed, 0x51, Trigger::edge, false, false},
     extended,
     {0xFEEF'FFE0, 0x51}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(msi)

BOOST_AUTO_TEST_CASE(a_message_encodes_as_the_manual_prints_it) {
    for (const Case& c : cases) {
        BOOST_TEST_CONTEXT(c.what) {
            const auto msi = encode(c.message, c.format);
            BOOST_REQUIRE(msi.has_value());
            BOOST_TEST(msi->address == c.msi.address);
            BOOST_TEST(msi->data == c.msi.data);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_encoded_message_decodes_to_itself) {
    for (const Case& c : cases) BOOST_TEST_CONTEXT(c.what) BOOST_TEST((decode(c.msi, c.format) == c.message));
}

BOOST_AUTO_TEST_CASE(a_destination_without_room_is_not_truncated) {
    Message message;
    message.destination = 256;
    BOOST_TEST(!encode(message, compatible));
    BOOST_TEST(encode(message, extended).has_value());
    message.destination = 0x8000;
    BOOST_TEST(!encode(message, extended));
    BOOST_TEST(encode(message, x2apic).has_value());
}

BOOST_AUTO_TEST_CASE(an_address_outside_the_interrupt_range_is_no_message) {
    BOOST_TEST(!decode({0xFED0'0000, 0x51}, compatible));
    BOOST_TEST(!decode({0x0000'0000, 0x51}, compatible));
    BOOST_TEST(decode({0xFEE0'0000, 0x51}, compatible).has_value());
}

BOOST_AUTO_TEST_CASE(the_upper_address_half_is_legal_in_the_x2apic_format_only) {
    BOOST_TEST(!decode({0x0000'0100'FEE0'0000, 0x51}, compatible));
    BOOST_TEST(!decode({0x0000'0100'FEE0'0000, 0x51}, extended));
    BOOST_TEST(!decode({0x0000'0001'FEE0'0000, 0x51}, x2apic));
    BOOST_TEST(decode({0x0000'0100'FEE0'0000, 0x51}, x2apic)->destination == 256);
}

BOOST_AUTO_TEST_CASE(the_remappable_format_is_no_extended_destination) {
    BOOST_TEST(!decode({0xFEE0'0010, 0x51}, extended));
}

BOOST_AUTO_TEST_CASE(reserved_address_and_data_bits_are_ignored) {
    BOOST_TEST((decode({0xFEE0'3000, 0xFFFF'3851}, compatible) == decode({0xFEE0'3000, 0x51}, compatible)));
    BOOST_TEST((decode({0xFEE0'3FF3, 0x51}, compatible) == decode({0xFEE0'3000, 0x51}, compatible)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
