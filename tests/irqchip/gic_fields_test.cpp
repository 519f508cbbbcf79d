#include "irqchip/arm64/gic_fields.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "irqchip/arm64/gicv3_with_its.hpp"
#include "tests/irqchip/gic_fixture.hpp"
#include "tests/irqchip/its_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

using Table = std::span<const GicRegister>;

const std::pair<std::string_view, Table> tables[] = {
    {"GICv2 distributor", gicv2_distributor_registers},
    {"GICv2 CPU interface", gicv2_cpu_registers},
    {"GICv3 distributor", gic_distributor_registers},
    {"GICv3 redistributor", gic_redistributor_registers},
    {"GICv3 CPU interface", icc_registers},
    {"ITS", its_registers},
};

/// `name hi:lo`, and `ro` or `wo` where it is.
std::string text_of(std::span<const FieldInfo> fields) {
    std::string all;
    for (const FieldInfo& field : fields) {
        const char* access = field.access == Access::read_only    ? " ro"
                             : field.access == Access::write_only ? " wo"
                                                                  : "";
        all += fmt::format("{}{} {}:{}{}", all.empty() ? "" : ", ", field.name, field.hi, field.lo, access);
    }
    return all;
}

struct FieldsRow {
    std::string_view name;
    std::string_view fields;
};

void check(Table table, std::span<const FieldsRow> sheet) {
    BOOST_REQUIRE(table.size() == sheet.size());
    for (std::size_t i = 0; i < sheet.size(); ++i) {
        BOOST_TEST(table[i].info.name == sheet[i].name);
        BOOST_TEST(text_of(table[i].fields) == sheet[i].fields,
                   sheet[i].name << ": " << text_of(table[i].fields));
    }
}

constexpr std::string_view each = "intids 31:0";
constexpr std::string_view priorities = "priority3 31:24, priority2 23:16, priority1 15:8, priority0 7:0";
constexpr std::string_view configs =
    "edge15 31:31, edge14 29:29, edge13 27:27, edge12 25:25, edge11 23:23, edge10 21:21, edge9 19:19, "
    "edge8 17:17, edge7 15:15, edge6 13:13, edge5 11:11, edge4 9:9, edge3 7:7, edge2 5:5, edge1 3:3, "
    "edge0 1:1";
constexpr std::string_view iidr =
    "product 31:24 ro, variant 19:16 ro, revision 15:12 ro, implementer 11:0 ro";
constexpr std::string_view pidr2 = "architecture 7:4 ro, jedec 3:3 ro, designer 2:0 ro";
constexpr std::string_view sources = "sources3 31:24, sources2 23:16, sources1 15:8, sources0 7:0";

/// IHI 0048B.b, 4.3.
const FieldsRow gicv2_distributor_sheet[] = {
    {"GICD_CTLR", "enable_group1 1:1, enable_group0 0:0"},
    {"GICD_TYPER", "lockable_spis 15:11 ro, security 10:10 ro, cpus 7:5 ro, lines 4:0 ro"},
    {"GICD_IIDR", iidr},
    {"GICD_IGROUPR", each},
    {"GICD_ISENABLER", each},
    {"GICD_ICENABLER", each},
    {"GICD_ISPENDR", each},
    {"GICD_ICPENDR", each},
    {"GICD_ISACTIVER", each},
    {"GICD_ICACTIVER", each},
    {"GICD_IPRIORITYR", priorities},
    {"GICD_ITARGETSR", "cpus3 31:24, cpus2 23:16, cpus1 15:8, cpus0 7:0"},
    {"GICD_ICFGR", configs},
    {"GICD_SGIR", "filter 25:24 wo, targets 23:16 wo, intid 3:0 wo"},
    {"GICD_CPENDSGIR", sources},
    {"GICD_SPENDSGIR", sources},
    {"ICPIDR2", pidr2},
};

constexpr std::string_view v2_interrupt = "source 12:10 ro, intid 9:0 ro";
constexpr std::string_view v2_end = "source 12:10 wo, intid 9:0 wo";

/// IHI 0048B.b, 4.4.
const FieldsRow gicv2_cpu_sheet[] = {
    {"GICC_CTLR",
     "eoi_mode 9:9, common_binary_point 4:4, fiq_enable 3:3, acknowledge_control 2:2, enable_group1 1:1, "
     "enable_group0 0:0"},
    {"GICC_PMR", "priority 7:0"},
    {"GICC_BPR", "binary_point 2:0"},
    {"GICC_IAR", v2_interrupt},
    {"GICC_EOIR", v2_end},
    {"GICC_RPR", "priority 7:0 ro"},
    {"GICC_HPPIR", v2_interrupt},
    {"GICC_ABPR", "binary_point 2:0"},
    {"GICC_AIAR", v2_interrupt},
    {"GICC_AEOIR", v2_end},
    {"GICC_AHPPIR", v2_interrupt},
    {"GICC_APR", "levels 31:0"},
    {"GICC_NSAPR", "levels 31:0"},
    {"GICC_IIDR", "product 31:20 ro, architecture 19:16 ro, revision 15:12 ro, implementer 11:0 ro"},
    {"GICC_DIR", v2_end},
};

/// IHI 0069, the descriptions of GICD_*.
const FieldsRow distributor_sheet[] = {
    {"GICD_CTLR",
     "write_pending 31:31 ro, security_disabled 6:6 ro, affinity_routing 4:4 ro, enable_group1 1:1, "
     "enable_group0 0:0"},
    {"GICD_TYPER",
     "range_selector 26:26 ro, no_one_of_n 25:25 ro, affinity3 24:24 ro, id_bits 23:19 ro, "
     "direct_virtual_lpis 18:18 ro, lpis 17:17 ro, message_spis 16:16 ro, lpi_count 15:11 ro, "
     "security 10:10 ro, cpus 7:5 ro, lines 4:0 ro"},
    {"GICD_IIDR", iidr},
    {"GICD_TYPER2", "no_active_sgis 8:8 ro"},
    {"GICD_IGROUPR", each},
    {"GICD_ISENABLER", each},
    {"GICD_ICENABLER", each},
    {"GICD_ISPENDR", each},
    {"GICD_ICPENDR", each},
    {"GICD_ISACTIVER", each},
    {"GICD_ICACTIVER", each},
    {"GICD_IPRIORITYR", priorities},
    {"GICD_ICFGR", configs},
    {"GICD_IROUTER", "aff3 39:32, any 31:31, aff2_to_0 23:0"},
    {"GICD_PIDR2", pidr2},
};

/// IHI 0069, the descriptions of GICR_*.
const FieldsRow redistributor_sheet[] = {
    {"GICR_CTLR",
     "upstream_write_pending 31:31 ro, stay_out_group1 25:25, stay_out_group0 24:24, write_pending 3:3 ro, "
     "invalidate_registers 2:2 ro, clear_enable 1:1 ro, enable_lpis 0:0"},
    {"GICR_IIDR", iidr},
    {"GICR_TYPER",
     "affinity 63:32 ro, common_lpi_affinity 25:24 ro, cpu 23:8 ro, stay_out 5:5 ro, last 4:4 ro, "
     "direct_lpis 3:3 ro, virtual_lpis 1:1 ro, lpis 0:0 ro"},
    {"GICR_WAKER", "children_asleep 2:2 ro, processor_sleep 1:1 ro"},
    {"GICR_PROPBASER", "outer_cache 58:56, address 51:12, shareability 11:10, inner_cache 9:7, id_bits 4:0"},
    {"GICR_PENDBASER",
     "pending_table_zero 62:62 wo, outer_cache 58:56, address 51:16, shareability 11:10, inner_cache 9:7"},
    {"GICR_INVLPIR", "intid 31:0 wo"},
    {"GICR_INVALLR", "any 31:0 wo"},
    {"GICR_SYNCR", "busy 0:0 ro"},
    {"GICR_PIDR2", pidr2},
    {"GICR_IGROUPR0", each},
    {"GICR_ISENABLER0", each},
    {"GICR_ICENABLER0", each},
    {"GICR_ISPENDR0", each},
    {"GICR_ICPENDR0", each},
    {"GICR_ISACTIVER0", each},
    {"GICR_ICACTIVER0", each},
    {"GICR_IPRIORITYR", priorities},
    {"GICR_ICFGR", configs},
};

constexpr std::string_view sgi =
    "aff3 55:48 wo, all_others 40:40 wo, aff2 39:32 wo, intid 27:24 wo, aff1 23:16 wo, targets 15:0 wo";

/// IHI 0069, the descriptions of ICC_*_EL1.
const FieldsRow icc_sheet[] = {
    {"ICC_PMR_EL1", "priority 7:0"},
    {"ICC_IAR0_EL1", "intid 23:0 ro"},
    {"ICC_EOIR0_EL1", "intid 23:0 wo"},
    {"ICC_HPPIR0_EL1", "intid 23:0 ro"},
    {"ICC_BPR0_EL1", "binary_point 2:0"},
    {"ICC_AP0R_EL1", "levels 31:0"},
    {"ICC_AP1R_EL1", "levels 31:0"},
    {"ICC_DIR_EL1", "intid 23:0 wo"},
    {"ICC_RPR_EL1", "priority 7:0 ro"},
    {"ICC_SGI1R_EL1", sgi},
    {"ICC_ASGI1R_EL1", sgi},
    {"ICC_SGI0R_EL1", sgi},
    {"ICC_IAR1_EL1", "intid 23:0 ro"},
    {"ICC_EOIR1_EL1", "intid 23:0 wo"},
    {"ICC_HPPIR1_EL1", "intid 23:0 ro"},
    {"ICC_BPR1_EL1", "binary_point 2:0"},
    {"ICC_CTLR_EL1",
     "range_selector 18:18 ro, affinity3 15:15 ro, local_serrors 14:14 ro, id_bits 13:11 ro, "
     "priority_bits 10:8 ro, mask_hint 6:6 ro, eoi_mode 1:1, common_binary_point 0:0"},
    {"ICC_SRE_EL1", "disable_irq_bypass 2:2 ro, disable_fiq_bypass 1:1 ro, system_registers 0:0 ro"},
    {"ICC_IGRPEN0_EL1", "enabled 0:0"},
    {"ICC_IGRPEN1_EL1", "enabled 0:0"},
};

constexpr std::string_view baser =
    "valid 63:63, indirect 62:62, inner_cache 61:59, type 58:56 ro, outer_cache 55:53, entry_size 52:48 ro, "
    "address 47:12, shareability 11:10, page_size 9:8 ro, size 7:0";
constexpr std::string_view id = "value 7:0 ro";

/// IHI 0069, the descriptions of GITS_*.
const FieldsRow its_sheet[] = {
    {"GITS_CTLR", "quiescent 31:31 ro, enabled 0:0"},
    {"GITS_IIDR", iidr},
    {"GITS_TYPER",
     "hardware_collections 31:24 ro, physical_targets 19:19 ro, seis 18:18 ro, device_bits 17:13 ro, "
     "event_bits 12:8 ro, itt_entry_size 7:4 ro, physical_lpis 0:0 ro"},
    {"GITS_CBASER",
     "valid 63:63, inner_cache 61:59, outer_cache 55:53, address 51:16, shareability 11:10, size 7:0"},
    {"GITS_CWRITER", "offset 19:5, retry 0:0 wo"},
    {"GITS_CREADR", "offset 19:5 ro, stalled 0:0 ro"},
    {"GITS_BASER0", baser},
    {"GITS_BASER1", baser},
    {"GITS_BASER2-7", baser},
    {"GITS_PIDR4", id},
    {"GITS_PIDR0", id},
    {"GITS_PIDR1", id},
    {"GITS_PIDR2", id},
    {"GITS_CIDR0", id},
    {"GITS_CIDR1", id},
    {"GITS_CIDR2", id},
    {"GITS_CIDR3", id},
    {"GITS_TRANSLATER", "event 31:0 wo"},
};

std::string text_of(const std::vector<NamedValue>& values) {
    std::string all;
    for (const NamedValue& value : values)
        all += fmt::format("{}{} {:x}", all.empty() ? "" : ", ", value.name, value.value);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gic_fields)

BOOST_AUTO_TEST_CASE(every_field_of_every_register_is_where_the_manual_has_it) {
    check(gicv2_distributor_registers, gicv2_distributor_sheet);
    check(gicv2_cpu_registers, gicv2_cpu_sheet);
    check(gic_distributor_registers, distributor_sheet);
    check(gic_redistributor_registers, redistributor_sheet);
    check(icc_registers, icc_sheet);
    check(its_registers, its_sheet);
}

BOOST_AUTO_TEST_CASE(every_row_follows_from_its_fields_and_lies_beside_the_others) {
    for (const auto& [chip, table] : tables) {
        std::set<std::string_view> names;
        for (const GicRegister& row : table) {
            BOOST_TEST_CONTEXT(chip << ": " << row.info) {
                std::uint64_t all = 0;
                std::uint64_t writable = 0;
                for (const FieldInfo& field : row.fields) {
                    all |= field.mask();
                    if (field.access != Access::read_only) writable |= field.mask();
                }
                BOOST_TEST((row.info.reset & ~all) == 0);
                BOOST_TEST((row.info.writable & ~writable) == 0);
                BOOST_TEST((row.info.access == Access::read_only) ==
                           (row.info.writable == 0 && row.info.name != "ICC_SRE_EL1"));
                BOOST_TEST(names.insert(row.info.name).second);
                BOOST_TEST((row.run.empty() || row.run.size() == row.info.count));
                for (const GicRegister& other : table)
                    if (&other != &row)
                        BOOST_TEST(
                            (other.info.end() <= row.info.offset || row.info.end() <= other.info.offset));
                BOOST_TEST(find_row(table, row.info.name) == (row.run.empty() ? &row : nullptr));
                for (const std::string_view name : row.run) BOOST_TEST(find_row(table, name) == &row);
            }
        }
        BOOST_TEST(find_row(table, "GICD_NOTHING") == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(values_of_registers_are_taken_apart_by_their_fields) {
    const GicRegister* row = find_row(its_registers, "GITS_CWRITER");
    BOOST_REQUIRE(row != nullptr);
    BOOST_TEST(text_of(field_values(*row, 0xFFFF'FFF1)) == "offset 7fff, retry 1");
    BOOST_TEST(text_of(field_values(*row, 0x40)) == "offset 2, retry 0");
}

BOOST_AUTO_TEST_CASE(gicv2_tells_its_registers_and_interrupts) {
    Gicv2Options options;
    options.cpus = 2;
    GuestGicv2 guest(options);
    BOOST_TEST(text_of(guest.gic.distributor_fields(0)) ==
               "GICD_CTLR 3, GICD_TYPER 22, GICD_IIDR 4b00343b, ICPIDR2 2b");
    BOOST_TEST(
        text_of(guest.gic.fields(0, 40)) ==
        "enabled 0, pending 0, active 0, priority 0, trigger 0, group 0, line 0, latched 0, targets 1");
    guest.enable(40);
    guest.edge(40);
    guest.set_group(40, 1);
    guest.priority(40, 0x50);
    guest.targets(40, 3);
    guest.raise(40);
    BOOST_TEST(
        text_of(guest.gic.fields(0, 40)) ==
        "enabled 1, pending 1, active 0, priority 50, trigger 1, group 1, line 1, latched 1, targets 3");
    guest.put(gicd::sgir, 1U << 16 | 5, 1);
    BOOST_TEST(
        text_of(guest.gic.fields(0, 5)) ==
        "enabled 1, pending 1, active 0, priority 0, trigger 1, group 0, line 0, latched 1, sources 2");
    BOOST_TEST(text_of(guest.gic.fields(0, 20)) ==
               "enabled 0, pending 0, active 0, priority 0, trigger 0, group 0, line 0, latched 0");
    const Gicv2 before = guest.gic;
    BOOST_TEST(
        text_of(guest.gic.cpu_interface_fields(0)) ==
        "GICC_CTLR 3, GICC_PMR f8, GICC_BPR 2, GICC_IAR 405, GICC_RPR ff, GICC_HPPIR 405, GICC_ABPR 3, "
        "GICC_AIAR 3ff, GICC_AHPPIR 3ff, GICC_APR0 0, GICC_APR1 0, GICC_APR2 0, GICC_APR3 0, "
        "GICC_NSAPR0 0, GICC_NSAPR1 0, GICC_NSAPR2 0, GICC_NSAPR3 0, GICC_IIDR 4b2043b");
    BOOST_TEST((guest.gic == before));
}

BOOST_AUTO_TEST_CASE(gicv3_tells_its_registers_and_interrupts) {
    GuestGicv3 guest(GuestGicv3::cpus(2));
    BOOST_TEST(text_of(guest.gic.distributor_fields()) ==
               "GICD_CTLR 53, GICD_TYPER 7a0002, GICD_IIDR 4b00343b, GICD_TYPER2 0, GICD_PIDR2 3b");
    guest.put_redistributor(gicr::propbaser, 0x1234'5000, 1, 8);
    guest.set_pending(3, 1);
    BOOST_TEST(
        text_of(guest.gic.redistributor_fields(1)) ==
        "GICR_CTLR 6, GICR_IIDR 4b00043b, GICR_TYPER 100000111, GICR_WAKER 0, GICR_PROPBASER 12345180, "
        "GICR_PENDBASER 580, GICR_SYNCR 0, GICR_PIDR2 3b, GICR_IGROUPR0 ffffffff, "
        "GICR_ISENABLER0 ffff, GICR_ICENABLER0 ffff, GICR_ISPENDR0 8, GICR_ICPENDR0 8, "
        "GICR_ISACTIVER0 0, GICR_ICACTIVER0 0");
    guest.enable(40);
    guest.priority(40, 0x50);
    guest.route(40, 1);
    guest.raise(40);
    BOOST_TEST(text_of(guest.gic.fields(0, 40)) ==
               "enabled 1, pending 1, active 0, priority 50, trigger 0, group 1, line 1, latched 0, route 1");
    BOOST_TEST(guest.take(1) == 3);
    BOOST_TEST(text_of(guest.gic.fields(1, 3)) ==
               "enabled 1, pending 0, active 1, priority 0, trigger 1, group 1, line 0, latched 0");
    const Gicv3 before = guest.gic;
    BOOST_TEST(text_of(guest.gic.cpu_interface_fields(1)) ==
               "ICC_PMR_EL1 f8, ICC_IAR0_EL1 3ff, ICC_HPPIR0_EL1 3ff, ICC_BPR0_EL1 2, ICC_AP0R0_EL1 0, "
               "ICC_AP0R1_EL1 0, ICC_AP0R2_EL1 0, ICC_AP0R3_EL1 0, ICC_AP1R0_EL1 1, ICC_AP1R1_EL1 0, "
               "ICC_AP1R2_EL1 0, ICC_AP1R3_EL1 0, ICC_RPR_EL1 0, ICC_IAR1_EL1 3ff, ICC_HPPIR1_EL1 28, "
               "ICC_BPR1_EL1 3, ICC_CTLR_EL1 400, ICC_SRE_EL1 7, ICC_IGRPEN0_EL1 1, ICC_IGRPEN1_EL1 1");
    BOOST_TEST((guest.gic == before));
}

BOOST_AUTO_TEST_CASE(an_its_tells_its_registers) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(text_of(guest.its.fields()) ==
               "GITS_CTLR 80000001, GITS_IIDR 4b00043b, GITS_TYPER 1ef71, GITS_CBASER 9800000000010000, "
               "GITS_CWRITER 60, GITS_CREADR 60, GITS_BASER0 9907000000020200, "
               "GITS_BASER1 9c07000000040200, GITS_PIDR4 40, GITS_PIDR0 92, GITS_PIDR1 b4, GITS_PIDR2 3b, "
               "GITS_CIDR0 d, GITS_CIDR1 f0, GITS_CIDR2 5, GITS_CIDR3 b1");
}

BOOST_AUTO_TEST_CASE(lpis_are_told_as_far_as_their_configuration_is_known) {
    FlatMemory memory(place::end);
    Gicv3WithIts gic;
    memory.bytes[place::configurations + 8] = 0xA1;
    memory.bytes[place::pending + 8200 / 8] = 1;
    gic.write_redistributor(0, gicr::propbaser, 8, place::configurations | 15, memory);
    gic.write_redistributor(0, gicr::pendbaser, 8, place::pending, memory);
    BOOST_TEST(text_of(gic.fields(0, 8200)) == "enabled 0, pending 0, priority 0");
    gic.write_redistributor(0, gicr::ctlr, 4, 1, memory);
    BOOST_TEST(text_of(gic.fields(0, 8200)) == "enabled 1, pending 1, priority a0");
    BOOST_TEST(text_of(gic.fields(0, 8201)) == "enabled 0, pending 0, priority 0");
    BOOST_TEST((gic.fields(0, 40) == gic.gic().fields(0, 40)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
