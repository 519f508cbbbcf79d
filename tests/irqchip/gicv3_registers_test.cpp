#include <boost/test/unit_test.hpp>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "tests/irqchip/gic_fixture.hpp"
#include "tests/irqchip/gic_rows.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

constexpr auto ro = Access::read_only;
constexpr auto rw = Access::read_write;
constexpr auto wo = Access::write_only;

constexpr std::uint64_t pages = 0x000F'FFFF'FFFF'F000;

/// IHI 0069, the register map of the distributor; 64 SPIs: INTIDs 32 to 95.
const GicRow distributor_sheet[] = {
    {{0x0000, "GICD_CTLR", rw, 0x50, 3, 32, 1, 4}},
    {{0x0004, "GICD_TYPER", ro, 0, 0, 32, 1, 4}},
    {{0x0008, "GICD_IIDR", ro, 0x4B00'343B, 0, 32, 1, 4}},
    {{0x000C, "GICD_TYPER2", ro, 0, 0, 32, 1, 4}},
    {{0x0080, "GICD_IGROUPR", rw, 0, all_ones, 32, 32, 4}, Kind::state, false, 1, 2},
    {{0x0100, "GICD_ISENABLER", rw, 0, all_ones, 32, 32, 4}, Kind::set, false, 1, 2},
    {{0x0180, "GICD_ICENABLER", rw, 0, all_ones, 32, 32, 4}, Kind::clear, false, 1, 2},
    {{0x0200, "GICD_ISPENDR", rw, 0, all_ones, 32, 32, 4}, Kind::set, false, 1, 2},
    {{0x0280, "GICD_ICPENDR", rw, 0, all_ones, 32, 32, 4}, Kind::clear, false, 1, 2},
    {{0x0300, "GICD_ISACTIVER", rw, 0, all_ones, 32, 32, 4}, Kind::set, false, 1, 2},
    {{0x0380, "GICD_ICACTIVER", rw, 0, all_ones, 32, 32, 4}, Kind::clear, false, 1, 2},
    {{0x0400, "GICD_IPRIORITYR", rw, 0, all_ones, 32, 255, 4}, Kind::state, true, 8, 23},
    {{0x0C00, "GICD_ICFGR", rw, 0, 0xAAAA'AAAA, 32, 64, 4}, Kind::state, false, 2, 5},
    {{0x6100, "GICD_IROUTER", rw, 0, 0xFF'80FF'FFFF, 64, 988, 8}, Kind::state, false, 0, 63},
    {{0xFFE8, "GICD_PIDR2", ro, 0x3B, 0, 32, 1, 4}},
};

/// The register map of the redistributor, RD_base and SGI_base.
const GicRow redistributor_sheet[] = {
    {{0x00000, "GICR_CTLR", rw, 6, 0x0300'0001, 32, 1, 4}},
    {{0x00004, "GICR_IIDR", ro, 0x4B00'043B, 0, 32, 1, 4}},
    {{0x00008, "GICR_TYPER", ro, 0, 0, 64, 1, 8}},
    {{0x00014, "GICR_WAKER", ro, 0, 0, 32, 1, 4}},
    {{0x00070, "GICR_PROPBASER", rw, 0x580, 0x0700'0000'0000'0F9F | pages, 64, 1, 8}},
    {{0x00078, "GICR_PENDBASER", rw, 0x580, 0x4700'0000'0000'0F80 | (pages & ~0xF000ULL), 64, 1, 8}},
    {{0x000A0, "GICR_INVLPIR", wo, 0, all_ones, 64, 1, 8}, Kind::command},
    {{0x000B0, "GICR_INVALLR", wo, 0, all_ones, 64, 1, 8}, Kind::command},
    {{0x000C0, "GICR_SYNCR", ro, 0, 0, 32, 1, 4}},
    {{0x0FFE8, "GICR_PIDR2", ro, 0x3B, 0, 32, 1, 4}},
    {{0x10080, "GICR_IGROUPR0", rw, 0, all_ones, 32, 1, 4}},
    {{0x10100, "GICR_ISENABLER0", rw, 0, all_ones, 32, 1, 4}, Kind::set},
    {{0x10180, "GICR_ICENABLER0", rw, 0, all_ones, 32, 1, 4}, Kind::clear},
    {{0x10200, "GICR_ISPENDR0", rw, 0, all_ones, 32, 1, 4}, Kind::set},
    {{0x10280, "GICR_ICPENDR0", rw, 0, all_ones, 32, 1, 4}, Kind::clear},
    {{0x10300, "GICR_ISACTIVER0", rw, 0, all_ones, 32, 1, 4}, Kind::set},
    {{0x10380, "GICR_ICACTIVER0", rw, 0, all_ones, 32, 1, 4}, Kind::clear},
    {{0x10400, "GICR_IPRIORITYR", rw, 0, all_ones, 32, 8, 4}, Kind::state, true},
    {{0x10C00, "GICR_ICFGR", rw, 0, 0xAAAA'AAAA, 32, 2, 4}},
};

/// The system register map: S3_0_C4_C6_0 is 0xC230.
const GicRow sysreg_sheet[] = {
    {{0xC230, "ICC_PMR_EL1", rw, 0, 0xFF, 64}},
    {{0xC640, "ICC_IAR0_EL1", ro, 1023, 0, 64}},
    {{0xC641, "ICC_EOIR0_EL1", wo, 0, 0xFF'FFFF, 64}},
    {{0xC642, "ICC_HPPIR0_EL1", ro, 1023, 0, 64}},
    {{0xC643, "ICC_BPR0_EL1", rw, 2, 7, 64}},
    {{0xC644, "ICC_AP0R_EL1", rw, 0, all_ones, 64, 4}, Kind::state, false, 0, 0},
    {{0xC648, "ICC_AP1R_EL1", rw, 0, all_ones, 64, 4}, Kind::state, false, 0, 0},
    {{0xC659, "ICC_DIR_EL1", wo, 0, 0xFF'FFFF, 64}},
    {{0xC65B, "ICC_RPR_EL1", ro, 0xFF, 0, 64}},
    {{0xC65D, "ICC_SGI1R_EL1", wo, 0, 0x00FF'01FF'0FFF'FFFF, 64}},
    {{0xC65E, "ICC_ASGI1R_EL1", wo, 0, 0x00FF'01FF'0FFF'FFFF, 64}},
    {{0xC65F, "ICC_SGI0R_EL1", wo, 0, 0x00FF'01FF'0FFF'FFFF, 64}},
    {{0xC660, "ICC_IAR1_EL1", ro, 1023, 0, 64}},
    {{0xC661, "ICC_EOIR1_EL1", wo, 0, 0xFF'FFFF, 64}},
    {{0xC662, "ICC_HPPIR1_EL1", ro, 1023, 0, 64}},
    {{0xC663, "ICC_BPR1_EL1", rw, 3, 7, 64}},
    {{0xC664, "ICC_CTLR_EL1", rw, 0x400, 3, 64}},
    {{0xC665, "ICC_SRE_EL1", rw, 7, 0, 64}},
    {{0xC666, "ICC_IGRPEN0_EL1", rw, 0, 1, 64}},
    {{0xC667, "ICC_IGRPEN1_EL1", rw, 0, 1, 64}},
};

/// Rows whose values go by what the chip has: 64 SPIs, LPIs, five priority bits, two CPUs.
template <std::size_t count>
std::vector<GicRow> as_implemented(const GicRow (&sheet)[count]) {
    std::vector<GicRow> rows;
    for (GicRow row : sheet) {
        RegisterInfo& info = row.info;
        if (info.name == "GICD_TYPER") info.reset = 15U << 19 | 1U << 17 | 2;
        if (info.name == "GICD_IGROUPR" || info.name == "GICR_IGROUPR0") info.reset = all_ones;
        if (info.name == "GICD_IPRIORITYR" || info.name == "GICR_IPRIORITYR") info.writable = 0xF8F8'F8F8;
        if (info.name == "GICD_IROUTER") info.writable = 0x80FF'FFFF;
        if (info.name == "GICR_TYPER") info.reset = std::uint64_t{0x030201} << 32 | 1U << 8 | 1U << 4 | 1;
        if (info.name == "GICR_CTLR") info.writable = 1;
        // What may be said of a table has tests of its own.
        if (info.name == "GICR_PROPBASER" || info.name == "GICR_PENDBASER") continue;
        // SGIs are enabled; what is configured is fixed.
        if (info.name == "GICR_ISENABLER0" || info.name == "GICR_ICENABLER0") info.reset = 0xFFFF;
        if (info.name == "GICR_ICFGR") continue;
        if (info.name == "ICC_PMR_EL1") info.writable = 0xF8;
        rows.push_back(row);
    }
    return rows;
}

Gicv3Options two_cpus() {
    Gicv3Options options;
    options.cpus = {0, 0x03'0201};
    return options;
}

/// What GICR_PROPBASER or GICR_PENDBASER reads after a write: see vgic_sanitise_*() in KVM.
std::uint64_t as_kvm_keeps_it(std::uint32_t offset, std::uint64_t value) {
    std::uint64_t kept = value & (offset == 0x70 ? 0x070F'FFFF'FFFF'FF9F : 0x070F'FFFF'FFFF'0F80);
    if ((kept >> 10 & 3) == 2) kept = (kept & ~0xC00ULL) | 0x400;
    if ((kept >> 7 & 7) < 2) kept = (kept & ~0x380ULL) | 0x180;
    if ((kept >> 56 & 7) > 1) kept = (kept & ~(7ULL << 56)) | 1ULL << 56;
    return kept;
}

struct Distributor {
    Gicv3 gic{two_cpus()};
    std::uint64_t read(std::uint32_t offset, unsigned size) { return gic.read_distributor(offset, size); }
    void write(std::uint32_t offset, unsigned size, std::uint64_t value) {
        gic.write_distributor(offset, size, value);
    }
    friend bool operator==(const Distributor&, const Distributor&) = default;
};

struct Redistributor {
    Gicv3 gic{two_cpus()};
    std::uint64_t read(std::uint32_t offset, unsigned size) {
        return gic.read_redistributor(1, offset, size);
    }
    void write(std::uint32_t offset, unsigned size, std::uint64_t value) {
        static_cast<void>(gic.write_redistributor(1, offset, size, value));
    }
    friend bool operator==(const Redistributor&, const Redistributor&) = default;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(gicv3_registers)

BOOST_AUTO_TEST_CASE(the_tables_say_what_the_manual_says) {
    check_gic_table(gic_distributor_registers, distributor_sheet);
    check_gic_table(gic_redistributor_registers, redistributor_sheet);
    BOOST_REQUIRE(icc_registers.size() == std::size(sysreg_sheet));
    for (std::size_t i = 0; i < icc_registers.size(); ++i)
        check_row(icc_registers[i].info, sysreg_sheet[i].info);
    const FieldRow typer[] = {{"range_selector", 26, 26, ro},
                              {"no_one_of_n", 25, 25, ro},
                              {"affinity3", 24, 24, ro},
                              {"id_bits", 23, 19, ro},
                              {"direct_virtual_lpis", 18, 18, ro},
                              {"lpis", 17, 17, ro},
                              {"message_spis", 16, 16, ro},
                              {"lpi_count", 15, 11, ro},
                              {"security", 10, 10, ro},
                              {"cpus", 7, 5, ro},
                              {"lines", 4, 0, ro}};
    check_fields(field_table<GicdTyper>(), typer);
    const FieldRow sgi[] = {{"aff3", 55, 48, wo},  {"all_others", 40, 40, wo}, {"aff2", 39, 32, wo},
                            {"intid", 27, 24, wo}, {"aff1", 23, 16, wo},       {"targets", 15, 0, wo}};
    check_fields(field_table<IccSgi>(), sgi);
    const FieldRow redistributor[] = {{"affinity", 63, 32, ro},   {"common_lpi_affinity", 25, 24, ro},
                                      {"cpu", 23, 8, ro},         {"stay_out", 5, 5, ro},
                                      {"last", 4, 4, ro},         {"direct_lpis", 3, 3, ro},
                                      {"virtual_lpis", 1, 1, ro}, {"lpis", 0, 0, ro}};
    check_fields(field_table<GicrTyper>(), redistributor);
}

BOOST_AUTO_TEST_CASE(every_register_in_memory_resets_and_lets_only_its_writable_bits_change) {
    check_behaviour(as_implemented(distributor_sheet), [] { return Distributor{}; });
    check_behaviour(as_implemented(redistributor_sheet), [] { return Redistributor{}; });
}

BOOST_AUTO_TEST_CASE(accesses_of_a_wrong_size_or_alignment_do_nothing) {
    check_widths(as_implemented(distributor_sheet), [] { return Distributor{}; });
    check_widths(as_implemented(redistributor_sheet), [] { return Redistributor{}; });
}

BOOST_AUTO_TEST_CASE(every_system_register_resets_and_lets_only_its_writable_bits_change) {
    for (const GicRow& row : as_implemented(sysreg_sheet)) {
        for (std::uint32_t i = 0; i < row.info.count; ++i) {
            BOOST_TEST_CONTEXT(row.info << ", number " << i) {
                const std::uint32_t number = row.info.offset + i;
                Gicv3 gic(two_cpus());
                const auto value = gic.read_sysreg(1, number);
                const bool readable = row.exists(i) && row.info.access != wo;
                BOOST_TEST(value.has_value() == readable);
                if (readable) BOOST_TEST(*value == row.info.reset);
                const bool writable = row.exists(i) && row.info.access != ro;
                BOOST_TEST(gic.write_sysreg(1, number, ~std::uint64_t{0}).has_value() == writable);
                if (!readable || !writable) continue;
                BOOST_TEST(gic.read_sysreg(1, number).value() == (row.info.reset | row.info.writable));
                // A binary point of zero would be below the minimum.
                const bool minimum = row.info.name == "ICC_BPR0_EL1" || row.info.name == "ICC_BPR1_EL1";
                for (unsigned bit = 0; bit < 64; ++bit) {
                    const std::uint64_t one = std::uint64_t{1} << bit;
                    BOOST_TEST(gic.write_sysreg(1, number, one).has_value());
                    const std::uint64_t kept = row.info.writable & one;
                    BOOST_TEST(gic.read_sysreg(1, number).value() ==
                               (minimum ? std::max(kept, row.info.reset)
                                        : (row.info.reset & ~row.info.writable) | kept));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(other_system_registers_are_undefined) {
    GuestGicv3 guest;
    for (const std::uint32_t number :
         {0U, 0xC22FU, 0xC231U, 0xC63FU, 0xC64CU, 0xC658U, 0xC668U, 0xFFFFU, ~0U}) {
        BOOST_TEST(!guest.gic.read_sysreg(0, number));
        BOOST_TEST(guest.set(number, 0) == "undefined");
    }
}

BOOST_AUTO_TEST_CASE(system_registers_have_names) {
    BOOST_TEST(icc_number("ICC_PMR_EL1").value() == 0xC230);
    BOOST_TEST(icc_number("ICC_AP0R0_EL1").value() == 0xC644);
    BOOST_TEST(icc_number("ICC_AP1R3_EL1").value() == 0xC64B);
    for (const char* name :
         {"", "ICC_AP1R4_EL1", "ICC_AP1R_EL1", "ICC_AP2R1_EL1", "ICC_AP1R1_EL2", "ICC_PMR"})
        BOOST_TEST(!icc_number(name), name);
}

BOOST_AUTO_TEST_CASE(registers_of_lpi_tables_let_only_their_writable_bits_change) {
    for (const std::uint32_t offset : {0x70U, 0x78U}) {
        std::vector<std::uint64_t> values{0, ~0ULL};
        for (unsigned bit = 0; bit < 64; ++bit) values.push_back(1ULL << bit);
        // Every combination of the attributes.
        for (std::uint64_t i = 0; i < 256; ++i)
            values.push_back((i & 7) << 7 | (i >> 3 & 3) << 10 | (i >> 5) << 56);
        for (const std::uint64_t value : values) {
            Redistributor chip;
            chip.write(offset, 8, value);
            const std::uint64_t kept = as_kvm_keeps_it(offset, value);
            BOOST_TEST(chip.read(offset, 8) == kept);
            BOOST_TEST(chip.read(offset, 4) == (kept & all_ones));
            BOOST_TEST(chip.read(offset + 4, 4) == kept >> 32);
            BOOST_TEST(chip.read(offset ^ 8, 8) == 0x580);
        }
    }
}

BOOST_AUTO_TEST_CASE(halves_of_registers_of_lpi_tables_are_written_alone) {
    Redistributor chip;
    chip.write(0x74, 4, 0x0001'2345);
    BOOST_TEST(chip.read(0x70, 8) == 0x0001'2345'0000'0580);
    chip.write(0x70, 4, 0x6789'A58F);
    BOOST_TEST(chip.read(0x70, 8) == 0x0001'2345'6789'A58F);
    const Redistributor before = chip;
    for (const unsigned size : {1U, 2U, 16U}) {
        chip.write(0x70, size, 0);
        BOOST_TEST(chip.read(0x70, size) == 0);
    }
    for (const std::uint32_t offset : {0x72U, 0x74U}) chip.write(offset, 8, ~0ULL);
    BOOST_TEST((chip == before));
}

BOOST_AUTO_TEST_CASE(sgis_are_edge_triggered_and_ppis_level_triggered_for_good) {
    GuestGicv3 guest;
    for (const std::uint32_t written : {0U, all_ones}) {
        guest.put_redistributor(0x10C00, written);
        guest.put_redistributor(0x10C04, written);
        BOOST_TEST(guest.get_redistributor(0x10C00) == 0xAAAA'AAAA);
        BOOST_TEST(guest.get_redistributor(0x10C04) == 0);
    }
}

BOOST_AUTO_TEST_CASE(registers_of_the_other_cpu_stay_as_they_are) {
    GuestGicv3 guest(two_cpus());
    const GicRedistributor before = guest.gic.redistributor(1);
    for (std::uint32_t offset = 0; offset < GicRedistributor::frames_size; offset += 4)
        guest.put_redistributor(offset, all_ones, 0);
    BOOST_TEST((guest.gic.redistributor(1) == before));
}

BOOST_AUTO_TEST_CASE(options_show_in_the_identification_registers) {
    Gicv3Options options = two_cpus();
    options.lpis = options.one_of_n = false;
    options.affinity3 = options.disable_selection = true;
    options.revision = 2;
    options.spis = 988;
    GuestGicv3 guest(options);
    BOOST_TEST(guest.get(gicd3::typer) == (1U << 25 | 1U << 24 | 9U << 19 | 31));
    BOOST_TEST(guest.get(gicd3::iidr) == 0x4B00'243B);
    BOOST_TEST(guest.get_redistributor(gicr::typer, 0, 8) == 0x20);
    BOOST_TEST(guest.get_redistributor(gicr::typer, 1, 8) == 0x0003'0201'0000'0130);
    BOOST_TEST(guest.get_redistributor(gicr::typer, 1) == 0x130);
    BOOST_TEST(guest.get_redistributor(gicr::typer + 4, 1) == 0x03'0201);
    BOOST_TEST(guest.reg(icc::ctlr) == (1U << 15 | 4U << 8));
    Gicv3Options more;
    more.lpi_id_bits = 17;
    BOOST_TEST(GuestGicv3(more).get(gicd3::typer) == (16U << 19 | 1U << 17 | 2));
    BOOST_TEST(GuestGicv3(more).reg(icc::ctlr) == (1U << 11 | 4U << 8));
    more.lpi_id_bits = 14;
    BOOST_TEST(GuestGicv3(more).get(gicd3::typer) == (13U << 19 | 1U << 17 | 2));
    BOOST_TEST(GuestGicv3(more).reg(icc::ctlr) == 4U << 8);
    BOOST_TEST(guest.put_redistributor(gicr::ctlr, all_ones) == "nothing");
    BOOST_TEST(guest.get_redistributor(gicr::ctlr) == 0x0300'0000);
    guest.route(40, ~std::uint64_t{0});
    BOOST_TEST(guest.get(0x6100 + 8 * 8, 8) == 0xFF'00FF'FFFF);
}

BOOST_AUTO_TEST_CASE(a_processor_number_need_not_be_the_index) {
    Gicv3Options options = two_cpus();
    options.processor_numbers = {7, 0x1ff};
    GuestGicv3 guest(options);
    BOOST_TEST((guest.get_redistributor(gicr::typer, 0) >> 8 & 0xFFFF) == 7);
    BOOST_TEST((guest.get_redistributor(gicr::typer, 1) >> 8 & 0xFFFF) == 0x1ff);
}

BOOST_AUTO_TEST_CASE(halves_of_a_route_are_written_one_by_one) {
    Gicv3Options options;
    options.affinity3 = true;
    GuestGicv3 guest(options);
    guest.put(0x6100 + 8 * 8, 0x8012'3456);
    guest.put(0x6104 + 8 * 8, 0x9A);
    BOOST_TEST(guest.get(0x6100 + 8 * 8, 8) == 0x9A'8012'3456);
    BOOST_TEST(guest.get(0x6104 + 8 * 8) == 0x9A);
    BOOST_TEST(guest.gic.distributor().route(40).raw() == 0x9A'8012'3456);
}

BOOST_AUTO_TEST_CASE(the_last_spis_stop_short_of_the_special_intids) {
    Gicv3Options options;
    options.spis = 988;
    GuestGicv3 guest(options);
    BOOST_TEST(guest.get(0x080 + 31 * 4) == 0x0FFF'FFFF);
    for (const std::uint32_t registers : {0x080U, 0x100U, 0x200U, 0x300U}) {
        guest.put(registers + 31 * 4, all_ones);
        BOOST_TEST(guest.get(registers + 31 * 4) == 0x0FFF'FFFF);
    }
    guest.put(0xC00 + 63 * 4, all_ones);
    BOOST_TEST(guest.get(0xC00 + 63 * 4) == 0x00AA'AAAA);
    guest.put(0x400 + 1016, all_ones);
    BOOST_TEST(guest.get(0x400 + 1016) == 0xF8F8'F8F8);
    guest.route(1019, 0x12);
    BOOST_TEST(guest.get(0x7FD8, 8) == 0x12);
    BOOST_TEST(guest.get(0x7FE0, 8) == 0);
    GuestGicv3 fresh(options);
    fresh.enable(1019);
    fresh.raise(1019);
    BOOST_TEST(fresh.take() == 1019);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
