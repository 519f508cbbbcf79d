#include "irqchip/arm64/its_registers.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/its_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

/// IHI 0069, the ITS register map, and what KVM's ITS identifies itself with.
const RegisterInfo sheet[] = {
    {0x00000, "GITS_CTLR", rw, 0x8000'0000, 0x1, 32, 1, 4},
    {0x00004, "GITS_IIDR", ro, 0x4B00'043B, 0, 32, 1, 4},
    {0x00008, "GITS_TYPER", ro, 0x0000'0000'0001'EF71, 0, 64, 1, 8},
    {0x00080, "GITS_CBASER", rw, 0, 0xB8EF'FFFF'FFFF'0CFF, 64, 1, 8},
    {0x00088, "GITS_CWRITER", rw, 0, 0x0000'0000'000F'FFE1, 64, 1, 8},
    {0x00090, "GITS_CREADR", ro, 0, 0, 64, 1, 8},
    {0x00100, "GITS_BASER0", rw, 0x1907'0000'0000'0600, 0xF8E0'FFFF'FFFF'FCFF, 64, 1, 8},
    {0x00108, "GITS_BASER1", rw, 0x1C07'0000'0000'0600, 0xB8E0'FFFF'FFFF'FCFF, 64, 1, 8},
    {0x00110, "GITS_BASER2-7", ro, 0, 0, 64, 6, 8},
    {0x0FFD0, "GITS_PIDR4", ro, 0x40, 0, 32, 1, 4},
    {0x0FFE0, "GITS_PIDR0", ro, 0x92, 0, 32, 1, 4},
    {0x0FFE4, "GITS_PIDR1", ro, 0xB4, 0, 32, 1, 4},
    {0x0FFE8, "GITS_PIDR2", ro, 0x3B, 0, 32, 1, 4},
    {0x0FFF0, "GITS_CIDR0", ro, 0x0D, 0, 32, 1, 4},
    {0x0FFF4, "GITS_CIDR1", ro, 0xF0, 0, 32, 1, 4},
    {0x0FFF8, "GITS_CIDR2", ro, 0x05, 0, 32, 1, 4},
    {0x0FFFC, "GITS_CIDR3", ro, 0xB1, 0, 32, 1, 4},
    {0x10040, "GITS_TRANSLATER", wo, 0, 0xFFFF'FFFF, 32, 1, 4},
};

const FieldRow ctlr_sheet[] = {{"quiescent", 31, 31, ro}, {"enabled", 0, 0, rw}};
const FieldRow typer_sheet[] = {
    {"hardware_collections", 31, 24, ro}, {"physical_targets", 19, 19, ro}, {"seis", 18, 18, ro},
    {"device_bits", 17, 13, ro},          {"event_bits", 12, 8, ro},        {"itt_entry_size", 7, 4, ro},
    {"physical_lpis", 0, 0, ro},
};
const FieldRow cbaser_sheet[] = {
    {"valid", 63, 63, rw},   {"inner_cache", 61, 59, rw},  {"outer_cache", 55, 53, rw},
    {"address", 51, 16, rw}, {"shareability", 11, 10, rw}, {"size", 7, 0, rw},
};
const FieldRow baser_sheet[] = {
    {"valid", 63, 63, rw},   {"indirect", 62, 62, rw},     {"inner_cache", 61, 59, rw},
    {"type", 58, 56, ro},    {"outer_cache", 55, 53, rw},  {"entry_size", 52, 48, ro},
    {"address", 47, 12, rw}, {"shareability", 11, 10, rw}, {"page_size", 9, 8, ro},
    {"size", 7, 0, rw},
};
const FieldRow creadr_sheet[] = {{"offset", 19, 5, ro}, {"stalled", 0, 0, ro}};
const FieldRow cwriter_sheet[] = {{"offset", 19, 5, rw}, {"retry", 0, 0, wo}};

struct Bit {
    unsigned hi;
    unsigned lo;
    std::uint64_t of(std::uint64_t value) const { return value >> lo & ((2ULL << (hi - lo)) - 1); }
    std::uint64_t put(std::uint64_t value, std::uint64_t field) const {
        return (value & ~(((2ULL << (hi - lo)) - 1) << lo)) | field << lo;
    }
};

/// What KVM makes of the attributes of a table: see vgic_sanitise_*() there.
std::uint64_t sanitised(std::uint64_t value, Bit inner, Bit outer) {
    constexpr Bit shareability{11, 10};
    if (shareability.of(value) == 2) value = shareability.put(value, 1);
    if (inner.of(value) < 2) value = inner.put(value, 3);
    if (outer.of(value) > 1) value = outer.put(value, 1);
    return value;
}

/// What `row` reads as, after a write of `value`.
std::uint64_t expected(const RegisterInfo& row, std::uint64_t value) {
    const std::uint64_t kept = (row.reset & ~row.writable) | (value & row.writable);
    switch (row.offset) {
        case 0x00: return row.reset;  // not with tables that are not valid
        case 0x80:
        case 0x100:
        case 0x108: return sanitised(kept, {61, 59}, {55, 53});
        // A queue of one page, and a bit that is not read back.
        case 0x88: return (kept & 0xF'FFE0) < 4096 ? kept & 0xF'FFE0 : 0;
        default: return row.access == wo ? 0 : kept;
    }
}

template <class Check>
void for_each_register(Check check) {
    for (const RegisterInfo& row : sheet)
        for (std::uint32_t i = 0; i < row.count; ++i) BOOST_TEST_CONTEXT(row << ", number " << i) {
                check(row, row.offset + i * row.stride);
            }
}

struct Chip {
    FlatMemory memory{4096};
    Its its;
    void put(std::uint32_t offset, unsigned size, std::uint64_t value) {
        BOOST_TEST(text(its.write(offset, size, value, memory)) == "nothing");
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(its_register_table)

BOOST_AUTO_TEST_CASE(the_table_says_what_the_manual_says) {
    BOOST_REQUIRE(its_registers.size() == std::size(sheet));
    for (std::size_t i = 0; i < its_registers.size(); ++i) check_row(its_registers[i].info, sheet[i]);
    check_fields(field_table<GitsCtlr>(), ctlr_sheet);
    check_fields(field_table<GitsTyper>(), typer_sheet);
    check_fields(field_table<GitsCbaser>(), cbaser_sheet);
    check_fields(field_table<GitsBaser>(), baser_sheet);
    check_fields(field_table<GitsCreadr>(), creadr_sheet);
    check_fields(field_table<GitsCwriter>(), cwriter_sheet);
}

BOOST_AUTO_TEST_CASE(every_register_starts_at_its_reset_value) {
    const Chip chip;
    for_each_register([&](const RegisterInfo& row, std::uint32_t offset) {
        BOOST_TEST(chip.its.read(offset, row.bits / 8) == row.reset);
    });
}

BOOST_AUTO_TEST_CASE(every_register_lets_only_its_writable_bits_change) {
    for_each_register([](const RegisterInfo& row, std::uint32_t offset) {
        const unsigned size = row.bits / 8;
        const std::uint64_t all = ~std::uint64_t{0} >> (64 - row.bits);
        Chip chip;
        chip.put(offset, size, all);
        BOOST_TEST(chip.its.read(offset, size) == expected(row, all));
        chip.put(offset, size, 0);
        BOOST_TEST(chip.its.read(offset, size) == expected(row, 0));
        for (unsigned bit = 0; bit < row.bits; ++bit) {
            Chip fresh;
            fresh.put(offset, size, std::uint64_t{1} << bit);
            BOOST_TEST(fresh.its.read(offset, size) == expected(row, std::uint64_t{1} << bit), "bit " << bit);
        }
    });
}

BOOST_AUTO_TEST_CASE(every_attribute_of_a_table_is_kept_or_replaced_as_by_kvm) {
    for (const RegisterInfo& row : sheet) {
        if (row.access != rw || row.bits != 64 || row.offset == 0x88) continue;
        for (std::uint64_t inner = 0; inner < 8; ++inner)
            for (std::uint64_t outer = 0; outer < 8; ++outer)
                for (std::uint64_t shareability = 0; shareability < 4; ++shareability) {
                    const std::uint64_t value = inner << 59 | outer << 53 | shareability << 10;
                    Chip chip;
                    chip.put(row.offset, 8, value);
                    BOOST_TEST(chip.its.read(row.offset, 8) == expected(row, value));
                }
    }
}

BOOST_AUTO_TEST_CASE(a_register_does_not_move_when_another_is_written) {
    for_each_register([](const RegisterInfo& written, std::uint32_t at) {
        Chip chip;
        chip.put(at, written.bits / 8, ~std::uint64_t{0});
        for_each_register([&](const RegisterInfo& row, std::uint32_t offset) {
            if (offset != at) BOOST_TEST(chip.its.read(offset, row.bits / 8) == row.reset);
        });
    });
}

BOOST_AUTO_TEST_CASE(halves_of_a_wide_register_are_written_and_read_alone) {
    for (const std::uint32_t offset : {0x80U, 0x100U, 0x108U}) {
        Chip chip;
        chip.put(offset, 8, 0x8000'1234'5678'0003);
        const std::uint64_t before = chip.its.read(offset, 8);
        BOOST_TEST(chip.its.read(offset, 4) == (before & 0xFFFF'FFFF));
        BOOST_TEST(chip.its.read(offset + 4, 4) == before >> 32);
        chip.put(offset, 4, 0x9ABC'0005);
        BOOST_TEST(chip.its.read(offset, 8) == ((before & ~0xFFFF'00FFULL) | 0x9ABC'0005));
        chip.put(offset + 4, 4, 0x0000'4321);
        BOOST_TEST((chip.its.read(offset, 8) & 0xF800'FFFF'FFFF'00FF) == 0x1800'4321'9ABC'0005);
    }
}

BOOST_AUTO_TEST_CASE(any_other_access_reads_zero_and_changes_nothing) {
    Chip chip;
    const Its before = chip.its;
    for (std::uint32_t offset = 0; offset < 0x200; ++offset)
        for (const unsigned size : {0U, 1U, 2U, 3U, 5U, 16U}) {
            BOOST_TEST(chip.its.read(offset, size) == 0);
            chip.put(offset, size, ~std::uint64_t{0});
        }
    for (const std::uint32_t offset : {0x82U, 0x84U, 0x104U, 0x81U}) {
        BOOST_TEST(chip.its.read(offset, 8) == 0);
        chip.put(offset, 8, ~std::uint64_t{0});
    }
    for (const std::uint32_t offset :
         {0x10U, 0x18U, 0x40U, 0x98U, 0x140U, 0xFFECU, 0x1'0000U, 0x1'0044U, 0x2'0000U, 0xFFFF'FFFCU}) {
        BOOST_TEST(chip.its.read(offset, 4) == 0);
        chip.put(offset, 4, 0xFFFF'FFFF);
    }
    BOOST_TEST(chip.its.read(0x00, 8) == 0);
    chip.put(0x00, 8, 1);
    BOOST_TEST((chip.its == before));
}

BOOST_AUTO_TEST_CASE(page_sizes_can_be_written_only_if_there_are_several) {
    Chip fixed;
    fixed.put(0x100, 8, 0);
    BOOST_TEST((fixed.its.read(0x100, 8) & 0x300) == 0x200);

    Chip any;
    any.its = Its({.all_page_sizes = true});
    for (const std::uint64_t size : {0ULL, 1ULL, 2ULL, 3ULL})
        for (const std::uint32_t offset : {0x100U, 0x108U}) {
            any.put(offset, 8, size << 8);
            BOOST_TEST((any.its.read(offset, 8) & 0x300) == size << 8);
        }
}

BOOST_AUTO_TEST_CASE(tables_and_queue_cannot_be_moved_while_the_its_is_enabled) {
    GuestIts guest;
    BOOST_TEST(guest.get(gits::ctlr, 4) == 0x8000'0001);
    const Its before = guest.its;
    for (const std::uint32_t offset : {0x80U, 0x100U, 0x108U}) guest.put(offset, 0);
    BOOST_TEST((guest.its == before));
    guest.put(gits::ctlr, 0, 4);
    BOOST_TEST(guest.get(gits::ctlr, 4) == 0x8000'0000);
    for (const std::uint32_t offset : {0x80U, 0x100U, 0x108U}) {
        guest.put(offset, 0);
        BOOST_TEST((guest.get(offset) & valid_bit) == 0);
    }
}

BOOST_AUTO_TEST_CASE(an_its_without_queue_and_tables_cannot_be_enabled) {
    for (const std::uint32_t missing : {0x80U, 0x100U, 0x108U}) {
        GuestIts guest({1}, false);
        for (const std::uint32_t offset : {0x80U, 0x100U, 0x108U})
            if (offset != missing) guest.put(offset, valid_bit);
        guest.put(gits::ctlr, 1, 4);
        BOOST_TEST(!guest.its.enabled());
        guest.put(missing, valid_bit);
        guest.put(gits::ctlr, 1, 4);
        BOOST_TEST(guest.its.enabled());
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
