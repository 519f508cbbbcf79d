#include "tools/report/kernels.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/scenarios/schema_validator.hpp"
#include "tests/tools/golden.hpp"
#include "tests/tools/samples.hpp"
#include "tools/report/json.hpp"
#include "tools/report/junit.hpp"
#include "tools/report/ktap.hpp"
#include "tools/report/matrix.hpp"
#include "tools/report/tap.hpp"
#include "tools/report/text.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools;

namespace {

constexpr std::chrono::microseconds elapsed{41'234'567};

/// Three kernels that do not have the same results, and one that did not come up.
std::vector<Result> results_of_kernels() {
    using Kind = scenarios::Verdict::Kind;
    std::vector<Result> all;
    const auto add = [&all](const std::string& release, std::vector<Result> results) {
        for (Result& result : results) {
            result.kernel = release;
            all.push_back(std::move(result));
        }
    };
    auto old = sample_results();
    old[2].verdict.kind = Kind::known;
    old[2].verdict.reason = "fixed in Linux 5.14: unmask resamples instead of injecting (X07)";
    add("5.10.0-40-cloud-amd64", old);
    add("6.1.0-50-cloud-amd64", sample_results());
    auto recent = sample_results();
    recent.resize(4);
    recent[1].verdict = recent[2].verdict = recent[0].verdict;
    auto extra = recent[3];
    extra.file = "scenarios/x86/pic/spurious.json";
    extra.scenario = "#GP is no spurious interrupt";
    extra.verdict.reason = "needs trait:eoi_exit";
    recent.insert(recent.begin() + 2, extra);
    add("7.2.1", recent);
    Result boot;
    boot.scenario = "the lab runs the scenarios on vmlinuz-6.12";
    boot.file = "vmlinuz-6.12";
    boot.runs = 0;
    boot.verdict.kind = Kind::error;
    boot.verdict.reason = "kernel panic: no init found";
    add("vmlinuz-6.12", {boot});
    return all;
}

std::vector<Result> results_on(const std::vector<std::string>& releases) {
    std::vector<Result> results;
    for (const auto& release : releases) {
        results.push_back(sample_results().front());
        results.back().kernel = release;
    }
    return results;
}

std::string names(const std::vector<std::string>& releases) {
    const KernelNames kernels(results_on(releases));
    std::string text;
    for (const auto& release : releases) text += (text.empty() ? "" : " ") + kernels.of(release);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reports_of_several_kernels)

BOOST_AUTO_TEST_CASE(modes_are_in_the_order_of_files_that_have_them_all) {
    std::vector<Result> results;
    const auto add = [&results](const std::string& file, std::initializer_list<const char*> modes) {
        for (const char* mode : modes) {
            Result result;
            result.file = file;
            result.irqchip = mode;
            results.push_back(result);
        }
    };
    add("scenarios/arm64/first.json", {"model"});
    add("scenarios/x86/second.json", {"kernel", "split", "model"});
    add("scenarios/x86/third.json", {"kernel", "userspace", "model"});
    const auto kernels = by_kernel(results);
    std::string order;
    for (const ModeResults& mode : kernels.at(0).modes) order += mode.irqchip + " ";
    BOOST_TEST(order == "kernel split userspace model ");
}

BOOST_AUTO_TEST_CASE(text) {
    BOOST_TEST(is_golden(text_report(results_of_kernels(), elapsed, {}), "kernels.txt"));
}

BOOST_AUTO_TEST_CASE(verbose_text_in_colour) {
    TextStyle style;
    style.verbose = true;
    style.colour = true;
    BOOST_TEST(is_golden(text_report(results_of_kernels(), elapsed, style), "kernels_verbose_colour.txt"));
}

BOOST_AUTO_TEST_CASE(junit) { BOOST_TEST(is_golden(junit_report(results_of_kernels()), "kernels.xml")); }

BOOST_AUTO_TEST_CASE(tap) { BOOST_TEST(is_golden(tap_report(results_of_kernels()), "kernels.tap")); }

BOOST_AUTO_TEST_CASE(ktap) { BOOST_TEST(is_golden(ktap_report(results_of_kernels()), "kernels.ktap")); }

BOOST_AUTO_TEST_CASE(json) {
    const auto results = results_of_kernels();
    const auto report = nlohmann::json::parse(json_report(results));
    BOOST_TEST(scenarios::results_schema_accepts(report));
    for (std::size_t i = 0; i < results.size(); ++i)
        BOOST_TEST(report["results"][i]["kernel"] == results[i].kernel);
}

BOOST_AUTO_TEST_CASE(kernels_are_called_as_short_as_tells_them_apart) {
    BOOST_TEST(names({"5.10.0-40-cloud-amd64", "6.1.0-50", "7.2.1", "7.3-rc1"}) == "5.10 6.1 7.2 7.3");
    BOOST_TEST(names({"6.1.20", "6.1.176+", "6.12.9"}) == "6.1.20 6.1.176 6.12.9");
    BOOST_TEST(names({"6.1.0-40-amd64", "6.1.0-50-amd64"}) == "6.1.0-40-amd64 6.1.0-50-amd64");
    BOOST_TEST(names({"next-20260101", "6", "6.", ".1", "6.1"}) == "next-20260101 6 6. .1 6.1");
    BOOST_TEST(names({"6.1\x1b", "6.2\n"}) == "6.1 6.2");
    BOOST_TEST(names({"x\x1b", "y"}) == "x\ufffd y");
}

BOOST_AUTO_TEST_CASE(rows_keep_their_order_where_a_kernel_lacks_some) {
    auto results = results_on({"6.1", "6.1", "6.2", "6.2", "6.2"});
    const char* files[] = {"a/1.json", "a/4.json", "a/2.json", "a/3.json", "a/4.json"};
    for (std::size_t i = 0; i < results.size(); ++i) results[i].file = files[i];
    const std::string text = kernel_matrix(results, {});
    BOOST_TEST(text ==
               "      6.1      6.2\n"
               "      kernel   kernel\n"
               "  1   pass     -\n"
               "  2   -        pass\n"
               "  3   -        pass\n"
               "  4   pass     pass\n");
}

BOOST_AUTO_TEST_CASE(of_two_results_in_one_cell_the_worse_shows) {
    auto results = results_on({"6.1", "6.1", "6.2"});
    results[0].verdict.kind = scenarios::Verdict::Kind::fail;
    BOOST_TEST(kernel_matrix(results, {}).find("FAIL     pass") != std::string::npos);
    std::swap(results[0], results[1]);
    BOOST_TEST(kernel_matrix(results, {}).find("FAIL     pass") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_wider_than_its_columns_widens_them) {
    auto results = results_on({"6.1.0-40-cloud-amd64", "6.1.0-50-cloud-amd64"});
    BOOST_TEST(kernel_matrix(results, {}) ==
               "             6.1.0-40-cloud-amd64   6.1.0-50-cloud-amd64\n"
               "             kernel                 kernel\n"
               "  rotation   pass                   pass\n");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ktap_reports)

BOOST_AUTO_TEST_CASE(of_one_kernel) { BOOST_TEST(is_golden(ktap_report(sample_results()), "report.ktap")); }

BOOST_AUTO_TEST_CASE(of_nothing_is_a_plan) { BOOST_TEST(ktap_report({}) == "KTAP version 1\n1..0\n"); }

BOOST_AUTO_TEST_CASE(interrupted_bails_out) {
    BOOST_TEST(ktap_report(sample_results(), true).ends_with("\nBail out! interrupted\n"));
    BOOST_TEST(!ktap_report(sample_results()).ends_with("\nBail out! interrupted\n"));
}

BOOST_AUTO_TEST_CASE(what_was_skipped_altogether_is_skipped) {
    const auto results = sample_results();
    const std::string text = ktap_report(std::span(results).subspan(3, 1));
    BOOST_TEST(text.ends_with("  ok 1 split # SKIP\nok 1 Linux 6.1.176 # SKIP\n"));
}

BOOST_AUTO_TEST_SUITE_END()
