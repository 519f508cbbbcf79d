#include "routing/table.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "routing/x86.hpp"

namespace irqbench::routing {

namespace {

using x86::ioapic, x86::pic_master, x86::pic_slave;

constexpr MsiRoute msi{0xfee00000, 0x4051};

RoutingTable of(const std::vector<Entry>& entries) { return RoutingTable(entries); }

RoutingTable filled(std::size_t entries) {
    RoutingTable table;
    for (std::size_t i = 0; i < entries; ++i) table.add(static_cast<Gsi>(i % 4096), msi);
    return table;
}

struct Refused {
    std::string about;
    RoutingTable table;
    RoutingRules rules;
    std::optional<std::size_t> entry;
    std::string reason;

    friend std::ostream& operator<<(std::ostream& out, const Refused& sample) { return out << sample.about; }
};

const std::vector<Refused> refused{
    {"no irqchip, although the table is empty",
     {},
     x86::userspace_rules(),
     {},
     "the machine has no interrupt controller in the kernel"},
    {"4097 entries", filled(4097), x86::kernel_rules(), {}, "4097 entries; KVM takes 4096"},
    {"gsi 4096", of({{0, msi}, {4096, msi}}), x86::kernel_rules(), 1,
     "GSI 4096 is out of range; the last is 4095"},
    {"gsi 0xffffffff", of({{0xffffffff, msi}}), x86::split_rules(), 0,
     "GSI 4294967295 is out of range; the last is 4095"},
    {"a GSI out of range comes before a bad route", of({{3, RawRoute{9}}, {4, msi}, {5000, msi}}),
     x86::kernel_rules(), 2, "GSI 5000 is out of range; the last is 4095"},
    {"unknown type", of({{1, msi}, {7, RawRoute{77}}}), x86::kernel_rules(), 1,
     "GSI 7 -> type 77: unknown type"},
    {"type 0", of({{7, RawRoute{}}}), x86::kernel_rules(), 0, "GSI 7 -> type 0: unknown type"},
    {"flags of a pin", of({{5, PinRoute{ioapic, 5, 1}}}), x86::kernel_rules(), 0,
     "GSI 5 -> ioapic pin 5 flags 0x1: unknown flags 0x1"},
    {"flags of a message", of({{5, MsiRoute{0xfee00000, 0x51, 3, 6}}}), x86::kernel_rules(), 0,
     "GSI 5 -> MSI 0xfee00000 data 0x51 device 0x3 flags 0x6: unknown flags 0x6"},
    {"IOAPIC pin 24", of({{5, PinRoute{ioapic, 24}}}), x86::kernel_rules(), 0,
     "GSI 5 -> ioapic pin 24: the ioapic has pins 0 to 23"},
    {"PIC slave pin 8", of({{9, PinRoute{pic_slave, 8}}}), x86::kernel_rules(), 0,
     "GSI 9 -> pic_slave pin 8: the pic_slave has pins 0 to 7"},
    {"PIC master pin 8", of({{9, PinRoute{pic_master, 8}}}), x86::kernel_rules(), 0,
     "GSI 9 -> pic_master pin 8: the pic_master has pins 0 to 7"},
    {"unknown chip", of({{5, PinRoute{Chip{3}, 0}}}), x86::kernel_rules(), 0,
     "GSI 5 -> chip 3 pin 0: unknown chip"},
    {"a pin with split irqchip", of({{5, PinRoute{ioapic, 5}}}), x86::split_rules(), 0,
     "GSI 5 -> chip 2 pin 5: this machine's kernel has no interrupt controller with pins"},
    {"two messages on one GSI", of({{5, msi}, {5, MsiRoute{0xfee01000, 0x52}}}), x86::split_rules(), 1,
     "GSI 5 -> MSI 0xfee01000 data 0x52: shares its GSI with MSI 0xfee00000 data 0x4051; only pins can share "
     "one"},
    {"a message after a pin", of({{5, PinRoute{ioapic, 5}}, {5, msi}}), x86::kernel_rules(), 1,
     "GSI 5 -> MSI 0xfee00000 data 0x4051: shares its GSI with ioapic pin 5; only pins can share one"},
    {"a pin after a message", of({{5, msi}, {5, PinRoute{ioapic, 5}}}), x86::kernel_rules(), 1,
     "GSI 5 -> ioapic pin 5: shares its GSI with MSI 0xfee00000 data 0x4051; only pins can share one"},
    {"two pins of one chip",
     of({{5, PinRoute{ioapic, 5}}, {5, PinRoute{pic_master, 5}}, {5, PinRoute{ioapic, 6}}}),
     x86::kernel_rules(), 2,
     "GSI 5 -> ioapic pin 6: shares its GSI with ioapic pin 5, a pin of the same chip"},
    {"reserved address bits with wide destinations", of({{5, MsiRoute{0x1'fee00000, 0x51}}}),
     x86::split_rules(true), 0,
     "GSI 5 -> MSI 0x1fee00000 data 0x51: address bits 39:32 are reserved when bits 63:40 extend the "
     "destination "
     "(KVM_CAP_X2APIC_API)"},
};

struct Accepted {
    std::string about;
    RoutingTable table;
    RoutingRules rules;

    friend std::ostream& operator<<(std::ostream& out, const Accepted& sample) { return out << sample.about; }
};

const std::vector<Accepted> accepted{
    {"nothing", {}, x86::kernel_rules()},
    {"nothing, split", {}, x86::split_rules()},
    {"the default table", x86::default_table(), x86::kernel_rules()},
    {"4096 entries", filled(4096), x86::split_rules()},
    {"the last GSI", of({{4095, msi}}), x86::split_rules()},
    {"pins of three chips on one GSI",
     of({{5, PinRoute{ioapic, 23}}, {5, PinRoute{pic_master, 7}}, {5, PinRoute{pic_slave, 7}}}),
     x86::kernel_rules()},
    {"one pin on two GSIs", of({{5, PinRoute{ioapic, 5}}, {6, PinRoute{ioapic, 5}}}), x86::kernel_rules()},
    {"a device id", of({{5, MsiRoute{0xfee00000, 0x51, 3}}}), x86::kernel_rules()},
    {"high address bits without wide destinations", of({{5, MsiRoute{0x1'fee00000, 0x51}}}),
     x86::split_rules()},
    {"a wide destination", of({{5, MsiRoute{0x100'fee2c000, 0x51}}}), x86::split_rules(true)},
    {"a message that no local APIC takes", of({{5, MsiRoute{0, 0xffffffff}}}), x86::kernel_rules()},
};

/// A small table over few GSIs and routes, so that two of them often agree somewhere.
RoutingTable random_table(std::mt19937& random) {
    const std::vector<Route> pool{PinRoute{ioapic, 1}, PinRoute{pic_master, 1}, msi,
                                  MsiRoute{0xfee01000, 0x52, 7}, RawRoute{9, 1, {1, 2, 3, 4}}};
    RoutingTable table;
    for (auto entries = random() % 8; entries > 0; --entries) {
        table.add(static_cast<Gsi>(random() % 5), pool[random() % pool.size()]);
    }
    return table;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(routing_table)

BOOST_AUTO_TEST_CASE(default_table_drives_ioapic_and_pic_below_gsi_16_and_the_ioapic_alone_above) {
    const RoutingTable table = x86::default_table();
    BOOST_TEST(table.size() == 40U);
    BOOST_TEST(table.by_gsi().size() == 24U);
    for (Gsi gsi = 0; gsi < 24; ++gsi) {
        const auto routes = table.routes(gsi);
        BOOST_TEST_CONTEXT("gsi " << gsi) {
            BOOST_TEST_REQUIRE(routes.size() == (gsi < 16 ? 2U : 1U));
            BOOST_CHECK((routes[0] == Route{PinRoute{ioapic, gsi}}));
            if (gsi < 8) BOOST_CHECK((routes[1] == Route{PinRoute{pic_master, gsi}}));
            if (gsi >= 8 && gsi < 16) BOOST_CHECK((routes[1] == Route{PinRoute{pic_slave, gsi - 8}}));
        }
    }
}

BOOST_AUTO_TEST_CASE(set_replaces_add_appends_and_remove_leaves_nothing_behind) {
    RoutingTable table;
    table.add(5, PinRoute{ioapic, 5});
    table.add(5, msi);
    BOOST_CHECK((table.entries() == std::vector<Entry>{{5, PinRoute{ioapic, 5}}, {5, msi}}));
    table.set(5, {PinRoute{pic_master, 5}});
    BOOST_CHECK((table.entries() == std::vector<Entry>{{5, PinRoute{pic_master, 5}}}));
    BOOST_TEST(table.remove(5));
    BOOST_TEST(!table.remove(5));
    BOOST_TEST(table.routes(5).empty());
    BOOST_CHECK(table == RoutingTable());
    table.set(5, {msi});
    table.set(5, {});
    BOOST_CHECK(table == RoutingTable());
}

BOOST_AUTO_TEST_CASE(entries_come_by_ascending_gsi_in_the_order_they_were_added) {
    const RoutingTable table = of({{9, msi}, {2, PinRoute{ioapic, 2}}, {2, PinRoute{pic_master, 2}}});
    BOOST_CHECK((table.entries() ==
                 std::vector<Entry>{{2, PinRoute{ioapic, 2}}, {2, PinRoute{pic_master, 2}}, {9, msi}}));
    BOOST_CHECK(of(table.entries()) == table);
}

BOOST_AUTO_TEST_CASE(a_pin_with_two_gsis_is_acknowledged_by_the_last_one) {
    const RoutingTable table =
        of({{5, PinRoute{ioapic, 5}}, {6, PinRoute{ioapic, 5}}, {7, PinRoute{pic_master, 5}}});
    BOOST_CHECK(table.gsi_of(ioapic, 5) == Gsi{6});
    BOOST_CHECK(table.gsi_of(pic_master, 5) == Gsi{7});
    BOOST_CHECK(!table.gsi_of(ioapic, 6));
}

BOOST_DATA_TEST_CASE(what_the_kernel_refuses_is_refused_with_its_errno_and_a_reason, refused) {
    const auto refusal = validate(sample.table, sample.rules);
    BOOST_TEST_REQUIRE(refusal.has_value());
    BOOST_TEST(refusal->error == EINVAL);
    BOOST_CHECK(refusal->entry == sample.entry);
    BOOST_TEST(refusal->reason == sample.reason);
}

BOOST_DATA_TEST_CASE(what_the_kernel_takes_is_accepted, accepted) {
    const auto refusal = validate(sample.table, sample.rules);
    BOOST_TEST(!refusal.has_value(), (refusal ? refusal->reason : ""));
}

BOOST_AUTO_TEST_CASE(a_table_is_its_own_successor_without_changes) {
    BOOST_TEST(diff(x86::default_table(), x86::default_table()).empty());
}

BOOST_AUTO_TEST_CASE(a_difference_names_every_gsi_added_removed_or_changed_and_no_other) {
    const RoutingTable before = of({{1, msi}, {2, msi}, {3, msi}});
    const RoutingTable after = of({{2, msi}, {3, PinRoute{ioapic, 3}}, {4, msi}});
    const std::vector<RouteChange> expected{
        {1, {msi}, {}}, {3, {msi}, {PinRoute{ioapic, 3}}}, {4, {}, {msi}}};
    BOOST_CHECK(diff(before, after) == expected);
}

BOOST_AUTO_TEST_CASE(the_order_of_routes_on_a_gsi_is_a_difference) {
    const Route pin{PinRoute{ioapic, 1}};
    const Route other{PinRoute{pic_master, 1}};
    BOOST_TEST(diff(of({{1, pin}, {1, other}}), of({{1, other}, {1, pin}})).size() == 1U);
}

BOOST_AUTO_TEST_CASE(applying_the_difference_of_two_tables_yields_the_second) {
    std::mt19937 random(1);
    for (int round = 0; round < 10000; ++round) {
        const RoutingTable before = random_table(random);
        const RoutingTable after = random_table(random);
        const auto changes = diff(before, after);
        BOOST_REQUIRE(patched(before, changes) == after);
        BOOST_REQUIRE(changes.empty() == (before == after));
        for (const RouteChange& change : changes) BOOST_REQUIRE(change.before != change.after);
    }
}

BOOST_AUTO_TEST_CASE(a_difference_read_backwards_undoes_it) {
    std::mt19937 random(2);
    for (int round = 0; round < 1000; ++round) {
        const RoutingTable before = random_table(random);
        const RoutingTable after = random_table(random);
        auto changes = diff(before, after);
        for (RouteChange& change : changes) std::swap(change.before, change.after);
        BOOST_REQUIRE(changes == diff(after, before));
    }
}

BOOST_AUTO_TEST_CASE(a_route_survives_the_way_to_the_kernel_and_back) {
    const std::vector<Route> routes{PinRoute{ioapic, 24, 8},   PinRoute{Chip{77}, 0xffffffff},
                                    MsiRoute{~0ULL, ~0U, ~0U}, MsiRoute{0xfee00000, 0x51, 0},
                                    MsiRoute{1, 2, {}, 6},     RawRoute{4, 1, {1, 2, 3, 4}}};
    for (const Route& route : routes) BOOST_CHECK(from_raw(to_raw(route)) == route);
}

BOOST_AUTO_TEST_CASE(a_raw_route_of_a_described_type_becomes_that_type) {
    BOOST_CHECK((from_raw({1, 0, {2, 5, 0, 0}}) == Route{PinRoute{ioapic, 5}}));
    BOOST_CHECK((from_raw({2, 1, {0xfee00000, 0x100, 0x51, 9}}) == Route{MsiRoute{0x100'fee00000, 0x51, 9}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::routing
