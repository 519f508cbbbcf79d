#include "irqchip/x86/pic_registers.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/irqchip/pic_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::x86 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

/// 8259A data sheet, figures 7 and 8; PIIX3 2.5.
const RegisterInfo sheet[] = {
    {0x20, "ICW1", wo, 0, 0x1B, 8},   {0x20, "OCW2", wo, 0, 0xE7, 8}, {0x20, "OCW3", wo, 0, 0x6F, 8},
    {0x20, "IRR", ro, 0, 0, 8},       {0x20, "ISR", ro, 0, 0, 8},     {0x20, "POLL", ro, 0, 0, 8},
    {0x21, "IMR", rw, 0, 0xFF, 8},    {0x21, "ICW2", wo, 0, 0xF8, 8}, {0x21, "ICW3", wo, 0, 0xFF, 8},
    {0x21, "ICW4", wo, 0, 0x1F, 8},   {0xA0, "ICW1", wo, 0, 0x1B, 8}, {0xA0, "OCW2", wo, 0, 0xE7, 8},
    {0xA0, "OCW3", wo, 0, 0x6F, 8},   {0xA0, "IRR", ro, 0, 0, 8},     {0xA0, "ISR", ro, 0, 0, 8},
    {0xA0, "POLL", ro, 0, 0, 8},      {0xA1, "IMR", rw, 0, 0xFF, 8},  {0xA1, "ICW2", wo, 0, 0xF8, 8},
    {0xA1, "ICW3", wo, 0, 0xFF, 8},   {0xA1, "ICW4", wo, 0, 0x1F, 8}, {0x4D0, "ELCR1", rw, 0, 0xF8, 8},
    {0x4D1, "ELCR2", rw, 0, 0xDE, 8},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pic_register_table)

BOOST_AUTO_TEST_CASE(the_table_says_what_the_data_sheets_say) { check_table(pic_registers, sheet); }

BOOST_AUTO_TEST_CASE(the_fields_are_those_of_the_data_sheets) {
    check_fields(field_table<Icw1>(),
                 std::vector<FieldRow>{
                     {"is_icw1", 4, 4, wo}, {"ltim", 3, 3, wo}, {"sngl", 1, 1, wo}, {"ic4", 0, 0, wo}});
    check_fields(field_table<Icw2>(), std::vector<FieldRow>{{"base", 7, 3, wo}});
    check_fields(
        field_table<Icw4>(),
        std::vector<FieldRow>{{"sfnm", 4, 4, wo}, {"buf", 3, 2, wo}, {"aeoi", 1, 1, wo}, {"upm", 0, 0, wo}});
    check_fields(field_table<Ocw1>(), std::vector<FieldRow>{{"masked", 7, 0, rw}});
    check_fields(field_table<Ocw2>(), std::vector<FieldRow>{{"command", 7, 5, wo}, {"irq", 2, 0, wo}});
    check_fields(field_table<Ocw3>(), std::vector<FieldRow>{{"esmm", 6, 6, wo},
                                                            {"smm", 5, 5, wo},
                                                            {"is_ocw3", 3, 3, wo},
                                                            {"p", 2, 2, wo},
                                                            {"rr", 1, 1, wo},
                                                            {"ris", 0, 0, wo}});
    check_fields(field_table<PollWord>(), std::vector<FieldRow>{{"i", 7, 7, ro}, {"irq", 2, 0, ro}});
    check_fields(field_table<Elcr1>(), std::vector<FieldRow>{{"level_7_3", 7, 3, rw}});
    check_fields(field_table<Elcr2>(),
                 std::vector<FieldRow>{{"level_15_14", 7, 6, rw}, {"level_12_9", 4, 1, rw}});
}

BOOST_AUTO_TEST_CASE(every_readable_port_starts_at_its_reset_value) {
    for (const RegisterInfo& row : sheet) {
        if (row.access == wo) continue;
        Pic pic;
        BOOST_TEST_CONTEXT(row)
        BOOST_TEST(pic.read(static_cast<std::uint16_t>(row.offset)).value == row.reset);
    }
}

BOOST_AUTO_TEST_CASE(every_writable_register_lets_only_its_writable_bits_change) {
    for (const RegisterInfo& row : sheet) {
        if (row.access != rw) continue;
        BOOST_TEST_CONTEXT(row) {
            GuestPic guest;
            const auto port = static_cast<std::uint16_t>(row.offset);
            guest.out(port, 0xFF);
            BOOST_TEST(guest.in(port) == row.writable);
            guest.out(port, 0);
            BOOST_TEST(guest.in(port) == 0);
            for (unsigned bit = 0; bit < 8; ++bit) {
                guest.out(port, static_cast<std::uint8_t>(1U << bit));
                BOOST_TEST(guest.in(port) == (row.writable & 1U << bit));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_register_does_not_move_when_another_is_written) {
    for (const RegisterInfo& written : sheet) {
        if (written.access != rw) continue;
        for (const RegisterInfo& row : sheet) {
            if (row.access != rw || row.offset == written.offset) continue;
            GuestPic guest;
            guest.out(static_cast<std::uint16_t>(written.offset), 0xFF);
            BOOST_TEST_CONTEXT(written << " and " << row)
            BOOST_TEST(guest.in(static_cast<std::uint16_t>(row.offset)) == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_pair_owns_six_ports) {
    std::vector<std::uint32_t> owned;
    for (std::uint32_t port = 0; port < 0x10000; ++port)
        if (Pic::owns_port(static_cast<std::uint16_t>(port))) owned.push_back(port);
    const std::vector<std::uint32_t> expected{0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1};
    BOOST_TEST(owned == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ocw3_selects_what_the_command_port_reads) {
    GuestPic guest;
    guest.pulse(3);
    guest.acknowledge();
    guest.pulse(5);
    BOOST_TEST(guest.in(0x20) == 0x20);
    guest.out(0x20, ocw3::read_isr);
    BOOST_TEST(guest.in(0x20) == 0x08);
    guest.out(0x20, 0x08);
    BOOST_TEST(guest.in(0x20) == 0x08);
    guest.out(0x20, ocw3::read_irr);
    BOOST_TEST(guest.in(0x20) == 0x20);
}

BOOST_AUTO_TEST_CASE(a_chip_lists_its_state_by_name) {
    GuestPic guest(icw4::x86_mode | icw4::special_fully_nested);
    guest.out(0x4D0, 0x20);
    guest.mask(GuestPic::master, 0x81);
    guest.pulse(3);
    guest.acknowledge();
    guest.raise(5);
    guest.command(GuestPic::master, ocw2::set_priority + 6U);
    const std::vector<NamedValue> expected{
        {"irr", 0x20},       {"isr", 0x08},
        {"imr", 0x81},       {"elcr", 0x20},
        {"base", 0x20},      {"lowest_priority", 6},
        {"auto_eoi", 0},     {"rotate_on_auto_eoi", 0},
        {"special_mask", 0}, {"special_fully_nested", 1},
        {"poll", 0},
    };
    const auto actual = guest.pic.master().fields();
    BOOST_REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        BOOST_TEST(actual[i].name == expected[i].name);
        BOOST_TEST(actual[i].value == expected[i].value, expected[i].name << " is " << actual[i].value);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
