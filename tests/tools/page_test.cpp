#include "tools/report/page.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/tools/samples.hpp"

namespace irqbench::tests {

namespace {

using tools::html_page;

std::size_t count_of(const std::string& text, const std::string& wanted) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(wanted, at)) != std::string::npos; at += wanted.size()) ++count;
    return count;
}

nlohmann::json data_of(const std::string& page) {
    const std::string begin = R"(id="data">)";
    const std::size_t from = page.find(begin) + begin.size();
    return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

tools::Result with_recording(tools::Result result, std::size_t events = 3) {
    result.recording.emplace();
    for (std::size_t i = 0; i < events; ++i)
        result.recording->events.push_back(event_of(vmm::event::Call{"raise", "10", 10, {}}));
    result.recording->end = events;
    return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(page)

BOOST_AUTO_TEST_CASE(names_reasons_and_events_never_become_markup) {
    const std::string evil = "</script><img src=x onerror=alert(1)><!--{{style}}";
    auto results = sample_results();
    const std::string plain = html_page(results);
    for (auto& result : results) {
        result = with_recording(std::move(result));
        result.scenario = result.file = result.verdict.reason = result.source = evil;
        result.recording->events.push_back(event_of(vmm::event::Wire{{}, evil}, vmm::Lane::wire));
    }
    results.front().kernel = evil;
    const std::string page = html_page(results);
    for (const char* markup : {"<script", "</script", "<img", "<!--", "<style"})
        BOOST_TEST(count_of(page, markup) == count_of(plain, markup), markup);
    BOOST_TEST(data_of(page)["rows"][0]["name"] == evil);
}

BOOST_AUTO_TEST_CASE(the_page_loads_nothing) {
    const std::string page = html_page(sample_results());
    BOOST_TEST(page.find("default-src 'none'") != std::string::npos);
    // A name of a kind of element, which is not loaded.
    BOOST_TEST(count_of(page, "://") == count_of(page, "http://www.w3.org/2000/svg"));
    for (const char* word : {" src=", "<link", "@import", "fetch(", "innerHTML", "outerHTML",
                             "insertAdjacentHTML", "document.write", "eval("})
        BOOST_TEST(page.find(word) == std::string::npos, word);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_text_are_replaced) {
    auto results = sample_results();
    results.front().scenario = "\xff\xfe";
    BOOST_TEST(data_of(html_page(results))["rows"][0]["name"] == "\xef\xbf\xbd\xef\xbf\xbd");
}

BOOST_AUTO_TEST_CASE(a_run_that_did_not_pass_has_its_timeline_first_and_the_page_says_what_has_none) {
    auto results = sample_results();
    for (auto& result : results) result = with_recording(std::move(result));
    tools::PageOptions options;
    options.most_timeline_bytes = 150;
    const auto data = data_of(html_page(results, options));
    std::size_t without = 0;
    bool any = false;
    for (const auto& run : data["runs"]) {
        without += run.contains("picture") ? 0U : 1U;
        any = any || run.contains("picture");
        if (run["verdict"] == "pass") BOOST_TEST(!run.contains("picture"));
    }
    BOOST_TEST(any);
    BOOST_TEST(data["undrawn"] == without);
    BOOST_TEST(data_of(html_page(results))["undrawn"] == 0);
}

BOOST_AUTO_TEST_CASE(a_column_holds_differences_to_base_36) {
    auto result = with_recording(failed_sample(), 4);
    const std::int64_t times[] = {0, 36, 36, 35};
    for (std::size_t i = 0; i < 4; ++i) result.recording->events[i].at = std::chrono::nanoseconds(times[i]);
    const auto data = data_of(html_page(std::vector{result}));
    BOOST_TEST(data["runs"][0]["picture"]["marks"][0] == ",10,,-1");
}

BOOST_AUTO_TEST_CASE(two_kernels_are_columns_of_their_own_and_one_row) {
    auto results = std::vector{failed_sample(), failed_sample()};
    results[1].kernel = "7.2.1";
    const auto data = data_of(html_page(results));
    BOOST_TEST(data["rows"].size() == 1U);
    BOOST_TEST(data["columns"].size() == 2U);
    BOOST_TEST(data["columns"][1]["kernel"] == "7.2");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
