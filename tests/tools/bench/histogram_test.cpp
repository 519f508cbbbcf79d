#include "tools/bench/histogram.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

using namespace irqbench::tools::bench;
using std::chrono::nanoseconds;

BOOST_AUTO_TEST_SUITE(bench_histogram)

BOOST_AUTO_TEST_CASE(every_value_lies_in_the_bin_it_is_counted_in) {
    const LogLinearAxis axis;
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> values{0, 1, 127, 128, 255, 256, 257, 511, 512, ~std::uint64_t{0}};
    for (int i = 0; i < 1000; ++i) values.push_back(random() >> (random() % 64));
    for (const std::uint64_t value : values) {
        const int index = axis.index(value);
        BOOST_TEST_REQUIRE(index < axis.size());
        BOOST_TEST(LogLinearAxis::lowest(index) <= value);
        BOOST_TEST(value <= LogLinearAxis::highest(index));
    }
}

BOOST_AUTO_TEST_CASE(bins_follow_each_other_without_a_gap_and_are_narrow) {
    for (int index = 0; index + 1 < LogLinearAxis{}.size(); ++index) {
        const std::uint64_t lowest = LogLinearAxis::lowest(index);
        const std::uint64_t highest = LogLinearAxis::highest(index);
        BOOST_TEST_REQUIRE(LogLinearAxis::lowest(index + 1) == highest + 1);
        BOOST_TEST_REQUIRE(highest - lowest <= lowest / 128);
    }
    BOOST_TEST(LogLinearAxis::lowest(0) == 0U);
    BOOST_TEST(LogLinearAxis::highest(LogLinearAxis{}.size() - 1) == ~std::uint64_t{0});
}

BOOST_AUTO_TEST_CASE(percentiles_are_the_nearest_ranks) {
    // The example of nearest rank with five values: 15, 20, 35, 40, 50; the 30th is 20, the 40th 20, the
    // 50th 35.
    Histogram times;
    for (const int value : {50, 35, 15, 40, 20}) times.add(nanoseconds(value));
    BOOST_TEST(times.percentile(5).count() == 15);
    BOOST_TEST(times.percentile(30).count() == 20);
    BOOST_TEST(times.percentile(40).count() == 20);
    BOOST_TEST(times.percentile(50).count() == 35);
    BOOST_TEST(times.percentile(100).count() == 50);
    BOOST_TEST(times.min().count() == 15);
    BOOST_TEST(times.max().count() == 50);
}

BOOST_AUTO_TEST_CASE(a_percentile_of_a_thousand_is_not_one_rank_too_high) {
    Histogram times;
    times.add(nanoseconds(10), 999);
    times.add(nanoseconds(200), 1);
    BOOST_TEST(times.percentile(99.9).count() == 10);
    BOOST_TEST(times.percentile(99.99).count() == 200);
}

BOOST_AUTO_TEST_CASE(a_percentile_never_exceeds_what_was_seen) {
    Histogram times;
    times.add(nanoseconds(1'000'001));
    BOOST_TEST(times.percentile(50).count() == 1'000'001);
    BOOST_TEST(Histogram{}.percentile(50).count() == 0);
}

BOOST_AUTO_TEST_CASE(a_percentile_is_resolved_when_a_sample_lies_above_it) {
    Histogram times;
    times.add(nanoseconds(1), 9'999);
    BOOST_TEST(!times.resolves(99.99));
    BOOST_TEST(times.resolves(99.9));
    times.add(nanoseconds(1));
    BOOST_TEST(times.resolves(99.99));
}

BOOST_AUTO_TEST_CASE(what_a_clock_puts_before_the_beginning_counts_as_nothing) {
    Histogram times;
    times.add(nanoseconds(-5));
    BOOST_TEST(times.min().count() == 0);
    BOOST_TEST((times.bins() == std::vector<Histogram::Bin>{{0, 0, 1}}));
}

BOOST_AUTO_TEST_SUITE_END()
