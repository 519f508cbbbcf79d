#include "vmm/host_lines.hpp"

#include <boost/test/unit_test.hpp>

#include <thread>

#include "routing/x86.hpp"

using namespace irqbench;
using routing::PinRoute;
using vmm::HostLines;

namespace {

constexpr PinRoute pin_of(std::uint32_t number) { return {routing::x86::ioapic, number}; }

/// GSI n leads to pin n of the IOAPIC.
routing::RoutingTable identity() {
    routing::RoutingTable table;
    for (std::uint32_t gsi = 0; gsi < 8; ++gsi) table.add(gsi, pin_of(gsi));
    return table;
}

bool holds(const HostLines& lines, std::uint32_t pin) {
    return std::find(lines.held().begin(), lines.held().end(), pin_of(pin)) != lines.held().end();
}

/// What settle() makes of pin 3, held before or not, with the last change made to it.
bool settled(bool before, std::optional<bool> change, std::optional<bool> high, bool resampler) {
    HostLines lines;
    if (before) lines.set(identity(), 3, true);
    if (change) lines.set_among_others(3, *change);
    const HostLines::Pin pins[] = {{pin_of(3), high, resampler}};
    lines.settle(identity(), pins);
    return holds(lines, 3);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(host_lines)

BOOST_AUTO_TEST_CASE(a_pin_has_the_level_of_the_last_gsi_that_was_set) {
    auto table = identity();
    table.add(20, pin_of(3));
    HostLines lines;
    lines.set(table, 3, true);
    lines.set(table, 20, true);
    BOOST_TEST(lines.held().size() == 1U);
    lines.set(table, 3, false);
    BOOST_TEST(lines.held().empty());
    lines.set(table, 99, true);
    BOOST_TEST(lines.held().empty());
}

BOOST_AUTO_TEST_CASE(the_controller_knows_whether_a_line_was_left_high) {
    for (const bool before : {false, true})
        for (const std::optional<bool> change : {std::optional<bool>(), {false}, {true}}) {
            BOOST_TEST(settled(before, change, true, false));
            BOOST_TEST(!settled(before, change, false, false));
            BOOST_TEST(!settled(before, change, false, true));
        }
}

BOOST_AUTO_TEST_CASE(where_a_resampler_drives_too_or_the_controller_is_silent_the_last_change_counts) {
    const std::optional<bool> silent;
    for (const bool before : {false, true})
        for (const auto& [high, resampler] : {std::pair(std::optional(true), true), {silent, false}}) {
            BOOST_TEST(settled(before, true, high, resampler));
            BOOST_TEST(!settled(before, false, high, resampler));
            BOOST_TEST(settled(before, {}, high, resampler) == before);
        }
}

BOOST_AUTO_TEST_CASE(a_pin_whose_route_has_gone_is_held_if_the_controller_says_so) {
    HostLines lines;
    lines.set_among_others(3, true);
    auto table = identity();
    table.set(3, {pin_of(5)});
    const HostLines::Pin pins[] = {{pin_of(3), true, false}, {pin_of(5), false, false}};
    lines.settle(table, pins);
    BOOST_TEST(holds(lines, 3));
    BOOST_TEST(!holds(lines, 5));
}

BOOST_AUTO_TEST_CASE(a_resampler_holds_what_is_high_without_the_host_if_one_may_drive_it) {
    const auto settled = [](bool before, std::optional<bool> high, bool resampler, bool host) {
        vmm::ResampledLines lines;
        if (before) lines.set(identity(), 3, true);
        HostLines hosts;
        if (host) hosts.set(identity(), 3, true);
        const HostLines::Pin pins[] = {{pin_of(3), high, resampler}};
        lines.settle(pins, hosts);
        return lines.holds(pin_of(3));
    };
    for (const bool before : {false, true})
        for (const bool host : {false, true}) {
            BOOST_TEST(!settled(before, false, true, host));
            BOOST_TEST(settled(before, std::nullopt, true, host) == before);
            BOOST_TEST(settled(before, true, false, host) == before);
            BOOST_TEST(settled(before, true, true, host) == (before || !host));
        }
}

BOOST_AUTO_TEST_CASE(one_time_says_nothing_about_the_next) {
    HostLines lines;
    const HostLines::Pin pins[] = {{pin_of(3), std::nullopt, false}};
    lines.set_among_others(3, true);
    lines.settle(identity(), pins);
    lines.set(identity(), 3, false);
    lines.settle(identity(), pins);
    BOOST_TEST(lines.held().empty());
}

BOOST_AUTO_TEST_CASE(several_threads_change_lines_at_once) {
    HostLines lines;
    const auto toggle = [&lines](std::uint32_t gsi) {
        for (int times = 0; times < 1000; ++times) lines.set_among_others(gsi, times % 2 != 0);
    };
    std::thread other(toggle, 3);
    toggle(4);
    other.join();
    lines.set_among_others(routing::RoutingRules::max_entries, true);
    const HostLines::Pin pins[] = {{pin_of(3), true, true}, {pin_of(4), true, true}, {pin_of(5), true, true}};
    lines.settle(identity(), pins);
    BOOST_TEST(holds(lines, 3));
    BOOST_TEST(holds(lines, 4));
    BOOST_TEST(!holds(lines, 5));
}

BOOST_AUTO_TEST_SUITE_END()
