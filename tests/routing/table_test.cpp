#include "routing/table.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <random>
#include <vector>

#include "routing/x86.hpp"
#include "tests/routing/table_samples.hpp"

namespace irqbench::routing {

namespace {

using namespace samples;

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
