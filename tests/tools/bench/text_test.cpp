#include "tools/bench/text.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/tools/bench/samples.hpp"
#include "tests/tools/golden.hpp"
#include "tools/bench/plot.hpp"

using namespace irqbench::tests;
using namespace irqbench::tools::bench;
using std::chrono::nanoseconds;

namespace {

/// Columns of UTF-8 without wide characters.
std::size_t columns(const std::string& line) {
    return static_cast<std::size_t>(
        std::count_if(line.begin(), line.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_text)

BOOST_AUTO_TEST_CASE(times_have_three_digits_and_a_unit) {
    BOOST_TEST(time_text(nanoseconds(7)) == "7 ns");
    BOOST_TEST(time_text(nanoseconds(4321)) == "4.32 us");
    BOOST_TEST(time_text(nanoseconds(43'210)) == "43.2 us");
    BOOST_TEST(time_text(nanoseconds(432'100)) == "432 us");
    BOOST_TEST(time_text(nanoseconds(4'321'000)) == "4.32 ms");
}

BOOST_AUTO_TEST_CASE(a_report_has_a_row_for_everything_and_fits_the_terminal) {
    const std::string text = text_of(made_up_report(), {});
    BOOST_TEST(is_golden(text, "bench.txt"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        BOOST_TEST(columns(line) <= 100U, line);
        BOOST_TEST((line.empty() || line.back() != ' '), line);
    }
    BOOST_TEST(text.find('\033') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(colour_changes_nothing_else) {
    std::string text = text_of(made_up_report(), {true});
    BOOST_TEST(text.find('\033') != std::string::npos);
    for (auto at = text.find('\033'); at != std::string::npos; at = text.find('\033'))
        text.erase(at, text.find('m', at) + 1 - at);
    BOOST_TEST(text == text_of(made_up_report(), {}));
}

BOOST_AUTO_TEST_CASE(a_comparison_says_what_changed_and_whether_the_raw_loop_did) {
    const Report before = made_up_report();
    Report after = made_up_report();
    after.measured[0].bench = made_up(25'000, 1999);
    after.measured[1].bench = made_up(30'000, 199);
    Measured added;
    added.path = Path::ioeventfd;
    added.irqchip = "kernel";
    added.bench = made_up(1000, 10);
    after.measured.push_back(added);
    const Comparison comparison = compare(before, after, "old.json");
    BOOST_TEST(comparison.is_slower());
    BOOST_TEST(is_golden(text_of(comparison, {}), "bench_comparison.txt"));
    BOOST_TEST(!compare(before, before, "old.json").is_slower());
}

BOOST_AUTO_TEST_CASE(machines_of_another_kind_are_not_compared) {
    const auto refused = [](auto change) {
        Report other = made_up_report();
        change(other.setup);
        BOOST_CHECK_THROW(static_cast<void>(compare(made_up_report(), other, "old.json")),
                          std::invalid_argument);
    };
    refused([](Setup& setup) { setup.spinning = true; });
    refused([](Setup& setup) { setup.vcpus = 2; });
    refused([](Setup& setup) { setup.route_count = 100; });
    Report other = made_up_report();
    other.setup.samples = 5;
    BOOST_CHECK_NO_THROW(static_cast<void>(compare(made_up_report(), other, "old.json")));
}

BOOST_AUTO_TEST_CASE(a_plot_has_every_sample_in_rows_that_follow_each_other) {
    for (const std::size_t most : {10U, 20U, 24U}) {
        const auto rows = plot_rows(made_up(20'000, 1000), made_up(900, 500), most);
        BOOST_TEST_REQUIRE(!rows.empty());
        std::uint64_t bench = 0;
        std::uint64_t raw = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (i > 0) BOOST_TEST(rows[i].lowest == rows[i - 1].end);
            bench += rows[i].bench;
            raw += rows[i].raw;
        }
        BOOST_TEST(bench == 1001U);
        BOOST_TEST(raw == 501U);
        BOOST_TEST((rows.front().bench + rows.front().raw) != 0U);
        BOOST_TEST((rows.back().bench + rows.back().raw) != 0U);
        // The one far away is in one of the rows that are powers of two.
        BOOST_TEST(rows.size() <= most + 8);
    }
    BOOST_TEST(plot_rows({}, {}, 24).empty());
}

BOOST_AUTO_TEST_CASE(one_value_alone_is_one_full_bar) {
    Histogram times;
    times.add(nanoseconds(5000), 3);
    const auto rows = plot_rows(times, {}, 24);
    BOOST_TEST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows.front().bench == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
