#include "irqchip/arm64/gicv2_registers.hpp"

#include <boost/test/unit_test.hpp>

#include "irqchip/arm64/gicv2.hpp"
#include "tests/irqchip/gic_fixture.hpp"
#include "tests/irqchip/gic_rows.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

/// 64 SPIs: INTIDs 0 to 95.
constexpr std::uint32_t last_bits = 2;
constexpr std::uint32_t last_bytes = 23;
constexpr std::uint32_t last_configs = 5;

/// IHI 0048B.b, table 4-1. INTIDs 0 to 31 have rows of their own below, where they behave differently.
const GicRow distributor_sheet[] = {
    {{0x000, "GICD_CTLR", rw, 0, 3, 32, 1, 4}},
    {{0x004, "GICD_TYPER", ro, 0, 0, 32, 1, 4}},
    {{0x008, "GICD_IIDR", ro, 0x4B00'343B, 0, 32, 1, 4}},
    {{0x080, "GICD_IGROUPR", rw, 0, all_ones, 32, 32, 4}, Kind::state, false, 0, last_bits},
    {{0x100, "GICD_ISENABLER", rw, 0, all_ones, 32, 32, 4}, Kind::set, false, 0, last_bits, 1},
    {{0x180, "GICD_ICENABLER", rw, 0, all_ones, 32, 32, 4}, Kind::clear, false, 0, last_bits, 1},
    {{0x200, "GICD_ISPENDR", rw, 0, all_ones, 32, 32, 4}, Kind::set, false, 0, last_bits, 1},
    {{0x280, "GICD_ICPENDR", rw, 0, all_ones, 32, 32, 4}, Kind::clear, false, 0, last_bits, 1},
    {{0x300, "GICD_ISACTIVER", rw, 0, all_ones, 32, 32, 4}, Kind::set, false, 0, last_bits},
    {{0x380, "GICD_ICACTIVER", rw, 0, all_ones, 32, 32, 4}, Kind::clear, false, 0, last_bits},
    {{0x400, "GICD_IPRIORITYR", rw, 0, all_ones, 32, 255, 4}, Kind::state, true, 0, last_bytes},
    {{0x800, "GICD_ITARGETSR", rw, 0, all_ones, 32, 255, 4}, Kind::state, true, 0, last_bytes, 8},
    {{0xC00, "GICD_ICFGR", rw, 0, 0xAAAA'AAAA, 32, 64, 4}, Kind::state, false, 0, last_configs, 2},
    {{0xF00, "GICD_SGIR", wo, 0, 0x03FF'000F, 32, 1, 4}, Kind::command},
    {{0xF10, "GICD_CPENDSGIR", rw, 0, all_ones, 32, 4, 4}, Kind::clear, true},
    {{0xF20, "GICD_SPENDSGIR", rw, 0, all_ones, 32, 4, 4}, Kind::set, true},
    {{0xFE8, "ICPIDR2", ro, 0x2B, 0, 32, 1, 4}},
};

/// Table 4-2.
const GicRow cpu_sheet[] = {
    {{0x0000, "GICC_CTLR", rw, 0, 0x21F, 32, 1, 4}},
    {{0x0004, "GICC_PMR", rw, 0, 0xFF, 32, 1, 4}},
    {{0x0008, "GICC_BPR", rw, 2, 7, 32, 1, 4}},
    {{0x000C, "GICC_IAR", ro, 1023, 0, 32, 1, 4}},
    {{0x0010, "GICC_EOIR", wo, 0, 0x1FFF, 32, 1, 4}, Kind::command},
    {{0x0014, "GICC_RPR", ro, 0xFF, 0, 32, 1, 4}},
    {{0x0018, "GICC_HPPIR", ro, 1023, 0, 32, 1, 4}},
    {{0x001C, "GICC_ABPR", rw, 3, 7, 32, 1, 4}},
    {{0x0020, "GICC_AIAR", ro, 1023, 0, 32, 1, 4}},
    {{0x0024, "GICC_AEOIR", wo, 0, 0x1FFF, 32, 1, 4}, Kind::command},
    {{0x0028, "GICC_AHPPIR", ro, 1023, 0, 32, 1, 4}},
    {{0x00D0, "GICC_APR", rw, 0, all_ones, 32, 4, 4}, Kind::state, false, 0, 0},
    {{0x00E0, "GICC_NSAPR", rw, 0, all_ones, 32, 4, 4}, Kind::state, false, 0, 0},
    {{0x00FC, "GICC_IIDR", ro, 0x04B2'043B, 0, 32, 1, 4}},
    {{0x1000, "GICC_DIR", wo, 0, 0x1FFF, 32, 1, 4}, Kind::command},
};

/// Rows whose values go by what the chip has: 64 SPIs, eight CPUs, five priority bits.
template <std::size_t count>
std::vector<GicRow> as_implemented(const GicRow (&sheet)[count]) {
    std::vector<GicRow> rows;
    for (GicRow row : sheet) {
        if (row.info.offset == gicd::typer && row.info.name == "GICD_TYPER") row.info.reset = 7 << 5 | 2;
        if (row.info.name == "GICD_IPRIORITYR") row.info.writable = 0xF8F8'F8F8;
        if (row.info.name == "GICC_PMR") row.info.writable = 0xF8;
        // 4.4.3: values below the minimum are the minimum; a test of their own below.
        if (row.info.name == "GICC_BPR" || row.info.name == "GICC_ABPR") continue;
        // Sets of sources: their set and clear registers are not 0x80 apart.
        if (row.info.name == "GICD_CPENDSGIR") continue;
        rows.push_back(row);
    }
    return rows;
}

constexpr Gicv2Options eight_cpus{8, 64, 5, 3};

struct Distributor {
    Gicv2 gic{eight_cpus};
    std::uint64_t read(std::uint32_t offset, unsigned size) { return gic.read_distributor(0, offset, size); }
    void write(std::uint32_t offset, unsigned size, std::uint64_t value) {
        gic.write_distributor(0, offset, size, value);
    }
    friend bool operator==(const Distributor&, const Distributor&) = default;
};

struct Interface {
    Gicv2 gic{eight_cpus};
    std::uint64_t read(std::uint32_t offset, unsigned size) {
        return gic.read_cpu_interface(7, offset, size);
    }
    void write(std::uint32_t offset, unsigned size, std::uint64_t value) {
        static_cast<void>(gic.write_cpu_interface(7, offset, size, value));
    }
    friend bool operator==(const Interface&, const Interface&) = default;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(gicv2_registers)

BOOST_AUTO_TEST_CASE(the_tables_say_what_the_manual_says) {
    check_gic_table(gicv2_distributor_registers, distributor_sheet);
    check_gic_table(gicv2_cpu_registers, cpu_sheet);
    const FieldRow ctlr[] = {{"eoi_mode", 9, 9, rw},      {"common_binary_point", 4, 4, rw},
                             {"fiq_enable", 3, 3, rw},    {"acknowledge_control", 2, 2, rw},
                             {"enable_group1", 1, 1, rw}, {"enable_group0", 0, 0, rw}};
    check_fields(field_table<GiccCtlr>(), ctlr);
    const FieldRow sgir[] = {{"filter", 25, 24, wo}, {"targets", 23, 16, wo}, {"intid", 3, 0, wo}};
    check_fields(field_table<GicdSgir>(), sgir);
    const FieldRow typer[] = {
        {"lockable_spis", 15, 11, ro}, {"security", 10, 10, ro}, {"cpus", 7, 5, ro}, {"lines", 4, 0, ro}};
    check_fields(field_table<GicdTyperV2>(), typer);
}

BOOST_AUTO_TEST_CASE(every_register_resets_and_lets_only_its_writable_bits_change) {
    check_behaviour(as_implemented(distributor_sheet), [] { return Distributor{}; });
    check_behaviour(as_implemented(cpu_sheet), [] { return Interface{}; });
}

BOOST_AUTO_TEST_CASE(accesses_of_a_wrong_size_or_alignment_do_nothing) {
    check_widths(as_implemented(distributor_sheet), [] { return Distributor{}; });
    check_widths(as_implemented(cpu_sheet), [] { return Interface{}; });
}

BOOST_AUTO_TEST_CASE(registers_of_sgis_and_ppis_are_partly_fixed) {
    Distributor chip;
    chip.write(gicd::icenabler, 4, all_ones);
    BOOST_TEST(Distributor{}.read(gicd::isenabler, 4) == 0xFFFF);
    BOOST_TEST(chip.read(gicd::isenabler, 4) == 0);
    chip.write(gicd::isenabler, 4, all_ones);
    BOOST_TEST(chip.read(gicd::isenabler, 4) == all_ones);
    chip.write(gicd::ispendr, 4, all_ones);
    BOOST_TEST(chip.read(gicd::ispendr, 4) == 0xFFFF'0000);
    chip.write(gicd::icpendr, 4, 0x7FFF'FFFF);
    BOOST_TEST(chip.read(gicd::ispendr, 4) == 0x8000'0000);
    for (const std::uint32_t written : {0U, all_ones}) {
        chip.write(gicd::icfgr, 4, written);
        chip.write(gicd::icfgr + 4, 4, written);
        BOOST_TEST(chip.read(gicd::icfgr, 4) == 0xAAAA'AAAA);
        BOOST_TEST(chip.read(gicd::icfgr + 4, 4) == 0);
    }
}

BOOST_AUTO_TEST_CASE(targets_of_sgis_and_ppis_are_the_reader) {
    GuestGicv2 guest(eight_cpus);
    for (unsigned cpu = 0; cpu < 8; ++cpu) {
        guest.put(gicd::itargetsr + 28, all_ones, cpu);
        BOOST_TEST(guest.get(gicd::itargetsr + 28, cpu) == 0x0101'0101U << cpu);
    }
}

BOOST_AUTO_TEST_CASE(sets_of_cpus_have_only_cpus_that_exist) {
    GuestGicv2 guest({3, 64, 5, 3});
    guest.put(gicd::itargetsr + 40, all_ones);
    BOOST_TEST(guest.get(gicd::itargetsr + 40) == 0x0707'0707);
    guest.put(gicd::spendsgir, all_ones, 1);
    BOOST_TEST(guest.get(gicd::cpendsgir, 1) == 0x0707'0707);
    BOOST_TEST(guest.get(gicd::cpendsgir, 0) == 0);
    guest.put(gicd::cpendsgir, 0x0005'0000, 1);
    BOOST_TEST(guest.get(gicd::spendsgir, 1) == 0x0702'0707);
}

BOOST_AUTO_TEST_CASE(binary_points_start_at_their_minimum_and_stay_above_it) {
    for (unsigned value = 0; value < 16; ++value) {
        Interface chip;
        BOOST_TEST(chip.read(gicc::bpr, 4) == 2);
        BOOST_TEST(chip.read(gicc::abpr, 4) == 3);
        chip.write(gicc::bpr, 4, value);
        chip.write(gicc::abpr, 4, value);
        BOOST_TEST(chip.read(gicc::bpr, 4) == std::max(2U, value % 8));
        BOOST_TEST(chip.read(gicc::abpr, 4) == std::max(3U, value % 8));
    }
}

BOOST_AUTO_TEST_CASE(the_last_spis_stop_short_of_the_special_intids) {
    GuestGicv2 guest({1, 988, 5, 3});
    BOOST_TEST((guest.get(gicd::typer) & 31) == 31);
    for (const std::uint32_t registers : {gicd::igroupr, gicd::isenabler, gicd::ispendr, gicd::isactiver}) {
        guest.put(registers + 31 * 4, all_ones);
        BOOST_TEST(guest.get(registers + 31 * 4) == 0x0FFF'FFFF);
    }
    guest.put(gicd::icfgr + 63 * 4, all_ones);
    BOOST_TEST(guest.get(gicd::icfgr + 63 * 4) == 0x00AA'AAAA);
    guest.put(gicd::ipriorityr + 1016, all_ones);
    BOOST_TEST(guest.get(gicd::ipriorityr + 1016) == 0xF8F8'F8F8);
    guest.put(gicd::ipriorityr + 1020, all_ones);
    BOOST_TEST(guest.get(gicd::ipriorityr + 1020) == 0);
}

BOOST_AUTO_TEST_CASE(the_revision_goes_by_the_options) {
    GuestGicv2 guest({1, 64, 5, 2});
    BOOST_TEST(guest.get(gicd::iidr) == 0x4B00'243B);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
