#include "irqchip/x86/lapic_registers.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/irqchip/lapic_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::x86 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

/// What the manual says of a register in one mode.
struct Half {
    Access access;
    std::uint64_t writable;
};

struct SheetRow {
    std::string_view name;
    std::uint16_t offset;
    std::uint64_t reset;
    std::optional<Half> xapic;
    std::optional<Half> x2apic;
    /// x2APIC: bits that may be set without #GP.
    std::uint64_t defined = 0;
};

constexpr std::uint64_t all32 = 0xFFFF'FFFF;

/// SDM vol. 3, tables 11-1 and 11-6 and the figures they refer to, of the local APIC with id 0x23.
const SheetRow sheet[] = {
    {"id", 0x020, 0x2300'0000, Half{rw, 0xFF00'0000}, Half{ro, 0}},
    {"version", 0x030, 0x0106'0014, Half{ro, 0}, Half{ro, 0}},
    {"tpr", 0x080, 0, Half{rw, 0xFF}, Half{rw, 0xFF}, 0xFF},
    {"apr", 0x090, 0, Half{ro, 0}, std::nullopt},
    {"ppr", 0x0A0, 0, Half{ro, 0}, Half{ro, 0}},
    {"eoi", 0x0B0, 0, Half{wo, all32}, Half{wo, 0}, 0},
    {"ldr", 0x0D0, 0, Half{rw, 0xFF00'0000}, Half{ro, 0}},
    {"dfr", 0x0E0, all32, Half{rw, 0xF000'0000}, std::nullopt},
    {"svr", 0x0F0, 0xFF, Half{rw, 0x13FF}, Half{rw, 0x13FF}, 0x13FF},
    {"esr", 0x280, 0, Half{rw, 0}, Half{rw, 0}, 0},
    {"lvt_cmci", 0x2F0, 0x1'0000, Half{rw, 0x1'07FF}, Half{rw, 0x1'07FF}, 0x1'17FF},
    {"icr", 0x300, 0, Half{rw, 0xC'CFFF}, Half{rw, 0xFFFF'FFFF'000C'CFFF}, 0xFFFF'FFFF'000C'CFFF},
    {"icr_high", 0x310, 0, Half{rw, 0xFF00'0000}, std::nullopt},
    {"lvt_timer", 0x320, 0x1'0000, Half{rw, 0x7'00FF}, Half{rw, 0x7'00FF}, 0x7'10FF},
    {"lvt_thermal", 0x330, 0x1'0000, Half{rw, 0x1'07FF}, Half{rw, 0x1'07FF}, 0x1'17FF},
    {"lvt_perf", 0x340, 0x1'0000, Half{rw, 0x1'07FF}, Half{rw, 0x1'07FF}, 0x1'17FF},
    {"lvt_lint0", 0x350, 0x1'0000, Half{rw, 0x1'A7FF}, Half{rw, 0x1'A7FF}, 0x1'F7FF},
    {"lvt_lint1", 0x360, 0x1'0000, Half{rw, 0x1'A7FF}, Half{rw, 0x1'A7FF}, 0x1'F7FF},
    {"lvt_error", 0x370, 0x1'0000, Half{rw, 0x1'00FF}, Half{rw, 0x1'00FF}, 0x1'10FF},
    {"timer_initial", 0x380, 0, Half{rw, all32}, Half{rw, all32}, all32},
    {"timer_current", 0x390, 0, Half{ro, 0}, Half{ro, 0}},
    {"timer_divide", 0x3E0, 0, Half{rw, 0xB}, Half{rw, 0xB}, 0xB},
    {"self_ipi", 0x3F0, 0, std::nullopt, Half{wo, 0xFF}, 0xFF},
};

/// The sheet with the rows of ISR, TMR and IRR.
std::vector<SheetRow> rows() {
    std::vector<SheetRow> all;
    static constexpr std::string_view words[] = {
        "isr0", "isr1", "isr2", "isr3", "isr4", "isr5", "isr6", "isr7", "tmr0", "tmr1", "tmr2", "tmr3",
        "tmr4", "tmr5", "tmr6", "tmr7", "irr0", "irr1", "irr2", "irr3", "irr4", "irr5", "irr6", "irr7"};
    for (const SheetRow& row : sheet) {
        if (row.name == "esr")
            for (std::uint16_t i = 0; i < 24; ++i)
                all.push_back(
                    {words[i], static_cast<std::uint16_t>(0x100 + 16 * i), 0, Half{ro, 0}, Half{ro, 0}});
        all.push_back(row);
    }
    return all;
}

constexpr std::uint32_t id = 0x23;

/// All registers of an xAPIC but those a write to which is a command.
bool is_plain(const SheetRow& row) {
    return row.name != "eoi" && row.name != "esr" && row.name != "self_ipi";
}

/// 0x23 = cluster 2, member 3; in x2APIC mode these registers are made from the id.
std::uint64_t x2apic_reset(const SheetRow& row) {
    return row.name == "id" ? 0x23 : row.name == "ldr" ? 0x2'0008 : row.reset;
}

GuestLapic fresh_x2apic() {
    GuestLapic guest = GuestLapic::fresh(id);
    BOOST_REQUIRE(guest.wrmsr(0x1B, 0xFEE0'0C00) == "nothing");
    return guest;
}

/// Reads on without the time going on, so that the timer's registers can be compared too.
std::uint64_t expected(std::uint64_t reset, std::uint64_t writable, std::uint64_t written) {
    return (reset & ~writable) | (written & writable);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lapic_table)

BOOST_AUTO_TEST_CASE(the_table_says_what_the_manual_says) {
    const auto all = rows();
    BOOST_REQUIRE(lapic_register_table.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const SheetRow& want = all[i];
        const LapicRegister& have = lapic_register_table[i];
        BOOST_TEST_CONTEXT(want.name) {
            BOOST_TEST(have.name == want.name);
            BOOST_TEST(have.offset == want.offset);
            BOOST_TEST(have.xapic.has_value() == want.xapic.has_value());
            BOOST_TEST(have.x2apic.has_value() == want.x2apic.has_value());
            if (want.xapic) {
                BOOST_TEST(have.xapic->name == want.name);
                BOOST_TEST(have.xapic->offset == want.offset);
                BOOST_TEST(have.xapic->access == want.xapic->access);
                BOOST_TEST(have.xapic->writable == want.xapic->writable);
                BOOST_TEST(have.xapic->bits == 32);
            }
            if (want.x2apic) {
                BOOST_TEST(have.x2apic->name == want.name);
                BOOST_TEST(have.x2apic->offset == 0x800 + want.offset / 16U);
                BOOST_TEST(have.x2apic->access == want.x2apic->access);
                BOOST_TEST(have.x2apic->writable == want.x2apic->writable);
                if (want.x2apic->access != ro) BOOST_TEST(have.x2apic_reserved == ~want.defined);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(the_registers_of_the_page_have_names) {
    BOOST_TEST(lapic_registers.size() == 46);
    BOOST_TEST(lapic_offset("svr").value() == 0x0F0);
    BOOST_TEST(lapic_offset("irr7").value() == 0x270);
    BOOST_TEST(!lapic_offset("self_ipi"));
    BOOST_TEST(!lapic_offset("nothing"));
}

BOOST_AUTO_TEST_CASE(the_other_msrs_have_rows_of_their_own) {
    BOOST_REQUIRE(lapic_msrs.size() == 2);
    check_row(lapic_msrs[0], {0x1B, "IA32_APIC_BASE", rw, 0xFEE0'0800, 0x000F'FFFF'FFFF'FD00, 64});
    check_row(lapic_msrs[1], {0x6E0, "IA32_TSC_DEADLINE", rw, 0, 0xFFFF'FFFF'FFFF'FFFF, 64});
}

BOOST_AUTO_TEST_CASE(the_fields_are_those_of_the_figures) {
    check_fields(field_table<Svr>(), std::vector<FieldRow>{{"suppress_eoi_broadcast", 12, 12, rw},
                                                           {"focus_check_disabled", 9, 9, rw},
                                                           {"enabled", 8, 8, rw},
                                                           {"vector", 7, 0, rw}});
    check_fields(field_table<Esr>(), std::vector<FieldRow>{{"illegal_register", 7, 7, ro},
                                                           {"receive_illegal_vector", 6, 6, ro},
                                                           {"send_illegal_vector", 5, 5, ro},
                                                           {"redirectable_ipi", 4, 4, ro}});
    check_fields(field_table<LvtEntry>(), std::vector<FieldRow>{{"timer_mode", 18, 17, rw},
                                                                {"masked", 16, 16, rw},
                                                                {"trigger", 15, 15, rw},
                                                                {"remote_irr", 14, 14, ro},
                                                                {"active_low", 13, 13, rw},
                                                                {"delivery_status", 12, 12, ro},
                                                                {"delivery_mode", 10, 8, rw},
                                                                {"vector", 7, 0, rw}});
    check_fields(field_table<X2apicIcr>(), std::vector<FieldRow>{{"destination", 63, 32, rw},
                                                                 {"shorthand", 19, 18, rw},
                                                                 {"trigger", 15, 15, rw},
                                                                 {"level", 14, 14, rw},
                                                                 {"destination_mode", 11, 11, rw},
                                                                 {"delivery_mode", 10, 8, rw},
                                                                 {"vector", 7, 0, rw}});
    check_fields(field_table<Icr>(), std::vector<FieldRow>{{"shorthand", 19, 18, rw},
                                                           {"trigger", 15, 15, rw},
                                                           {"level", 14, 14, rw},
                                                           {"delivery_status", 12, 12, ro},
                                                           {"destination_mode", 11, 11, rw},
                                                           {"delivery_mode", 10, 8, rw},
                                                           {"vector", 7, 0, rw}});
}

BOOST_AUTO_TEST_CASE(every_register_starts_at_its_reset_value) {
    GuestLapic xapic = GuestLapic::fresh(id);
    GuestLapic x2apic = fresh_x2apic();
    for (const SheetRow& row : rows()) {
        BOOST_TEST_CONTEXT(row.name) {
            if (row.xapic) BOOST_TEST(xapic.get(row.offset) == (row.xapic->access == wo ? 0 : row.reset));
            if (row.x2apic && row.x2apic->access != wo)
                BOOST_TEST(x2apic.rdmsr(0x800 + row.offset / 16U).value() == x2apic_reset(row));
        }
    }
    BOOST_TEST(xapic.errors() == 0);
}

BOOST_AUTO_TEST_CASE(every_xapic_register_lets_only_its_writable_bits_change) {
    for (const SheetRow& row : rows()) {
        if (!row.xapic || !is_plain(row)) continue;
        BOOST_TEST_CONTEXT(row.name) {
            const auto try_value = [&](std::uint64_t value) {
                GuestLapic guest(id);
                const std::uint64_t before = guest.get(row.offset);
                guest.put(row.offset, value);
                BOOST_TEST(guest.get(row.offset) == expected(before, row.xapic->writable, value));
            };
            try_value(all32);
            try_value(0);
            for (unsigned bit = 0; bit < 32; ++bit) try_value(std::uint64_t{1} << bit);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_x2apic_register_lets_its_writable_bits_change_and_faults_on_reserved_ones) {
    for (const SheetRow& row : rows()) {
        if (!row.x2apic || row.x2apic->access == ro) continue;
        BOOST_TEST_CONTEXT(row.name) {
            for (unsigned bit = 0; bit < 64; ++bit) {
                const std::uint64_t value = std::uint64_t{1} << bit;
                GuestLapic guest = GuestLapic::in_x2apic_mode(id);
                const LocalApic before = guest.apic;
                const bool faults = guest.wrmsr(0x800 + row.offset / 16U, value) == "#GP";
                BOOST_TEST_CONTEXT("bit " << bit) {
                    BOOST_TEST(faults == ((value & row.defined) == 0));
                    if (faults) BOOST_TEST((guest.apic == before));
                    if (!faults && is_plain(row))
                        BOOST_TEST(guest.reg(row.offset) == expected(0, row.x2apic->writable, value));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_x2apic_register_keeps_to_its_access) {
    for (std::uint32_t index = 0x800; index < 0x900; ++index) {
        const SheetRow* row = nullptr;
        const auto all = rows();
        for (const SheetRow& candidate : all)
            if (candidate.x2apic && candidate.offset / 16U == index - 0x800) row = &candidate;
        GuestLapic guest = GuestLapic::in_x2apic_mode(id);
        BOOST_TEST_CONTEXT("msr " << std::hex << index) {
            BOOST_TEST(guest.rdmsr(index).has_value() == (row != nullptr && row->x2apic->access != wo));
            BOOST_TEST((guest.wrmsr(index, 0) != "#GP") == (row != nullptr && row->x2apic->access != ro));
        }
    }
}

BOOST_AUTO_TEST_CASE(outside_x2apic_mode_its_msrs_fault) {
    GuestLapic xapic;
    GuestLapic disabled;
    disabled.wrmsr(0x1B, 0xFEE0'0000);
    for (std::uint32_t index = 0x800; index < 0x900; ++index) {
        BOOST_TEST(!xapic.rdmsr(index));
        BOOST_TEST(xapic.wrmsr(index, 0) == "#GP");
        BOOST_TEST(!disabled.rdmsr(index));
        BOOST_TEST(disabled.wrmsr(index, 0) == "#GP");
    }
}

BOOST_AUTO_TEST_CASE(msrs_that_are_not_its_own_fault) {
    GuestLapic guest = GuestLapic::in_x2apic_mode();
    for (const std::uint32_t index : {0x10U, 0x1AU, 0x1CU, 0x6DFU, 0x6E1U, 0x7FFU, 0x900U}) {
        BOOST_TEST(!LocalApic::owns_msr(index));
        BOOST_TEST(!guest.rdmsr(index));
        BOOST_TEST(guest.wrmsr(index, 0) == "#GP");
    }
}

BOOST_AUTO_TEST_CASE(a_register_does_not_move_when_another_is_written) {
    for (const SheetRow& written : rows()) {
        if (!written.xapic || written.xapic->access == ro || !is_plain(written)) continue;
        GuestLapic guest(id);
        std::vector<std::uint64_t> before;
        for (const SheetRow& row : rows()) before.push_back(row.xapic ? guest.get(row.offset) : 0);
        // A timer mode, a spurious vector and an ICR without consequences.
        const std::uint64_t value = written.name == "svr"   ? 0x1A5
                                    : written.name == "icr" ? 0xC'0745
                                                            : 0x0103'0055;
        guest.put(written.offset, value);
        std::size_t i = 0;
        for (const SheetRow& row : rows()) {
            const std::uint64_t old = before[i++];
            const bool follows = (written.name == "tpr" && (row.name == "ppr" || row.name == "apr")) ||
                                 (written.name == "timer_initial" && row.name == "timer_current");
            if (row.offset == written.offset || !row.xapic || follows) continue;
            BOOST_TEST_CONTEXT(written.name << " and " << row.name) BOOST_TEST(guest.get(row.offset) == old);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_page_is_written_by_aligned_words_only) {
    for (const unsigned size : {1U, 2U, 8U}) {
        GuestLapic guest;
        guest.put(lapic::tpr, 0x55, size);
        BOOST_TEST(guest.get(lapic::tpr) == 0);
    }
    for (std::uint32_t part = 1; part < 16; ++part) {
        GuestLapic guest;
        guest.put(lapic::tpr + part, 0x5555'5555);
        BOOST_TEST(guest.get(lapic::tpr) == 0);
        BOOST_TEST(guest.errors() == 0);
    }
}

BOOST_AUTO_TEST_CASE(the_four_bytes_of_a_register_are_read_in_any_part_and_no_others) {
    GuestLapic guest;
    guest.put(lapic::timer_initial, 0x8765'4321);
    BOOST_TEST(guest.get(0x380, 1) == 0x21);
    BOOST_TEST(guest.get(0x381, 1) == 0x43);
    BOOST_TEST(guest.get(0x383, 1) == 0x87);
    BOOST_TEST(guest.get(0x382, 2) == 0x8765);
    BOOST_TEST(guest.get(0x380, 2) == 0x4321);
    BOOST_TEST(guest.get(0x383, 2) == 0);
    BOOST_TEST(guest.get(0x384, 4) == 0);
    BOOST_TEST(guest.get(0x380, 8) == 0);
    BOOST_TEST(guest.errors() == 0);
}

BOOST_AUTO_TEST_CASE(an_address_without_a_register_is_an_error) {
    const auto all = rows();
    for (std::uint32_t offset = 0; offset < LocalApic::page_size; offset += 16) {
        bool exists = false;
        for (const SheetRow& row : all) exists = exists || (row.xapic && row.offset == offset);
        BOOST_TEST_CONTEXT("offset " << std::hex << offset) {
            GuestLapic reader;
            reader.get(offset);
            BOOST_TEST(reader.errors() == (exists ? 0 : 0x80));
            if (offset == lapic::icr) continue;
            GuestLapic writer;
            const LocalApic before = writer.apic;
            writer.put(offset, 0);
            // The remote read register of former processors: table 11-1, note 1.
            if (!exists && offset != 0x0C0) {
                BOOST_TEST(writer.errors() == 0x80);
            } else {
                if (offset == 0x0C0) BOOST_TEST((writer.apic == before));
                if (offset != lapic::svr) BOOST_TEST(writer.errors() == 0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(an_access_far_outside_the_page_does_no_harm) {
    GuestLapic guest;
    BOOST_TEST(guest.get(0xFFFF'FFFF) == 0);
    BOOST_TEST(guest.put(0xFFFF'FFF0, 1) == "nothing");
}

BOOST_AUTO_TEST_CASE(without_a_page_reads_are_ones_and_writes_are_lost) {
    for (const std::uint64_t base : {0xFEE0'0000U, 0xFEE0'0C00U}) {
        GuestLapic guest;
        guest.wrmsr(0x1B, base);
        const LocalApic before = guest.apic;
        BOOST_TEST(guest.get(lapic::version) == 0xFFFF'FFFF);
        BOOST_TEST(guest.get(lapic::version, 1) == 0xFF);
        BOOST_TEST(guest.get(lapic::version, 8) == 0xFFFF'FFFF'FFFF'FFFF);
        BOOST_TEST(guest.put(lapic::tpr, 0x50) == "nothing");
        BOOST_TEST((guest.apic == before));
    }
}

BOOST_AUTO_TEST_CASE(an_apic_without_cmci_has_one_lvt_entry_less) {
    LapicOptions options;
    options.cmci = false;
    GuestLapic guest(0, options);
    BOOST_TEST(guest.get(lapic::version) == 0x0105'0014);
    BOOST_TEST(guest.get(lapic::lvt_cmci) == 0);
    BOOST_TEST(guest.errors() == 0x80);
    GuestLapic x2apic = GuestLapic::in_x2apic_mode(0, options);
    BOOST_TEST(!x2apic.rdmsr(0x82F));
    BOOST_TEST(x2apic.wrmsr(0x82F, 0) == "#GP");
}

BOOST_AUTO_TEST_CASE(an_apic_without_eoi_suppression_has_no_bit_for_it) {
    LapicOptions options;
    options.eoi_suppression = false;
    GuestLapic guest(0, options);
    BOOST_TEST(guest.get(lapic::version) == 0x0006'0014);
    guest.put(lapic::svr, 0x11FF);
    BOOST_TEST(guest.get(lapic::svr) == 0x1FF);
    GuestLapic x2apic = GuestLapic::in_x2apic_mode(0, options);
    BOOST_TEST(x2apic.wrmsr(0x80F, 0x11FF) == "#GP");
}

BOOST_AUTO_TEST_CASE(an_apic_without_tsc_deadline_has_one_bit_of_timer_mode) {
    LapicOptions options;
    options.tsc_deadline = false;
    GuestLapic guest(0, options);
    guest.put(lapic::lvt_timer, 0x6'0051);
    BOOST_TEST(guest.get(lapic::lvt_timer) == 0x2'0051);
    BOOST_TEST(!guest.rdmsr(0x6E0));
    BOOST_TEST(guest.wrmsr(0x6E0, 0) == "#GP");
    GuestLapic x2apic = GuestLapic::in_x2apic_mode(0, options);
    BOOST_TEST(x2apic.wrmsr(0x832, 0x4'0051) == "#GP");
}

BOOST_AUTO_TEST_CASE(a_local_apic_lists_its_registers_by_name) {
    GuestLapic guest(5);
    guest.fixed(0x51);
    const auto fields = guest.apic.fields(guest.now);
    BOOST_REQUIRE(fields.size() == lapic_registers.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const LapicRegister& row = lapic_registers[i];
        BOOST_TEST(fields[i].name == row.name);
        if (row.name != "id" && row.name != "eoi") BOOST_TEST(fields[i].value == guest.get(row.offset));
    }
    BOOST_TEST(fields[0].value == 5);
}

BOOST_AUTO_TEST_CASE(a_peek_sees_what_a_guest_reads_and_logs_no_error) {
    GuestLapic guest = GuestLapic::in_x2apic_mode(0x123);
    guest.set(lapic::icr, 0x0000'0045'0000'0700);
    BOOST_TEST(guest.apic.peek(lapic::id, guest.now).value() == 0x123);
    BOOST_TEST(guest.apic.peek(lapic::icr, guest.now).value() == 0x700);
    BOOST_TEST(guest.apic.peek(lapic::icr_high, guest.now).value() == 0x45);
    BOOST_TEST(!guest.apic.peek(lapic::self_ipi, guest.now));
    BOOST_TEST(!guest.apic.peek(0x000, guest.now));
    BOOST_TEST(!guest.apic.peek(0x081, guest.now));
    BOOST_TEST(guest.errors() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
