#include "irqchip/arm64/lpi_redistributor.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/irqchip/its_fixture.hpp"
#include "tests/irqchip/random_source.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

/// One redistributor whose LPIs are enabled at priority 0xA0.
struct One {
    FlatMemory memory{place::end};
    LpiRedistributor lpis;
    GicrPropbaser propbaser;
    GicrPendbaser pendbaser{place::pending};

    explicit One(unsigned id_bits = 16, bool enabled = true)
        : lpis(id_bits), propbaser(place::configurations | (id_bits - 1)) {
        std::fill_n(memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::configurations), 1U << 17,
                    std::uint8_t{0xA1});
        if (enabled) enable();
    }
    void enable() { lpis.enable(propbaser, pendbaser, memory); }
    void configure(std::uint32_t intid, std::uint8_t value) {
        memory.bytes[place::configurations + intid - first_lpi] = value;
    }
    bool pend(std::uint32_t intid) { return lpis.set_pending(intid, memory); }
    std::string best() const { return text(lpis.best()); }
    std::uint8_t& table(std::uint32_t intid) { return memory.bytes[place::pending + intid / 8]; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lpi_redistributor)

BOOST_AUTO_TEST_CASE(an_entry_of_the_configuration_table_says_what_the_manual_says) {
    const FieldRow sheet[] = {{"priority", 7, 2, Access::read_write}, {"enabled", 0, 0, Access::read_write}};
    check_fields(field_table<LpiConfiguration>(), sheet);
}

BOOST_AUTO_TEST_CASE(tables_stay_where_they_are_while_lpis_are_enabled) {
    One one;
    const LpiRedistributor before = one.lpis;
    one.lpis.enable(GicrPropbaser{}, GicrPendbaser{}, one.memory);
    BOOST_TEST((one.lpis == before));
    BOOST_TEST(one.lpis.enabled());
    one.lpis.disable(one.memory);
    BOOST_TEST((one.lpis == LpiRedistributor{}));
}

BOOST_AUTO_TEST_CASE(an_lpi_is_pending_until_it_is_taken) {
    One one;
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST(one.pend(8192));
    BOOST_TEST(!one.pend(8192));
    BOOST_TEST(one.best() == "8192 at priority a0");
    BOOST_TEST(one.lpis.clear_pending(8192));
    BOOST_TEST(!one.lpis.clear_pending(8192));
    BOOST_TEST(one.best() == "nothing");
}

BOOST_AUTO_TEST_CASE(the_highest_priority_is_first_then_the_lowest_intid) {
    One one;
    one.configure(9000, 0x41);
    one.configure(60000, 0x41);
    one.configure(40000, 0x3D);
    for (const std::uint32_t intid : {65535U, 8200U, 60000U, 9000U, 40000U}) one.pend(intid);
    for (const char* expected : {"40000 at priority 3c", "9000 at priority 40", "60000 at priority 40",
                                 "8200 at priority a0", "65535 at priority a0", "nothing"}) {
        BOOST_TEST(one.best() == expected);
        if (const auto lpi = one.lpis.best()) one.lpis.clear_pending(lpi->intid);
    }
}

BOOST_AUTO_TEST_CASE(priorities_have_six_bits) {
    for (unsigned byte = 0; byte < 256; ++byte) {
        One one;
        one.configure(8192, static_cast<std::uint8_t>(byte));
        one.pend(8192);
        const auto best = one.lpis.best();
        BOOST_REQUIRE(best.has_value() == ((byte & 1) != 0));
        if (best) BOOST_TEST(best->priority == (byte & 0xFC));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_lpi_of_this_redistributor_is_ignored) {
    One one;
    const LpiRedistributor before = one.lpis;
    for (const std::uint32_t intid : {0U, 1023U, 8191U, 65536U, 0xFFFF'FFFFU}) {
        BOOST_TEST(!one.pend(intid));
        BOOST_TEST(!one.lpis.pending(intid));
        BOOST_TEST(!one.lpis.clear_pending(intid));
        one.lpis.learn(intid, one.memory);
        one.lpis.invalidate(intid, one.memory);
        BOOST_TEST(!one.lpis.configuration(intid));
    }
    BOOST_TEST((one.lpis == before));
}

BOOST_AUTO_TEST_CASE(propbaser_says_how_many_lpis_there_are_within_what_the_gic_has) {
    const auto last = [](unsigned gic_bits, std::uint64_t id_bits) {
        One one(gic_bits, false);
        one.propbaser = GicrPropbaser{place::configurations | id_bits};
        one.enable();
        std::uint32_t end = first_lpi;
        while (end < 1U << 18 && one.pend(end)) ++end;
        return end;
    };
    BOOST_TEST(last(16, 31) == 1U << 16);
    BOOST_TEST(last(16, 15) == 1U << 16);
    BOOST_TEST(last(16, 13) == 1U << 14);
    BOOST_TEST(last(16, 12) == first_lpi);
    BOOST_TEST(last(16, 0) == first_lpi);
    BOOST_TEST(last(17, 16) == 1U << 17);
    BOOST_TEST(last(14, 16) == 1U << 14);
}

BOOST_AUTO_TEST_CASE(nothing_is_pending_while_lpis_are_disabled) {
    One one(16, false);
    BOOST_TEST(!one.pend(8192));
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST(one.lpis.save_pending(one.memory));
}

BOOST_AUTO_TEST_CASE(enabling_reads_the_pending_table) {
    One one(16, false);
    one.table(8192) = 0b1000'0001;
    one.table(65535) = 0b1000'0000;
    // Not of LPIs.
    one.table(0) = one.table(8191) = 0xFF;
    one.configure(8199, 0x41);
    one.enable();
    for (const char* expected :
         {"8199 at priority 40", "8192 at priority a0", "65535 at priority a0", "nothing"}) {
        BOOST_TEST(one.best() == expected);
        if (const auto lpi = one.lpis.best()) one.lpis.clear_pending(lpi->intid);
    }
}

BOOST_AUTO_TEST_CASE(a_pending_table_that_is_said_to_be_zero_is_not_read) {
    One one(16, false);
    one.table(8192) = 1;
    one.pendbaser.set(GicrPendbaser::pending_table_zero, true);
    one.enable();
    BOOST_TEST(one.best() == "nothing");
}

BOOST_AUTO_TEST_CASE(disabling_writes_the_pending_table) {
    One one;
    one.pend(8193);
    one.pend(65528);
    one.table(8192) = 0xFF;
    one.table(8191) = 0x55;
    one.lpis.disable(one.memory);
    BOOST_TEST(one.table(8192) == 2);
    BOOST_TEST(one.table(65528) == 1);
    BOOST_TEST(one.table(8191) == 0x55);
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST(!one.lpis.pending(8193));
    BOOST_TEST(!one.lpis.configuration(8193));
    one.configure(8193, 0x21);
    one.enable();
    BOOST_TEST(one.best() == "8193 at priority 20");
    one.lpis.clear_pending(8193);
    BOOST_TEST(one.best() == "65528 at priority a0");
}

BOOST_AUTO_TEST_CASE(a_pending_table_outside_memory_is_zero_and_not_saved) {
    One one(16, false);
    one.table(8192) = 1;
    one.table(20000) = 1;
    one.memory.holes = {place::pending};
    one.enable();
    // INTIDs from 4 KiB of bits on are in the next page.
    BOOST_TEST(!one.lpis.pending(8192));
    BOOST_TEST(!one.lpis.pending(20000));
    one.pend(40000);
    BOOST_TEST(!one.lpis.save_pending(one.memory));
    BOOST_TEST(one.table(40000) == 1);
    one.memory.holes.clear();
    BOOST_TEST(one.lpis.save_pending(one.memory));
    BOOST_TEST(one.table(8192) == 0);
}

BOOST_AUTO_TEST_CASE(a_configuration_is_kept_until_it_is_invalidated) {
    One one;
    one.pend(8192);
    one.configure(8192, 0x41);
    one.lpis.clear_pending(8192);
    one.pend(8192);
    BOOST_TEST(one.best() == "8192 at priority a0");
    one.lpis.invalidate(8192, one.memory);
    BOOST_TEST(one.best() == "8192 at priority 40");
    one.configure(8192, 0x40);
    BOOST_TEST(one.best() == "8192 at priority 40");
    one.lpis.invalidate(8192, one.memory);
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST(one.lpis.pending(8192));
    one.configure(8192, 0x41);
    one.lpis.invalidate_all(one.memory);
    BOOST_TEST(one.best() == "8192 at priority 40");
}

BOOST_AUTO_TEST_CASE(a_mapped_lpi_has_its_configuration_read_once) {
    One one;
    one.lpis.learn(8192, one.memory);
    one.configure(8192, 0);
    one.lpis.learn(8192, one.memory);
    one.pend(8192);
    BOOST_TEST(one.best() == "8192 at priority a0");
    BOOST_TEST(one.lpis.configuration(8192)->get(LpiConfiguration::priority) == 0xA0 >> 2);
}

BOOST_AUTO_TEST_CASE(invalidating_all_reads_what_is_cached_and_nothing_else) {
    One one;
    for (const std::uint32_t intid : {8192U, 9215U, 9216U, 65535U}) one.lpis.learn(intid, one.memory);
    std::fill_n(one.memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::configurations), 1U << 16,
                std::uint8_t{0x41});
    one.lpis.invalidate_all(one.memory);
    std::fill_n(one.memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::configurations), 1U << 16,
                std::uint8_t{0x81});
    for (const std::uint32_t intid : {8192U, 9215U, 9216U, 65535U})
        BOOST_TEST(one.lpis.configuration(intid)->get(LpiConfiguration::priority) == 0x40 >> 2);
    BOOST_TEST(!one.lpis.configuration(8193));
    one.pend(8193);
    BOOST_TEST(one.best() == "8193 at priority 80");
}

BOOST_AUTO_TEST_CASE(a_configuration_outside_memory_enables_nothing) {
    One one;
    one.pend(8192);
    one.pend(20000);
    one.memory.holes = {place::configurations};
    one.lpis.invalidate(8192, one.memory);
    BOOST_TEST(one.best() == "20000 at priority a0");
    BOOST_TEST(one.lpis.pending(8192));
    one.memory.holes = {place::configurations + 0x2000};
    one.lpis.invalidate_all(one.memory);
    BOOST_TEST(one.best() == "nothing");
    // It is asked for again when there is a reason.
    BOOST_TEST(!one.pend(8192));
    BOOST_TEST(one.best() == "8192 at priority a0");
}

BOOST_AUTO_TEST_CASE(configurations_are_read_as_far_as_memory_goes) {
    One one(16, false);
    one.propbaser = GicrPropbaser{(place::end - 4096) | 15};
    one.enable();
    one.memory.bytes[place::end - 1] = 0x41;
    one.pend(first_lpi + 4095);
    one.pend(first_lpi + 4096);
    BOOST_TEST(one.best() == "12287 at priority 40");
    one.memory.bytes[place::end - 1] = 0x81;
    one.lpis.invalidate_all(one.memory);
    BOOST_TEST(one.best() == "12287 at priority 80");
}

BOOST_AUTO_TEST_CASE(a_moved_lpi_takes_its_configuration_along) {
    One one;
    One two;
    one.pend(8192);
    one.lpis.learn(8193, one.memory);
    one.configure(8192, 0x41);
    one.configure(8193, 0x41);
    one.lpis.move(8192, two.lpis, one.memory);
    one.lpis.move(8193, two.lpis, one.memory);
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST(!one.lpis.configuration(8192));
    BOOST_TEST(two.best() == "8192 at priority a0");
    BOOST_TEST(!two.lpis.pending(8193));
    two.pend(8193);
    BOOST_TEST(two.lpis.configuration(8193)->get(LpiConfiguration::priority) == 0xA0 >> 2);
}

BOOST_AUTO_TEST_CASE(an_lpi_moved_to_where_it_is_stays) {
    One one;
    one.pend(8192);
    const LpiRedistributor before = one.lpis;
    one.lpis.move(8192, one.lpis, one.memory);
    one.lpis.move_all(one.lpis, one.memory);
    BOOST_TEST((one.lpis == before));
}

BOOST_AUTO_TEST_CASE(an_lpi_moved_to_a_disabled_redistributor_is_lost) {
    One one;
    One off(16, false);
    one.pend(8192);
    one.pend(8193);
    one.lpis.move(8192, off.lpis, one.memory);
    one.lpis.move_all(off.lpis, one.memory);
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST((off.lpis == One(16, false).lpis));
}

BOOST_AUTO_TEST_CASE(all_that_is_pending_moves_also_what_is_disabled) {
    One one;
    One two;
    one.configure(9000, 0x40);
    for (const std::uint32_t intid : {8192U, 9000U, 65535U}) one.pend(intid);
    two.pend(8192);
    one.lpis.move_all(two.lpis, one.memory);
    for (const std::uint32_t intid : {8192U, 9000U, 65535U}) {
        BOOST_TEST(!one.lpis.pending(intid));
        BOOST_TEST(two.lpis.pending(intid));
    }
    BOOST_TEST(one.best() == "nothing");
    BOOST_TEST(two.best() == "8192 at priority a0");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lpi_set)

BOOST_AUTO_TEST_CASE(it_does_what_a_std_set_does) {
    for (const std::uint32_t limit : {64U, 5000U, LpiSet::limit}) {
        Random random(limit);
        LpiSet set;
        std::set<std::uint32_t> naive;
        for (int step = 0; step < 20'000; ++step) {
            const std::uint32_t number = random() % limit;
            if (random() % 8 < (step / 2000 % 2 == 0 ? 5U : 3U))
                BOOST_TEST(set.insert(number) == naive.insert(number).second);
            else if (!naive.empty()) {
                const std::uint32_t gone = random.coin() ? number : *naive.lower_bound(*naive.begin());
                BOOST_TEST(set.erase(gone) == (naive.erase(gone) != 0));
            }
            BOOST_TEST(set.contains(number) == naive.contains(number));
            BOOST_TEST(set.empty() == naive.empty());
            BOOST_REQUIRE(set.lowest() == (naive.empty() ? std::nullopt : std::optional(*naive.begin())));
        }
        std::vector<std::uint32_t> members;
        set.for_each([&](std::uint32_t number) { members.push_back(number); });
        BOOST_TEST(members == std::vector<std::uint32_t>(naive.begin(), naive.end()));
    }
}

BOOST_AUTO_TEST_CASE(room_for_former_members_makes_no_difference) {
    LpiSet small;
    LpiSet large;
    small.insert(3);
    large.insert(3);
    large.insert(LpiSet::limit - 1);
    BOOST_TEST((small != large));
    BOOST_TEST((large != small));
    large.erase(LpiSet::limit - 1);
    BOOST_TEST((small == large));
    BOOST_TEST((large == small));
    large.insert(4);
    BOOST_TEST((small != large));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
