#include "vmm/arm64/line_memory.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

using irqbench::vmm::arm64::LineMemory;

namespace {

void set(LineMemory& lines, std::uint32_t line, bool level) { lines.set(line, level, lines.begin()); }

/// What one of several threads does to line 5.
struct Motion {
    std::uint64_t begins;  ///< as LineMemory::begin() counts, before whatever it is called for here
    bool level;
};

/// A thread each, which end their motions in this order: the first at 1, the second at 2.
void set_by_threads(LineMemory& lines, const std::vector<Motion>& motions) {
    lines.among_others(true);
    std::vector<std::thread> threads;
    std::atomic<std::size_t> ended = 0;
    for (std::size_t i = 0; i < motions.size(); ++i)
        threads.emplace_back([&, i] {
            while (ended != i) std::this_thread::yield();
            lines.set(5, motions[i].level, motions[i].begins);
            ++ended;
        });
    for (std::thread& thread : threads) thread.join();
    lines.among_others(false);
}

bool never(std::uint32_t) {
    BOOST_ERROR("asked for a line that is known");
    return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(line_memory)

BOOST_AUTO_TEST_CASE(a_line_is_where_it_was_last_set) {
    LineMemory lines;
    set(lines, 5, true);
    set(lines, 6, true);
    set(lines, 6, false);
    lines.settle(never);
    BOOST_TEST((lines.high() == LineMemory::Lines{5}));
}

BOOST_AUTO_TEST_CASE(what_one_of_several_threads_did_to_a_line_is_known) {
    LineMemory lines;
    set(lines, 7, true);
    lines.among_others(true);
    std::thread([&] {
        for (const bool level : {true, false, true}) set(lines, 5, level);
    }).join();
    lines.among_others(false);
    lines.settle(never);
    BOOST_TEST((lines.high() == LineMemory::Lines{5, 7}));
}

BOOST_AUTO_TEST_CASE(the_later_of_two_motions_that_did_not_overlap_counts) {
    for (const bool level : {false, true}) {
        LineMemory lines;
        set_by_threads(lines, {{0, !level}, {1, level}});
        lines.settle(never);
        BOOST_TEST(lines.is_high(5) == level);
    }
}

BOOST_AUTO_TEST_CASE(motions_that_overlapped_and_agree_leave_no_doubt) {
    LineMemory lines;
    set_by_threads(lines, {{0, true}, {0, true}});
    lines.settle(never);
    BOOST_TEST(lines.is_high(5));
}

BOOST_AUTO_TEST_CASE(where_motions_overlapped_and_differ_the_gic_is_asked_once) {
    for (const bool level : {false, true}) {
        LineMemory lines;
        set_by_threads(lines, {{0, true}, {0, false}});
        BOOST_TEST(lines.in_doubt(5));
        int asked = 0;
        lines.settle([&](std::uint32_t line) {
            BOOST_TEST(line == 5u);
            ++asked;
            return level;
        });
        BOOST_TEST(asked == 1);
        BOOST_TEST(lines.is_high(5) == level);
        lines.settle(never);
    }
}

BOOST_AUTO_TEST_CASE(a_line_that_is_moved_again_is_not_in_doubt) {
    LineMemory lines;
    lines.doubt(5);
    set(lines, 5, true);
    lines.settle(never);
    BOOST_TEST(lines.is_high(5));
}

BOOST_AUTO_TEST_CASE(a_restored_state_knows_all_lines) {
    LineMemory lines;
    set(lines, 4, true);
    lines.doubt(5);
    lines.restore({6});
    lines.settle(never);
    BOOST_TEST((lines.high() == LineMemory::Lines{6}));
}

BOOST_AUTO_TEST_SUITE_END()
