#include "tools/bench/rank_test.hpp"

#include <boost/test/unit_test.hpp>
#include <initializer_list>

using namespace irqbench::tools::bench;
using std::chrono::nanoseconds;
namespace near = boost::test_tools;

namespace {

Histogram times(std::initializer_list<int> values) {
    Histogram histogram;
    for (const int value : values) histogram.add(nanoseconds(value));
    return histogram;
}

Histogram many(int value, std::uint64_t count) {
    Histogram histogram;
    histogram.add(nanoseconds(value), count);
    return histogram;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_rank_test, *boost::unit_test::tolerance(1e-4))

// Hollander and Wolfe, Nonparametric Statistical Methods, 1973, 69 to 71: permeability constants, times 100.
// It is the example of R's wilcox.test, which says W = 35; without exact = TRUE, p is 0.2446.
BOOST_AUTO_TEST_CASE(an_example_of_the_literature_has_its_statistic) {
    const auto at_term = times({80, 83, 189, 104, 145, 138, 191, 164, 73, 146});
    const auto earlier = times({115, 88, 90, 74, 121});
    const RankTest test = rank_test(earlier, at_term);
    BOOST_TEST(test.u == 35.0);
    BOOST_TEST(test.z == 1.163508);
    BOOST_TEST(test.p == 0.244622, near::tolerance(1e-3));
    BOOST_TEST(test.effect == 0.7);
}

// Aesop's race: tortoise, five hares, five tortoises, hare. A hare is behind a tortoise 11 times of 36.
BOOST_AUTO_TEST_CASE(a_race_without_ties_is_counted_by_hand) {
    const RankTest test = rank_test(times({1, 7, 8, 9, 10, 11}), times({2, 3, 4, 5, 6, 12}));
    BOOST_TEST(test.u == 11.0);
    BOOST_TEST(test.z == -1.040833);
    BOOST_TEST(test.p == 0.297953);
}

// By hand: 2 + 3.5 + 4 + 4; three 2s, two 3s and two 4s are ties, so the variance is 16 / 12 (9 - 36 / 56).
BOOST_AUTO_TEST_CASE(ties_count_half_and_lessen_the_variance) {
    const RankTest test = rank_test(times({1, 2, 2, 3}), times({2, 3, 4, 4}));
    BOOST_TEST(test.u == 13.5);
    BOOST_TEST(test.z == 1.497862);
    BOOST_TEST(test.p == 0.134169);
}

BOOST_AUTO_TEST_CASE(turned_round_the_test_says_the_opposite_with_the_same_p) {
    const auto one = times({1, 2, 2, 3, 9});
    const auto other = times({2, 3, 4, 4, 4, 5});
    const RankTest there = rank_test(one, other);
    const RankTest back = rank_test(other, one);
    BOOST_TEST(there.u + back.u == 30.0);
    BOOST_TEST(there.p == back.p);
    BOOST_TEST(there.effect + back.effect == 1.0);
}

BOOST_AUTO_TEST_CASE(samples_that_are_all_the_same_do_not_differ) {
    const RankTest test = rank_test(many(100, 50), many(100, 70));
    BOOST_TEST(test.p == 1.0);
    BOOST_TEST(test.effect == 0.5);
    BOOST_TEST((change_of(test) == Change::none));
}

BOOST_AUTO_TEST_CASE(many_that_are_greater_are_slower_and_the_other_way_round_faster) {
    BOOST_TEST((change_of(rank_test(many(100, 1000), many(120, 1000))) == Change::slower));
    BOOST_TEST((change_of(rank_test(many(120, 1000), many(100, 1000))) == Change::faster));
}

BOOST_AUTO_TEST_CASE(few_samples_prove_nothing) {
    BOOST_TEST((change_of(rank_test(many(100, 3), many(120, 3))) == Change::none));
}

BOOST_AUTO_TEST_CASE(an_effect_that_nobody_notices_is_no_change_however_sure) {
    Histogram before = many(100, 50'000);
    before.add(nanoseconds(110), 50'000);
    Histogram after = many(100, 47'000);
    after.add(nanoseconds(110), 53'000);
    const RankTest test = rank_test(before, after);
    BOOST_TEST(test.p < 1e-12);
    BOOST_TEST((change_of(test) == Change::none));
}

BOOST_AUTO_TEST_SUITE_END()
