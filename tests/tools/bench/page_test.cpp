#include "tools/bench/page.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/bench/samples.hpp"

using namespace irqbench::tests;
using namespace irqbench::tools::bench;

namespace {

std::size_t count(const std::string& text, const std::string& words) {
    std::size_t found = 0;
    for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++found;
    return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_page)

BOOST_AUTO_TEST_CASE(every_path_that_was_measured_has_a_plot_and_raw_loops_a_line) {
    const std::string page = page_of(made_up_report(), std::nullopt);
    BOOST_TEST(count(page, "<svg ") == 2U);
    BOOST_TEST(count(page, "<polyline ") == 1U);
    BOOST_TEST(count(page, "<rect ") > 10U);
    BOOST_TEST(count(page, "not measured: the interrupt did not come within 2 s") == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_begun_again_is_told) {
    const std::string page = page_of(made_up_report(), std::nullopt);
    BOOST_TEST(count(page, "begun again 1 time: the interrupt did not come within 2 s") == 1U);
    BOOST_TEST(count(page, "begun again 4 times: the interrupt did not come within 2 s") == 1U);
}

BOOST_AUTO_TEST_CASE(the_page_has_no_script_and_loads_nothing) {
    const std::string page = page_of(made_up_report(), std::nullopt);
    BOOST_TEST(count(page, "<script") == 0U);
    BOOST_TEST(count(page, "http://") + count(page, "https://") + count(page, "src=") == 0U);
    BOOST_TEST(count(page, "default-src 'none'") == 1U);
}

BOOST_AUTO_TEST_CASE(what_a_host_calls_itself_is_text) {
    Report report = made_up_report();
    report.kernel = "<script>alert(1)</script>";
    report.measured[0].irqchip = "<b>\"";
    report.measured[1].no_raw = "<i>";
    const std::string page = page_of(report, std::nullopt);
    BOOST_TEST(count(page, "<script") + count(page, "<b>") + count(page, "<i>") == 0U);
    BOOST_TEST(count(page, "&lt;script&gt;") == 1U);
}

BOOST_AUTO_TEST_CASE(a_comparison_is_on_the_page_too) {
    const Report report = made_up_report();
    BOOST_TEST(count(page_of(report, compare(report, report, "old.json")), "Since old.json") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
