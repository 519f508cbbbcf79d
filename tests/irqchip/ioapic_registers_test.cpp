#include "irqchip/x86/ioapic_registers.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/ioapic_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::x86 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

/// 82093AA, table 1; ICH4 9.5.5.
const RegisterInfo window_sheet[] = {
    {0x00, "IOREGSEL", rw, 0, 0x0000'00FF, 32},
    {0x10, "IOWIN", rw, 0, 0xFFFF'FFFF, 32},
    {0x40, "EOIR", wo, 0, 0x0000'00FF, 32},
};

/// 82093AA, table 2 and 3.2.1 to 3.2.4.
const RegisterInfo register_sheet[] = {
    {0x00, "IOAPICID", rw, 0, 0x0F00'0000, 32},
    {0x01, "IOAPICVER", ro, 0x0017'0011, 0, 32},
    {0x02, "IOAPICARB", ro, 0, 0, 32},
    {0x10, "IOREDTBL", rw, 0x0001'0000, 0xFF00'0000'0001'AFFF, 64, 24, 2},
};

/// 82093AA 3.2.4.
const FieldRow entry_sheet[] = {
    {"destination", 63, 56, rw},     {"extended_destination", 55, 49, ro},
    {"masked", 16, 16, rw},          {"trigger", 15, 15, rw},
    {"remote_irr", 14, 14, ro},      {"active_low", 13, 13, rw},
    {"delivery_status", 12, 12, ro}, {"destination_mode", 11, 11, rw},
    {"delivery_mode", 10, 8, rw},    {"vector", 7, 0, rw},
};

/// What selector `selector` of a fresh chip holds and lets through.
struct Half {
    std::uint32_t reset;
    std::uint32_t writable;
};

Half half(const RegisterInfo& row, std::uint32_t selector) {
    const unsigned shift = (selector - row.offset) % row.stride * 32;
    return {static_cast<std::uint32_t>(row.reset >> shift),
            static_cast<std::uint32_t>(row.writable >> shift)};
}

template <class Check>
void for_each_half(Check check) {
    for (const RegisterInfo& row : register_sheet)
        for (std::uint32_t selector = row.offset; selector < row.end(); ++selector)
            BOOST_TEST_CONTEXT(row << ", selector " << selector) { check(selector, half(row, selector)); }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ioapic_register_table)

BOOST_AUTO_TEST_CASE(the_tables_say_what_the_data_sheet_says) {
    check_table(ioapic_window, window_sheet);
    check_table(ioapic_registers, register_sheet);
    check_fields(field_table<RedirectionEntry>(), entry_sheet);
}

BOOST_AUTO_TEST_CASE(every_register_starts_at_its_reset_value) {
    GuestIoApic guest;
    for_each_half([&](std::uint32_t selector, Half h) { BOOST_TEST(guest.read(selector) == h.reset); });
}

BOOST_AUTO_TEST_CASE(every_register_lets_only_its_writable_bits_change) {
    for_each_half([](std::uint32_t selector, Half h) {
        GuestIoApic guest;
        guest.set(selector, 0xFFFF'FFFF);
        BOOST_TEST(guest.read(selector) == ((h.reset & ~h.writable) | h.writable));
        guest.set(selector, 0);
        BOOST_TEST(guest.read(selector) == (h.reset & ~h.writable));
        for (unsigned bit = 0; bit < 32; ++bit) {
            guest.set(selector, 1U << bit);
            BOOST_TEST(guest.read(selector) == ((h.reset & ~h.writable) | (h.writable & 1U << bit)));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_register_does_not_move_when_another_is_written) {
    for_each_half([](std::uint32_t written, Half) {
        GuestIoApic guest;
        guest.set(written, 0xFFFF'FFFF);
        for_each_half([&](std::uint32_t selector, Half h) {
            const bool mirror = written == 0x00 && selector == 0x02;
            if (selector != written && !mirror) BOOST_TEST(guest.read(selector) == h.reset);
        });
    });
}

BOOST_AUTO_TEST_CASE(the_arbitration_id_follows_the_id) {
    GuestIoApic guest;
    guest.set(0x00, 0x0A00'0000);
    BOOST_TEST(guest.read(0x02) == 0x0A00'0000);
}

BOOST_AUTO_TEST_CASE(version_0x20_says_so) {
    GuestIoApic guest({IoApicModel::v20, false});
    BOOST_TEST(guest.read(0x01) == 0x0017'0020);
}

BOOST_AUTO_TEST_CASE(every_selector_can_be_read_and_written_without_harm) {  // row X19
    for (std::uint32_t selector = 0; selector < 256; ++selector) {
        const bool known = selector <= 2 || (selector >= 0x10 && selector < 0x40);
        GuestIoApic guest;
        BOOST_TEST_CONTEXT("selector " << selector) {
            if (!known) {
                BOOST_TEST(guest.read(selector) == 0xFFFF'FFFF);
                const IoApic before = guest.ioapic;
                BOOST_TEST(text(guest.write(selector, 0xFFFF'FFFF)) == "nothing");
                BOOST_TEST((guest.ioapic == before));
            } else {
                BOOST_TEST(guest.read(selector) != 0xFFFF'FFFF);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(the_selector_keeps_eight_bits) {
    GuestIoApic guest;
    guest.put(0x00, 4, 0xABCD'EF12);
    BOOST_TEST(guest.ioapic.read(0x00, 4) == 0x12);
}

BOOST_AUTO_TEST_CASE(a_narrow_read_returns_the_low_bytes) {
    GuestIoApic guest;
    guest.set_low(3, 0x1'8951);
    BOOST_TEST(guest.ioapic.read(0x10, 1) == 0x51);
    BOOST_TEST(guest.ioapic.read(0x10, 2) == 0x8951);
    BOOST_TEST(guest.ioapic.read(0x10, 4) == 0x1'8951);
    BOOST_TEST(guest.ioapic.read(0x10, 8) == 0x1'8951);
}

BOOST_AUTO_TEST_CASE(a_narrow_write_is_extended_with_zeros) {
    GuestIoApic guest;
    guest.set_low(3, 0x1'8951);
    guest.put(0x10, 1, 0xFFFF'FF62);
    BOOST_TEST(guest.low(3) == 0x62);
    guest.put(0x10, 2, 0xFFFF'8962);
    BOOST_TEST(guest.low(3) == 0x8962);
    guest.put(0x10, 8, 0xFFFF'FFFF'0001'0062);
    BOOST_TEST(guest.low(3) == 0x1'0062);
}

BOOST_AUTO_TEST_CASE(an_offset_without_a_register_reads_zero_and_ignores_writes) {
    GuestIoApic guest;
    guest.put(0x00, 4, 0x10);
    const IoApic before = guest.ioapic;
    for (const std::uint32_t offset :
         {0x01U, 0x04U, 0x11U, 0x14U, 0x20U, 0x3CU, 0x44U, 0x100U, 0xFFFU, 0xFFFF'FFFFU}) {
        BOOST_TEST(guest.ioapic.read(offset, 4) == 0);
        BOOST_TEST(text(guest.ioapic.write(offset, 4, 0xFFFF'FFFF)) == "nothing");
    }
    BOOST_TEST((guest.ioapic == before));
}

BOOST_AUTO_TEST_CASE(eoir_cannot_be_read) {
    GuestIoApic guest({IoApicModel::v20, false});
    guest.put(0x40, 4, 0x51);
    BOOST_TEST(guest.ioapic.read(0x40, 4) == 0);
}

BOOST_AUTO_TEST_CASE(an_entry_has_its_extended_destination_only_when_asked_for) {
    GuestIoApic plain;
    plain.set_high(4, 0xFFFF'FFFF);
    BOOST_TEST(plain.read(0x19) == 0xFF00'0000);
    BOOST_TEST(plain.ioapic.message(4).destination == 0xFF);

    GuestIoApic extended({IoApicModel::v11, true});
    extended.set_high(4, 0xFFFF'FFFF);
    BOOST_TEST(extended.read(0x19) == 0xFFFE'0000);
    BOOST_TEST(extended.ioapic.message(4).destination == 0x7FFF);
    extended.set_low(4, 0x51);
    BOOST_TEST(extended.read(0x19) == 0xFFFE'0000);
    extended.set_high(4, 0x2C02'0000);
    BOOST_TEST(extended.ioapic.message(4).destination == 300);
}

BOOST_AUTO_TEST_CASE(a_pin_lists_its_fields_by_name) {
    GuestIoApic guest;
    guest.set_high(10, 0x0300'0000);
    guest.set_low(10, rte::level | rte::logical | rte::active_low | 0x51);
    guest.raise(10);
    const std::vector<NamedValue> expected{
        {"destination", 3},
        {"extended_destination", 0},
        {"masked", 0},
        {"trigger", 1},
        {"remote_irr", 1},
        {"active_low", 1},
        {"delivery_status", 0},
        {"destination_mode", 1},
        {"delivery_mode", 0},
        {"vector", 0x51},
        {"irr", 1},
        {"line", 1},
    };
    const auto actual = guest.ioapic.fields(10);
    BOOST_REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        BOOST_TEST(actual[i].name == expected[i].name);
        BOOST_TEST(actual[i].value == expected[i].value, expected[i].name << " is " << actual[i].value);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
