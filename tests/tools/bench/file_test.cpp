#include "tools/bench/file.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "scenarios/engine/scenario.hpp"
#include "tests/tools/bench/samples.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools::bench;

namespace {

/// The file of a report after something was done to it.
template <class Change>
std::string complaint(Change change) {
    auto json = nlohmann::ordered_json::parse(file_text(made_up_report()));
    change(json);
    try {
        static_cast<void>(parse_report("old.json", json.dump()));
    } catch (const scenarios::ScenarioError& error) {
        return error.pointer() + ": " + error.reason();
    }
    return "none";
}

bool is_so(const std::string& said, const std::string& words) {
    BOOST_TEST_INFO(said);
    return said.find(words) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_file)

BOOST_AUTO_TEST_CASE(a_report_comes_back_as_it_was_written) {
    const Report before = made_up_report();
    const Report after = parse_report("old.json", file_text(before));
    BOOST_TEST(after.kernel == before.kernel);
    BOOST_TEST((after.setup == before.setup));
    BOOST_TEST(after.warnings == before.warnings);
    BOOST_TEST((after.measured == before.measured));
}

BOOST_AUTO_TEST_CASE(a_record_is_one_line_that_is_a_report_by_itself) {
    const Report report = made_up_report();
    const std::string line = record_line(report, report.measured.front());
    BOOST_TEST(line.find('\n') == line.size() - 1);
    BOOST_TEST((parse_report("old.json", line).measured.front() == report.measured.front()));
}

BOOST_AUTO_TEST_CASE(what_is_no_report_is_refused_where_it_is_wrong) {
    using Json = nlohmann::ordered_json;
    BOOST_TEST(complaint([](Json&) {}) == "none");
    BOOST_TEST(is_so(complaint([](Json& json) { json["irqbench_bench"] = 2; }), "/irqbench_bench: "));
    BOOST_TEST(is_so(complaint([](Json& json) { json.erase("kernel"); }), "kernel"));
    BOOST_TEST(is_so(complaint([](Json& json) { json["guest"] = "haltet"; }), "did you mean 'halted'"));
    BOOST_TEST(is_so(complaint([](Json& json) { json["measured"][0]["path"] = "mis"; }),
                     "/measured/0/path: unknown word \"mis\", did you mean 'msi'"));
    BOOST_TEST(is_so(complaint([](Json& json) { json["measured"][0]["median"] = 1; }), "/measured/0"));
    BOOST_TEST(is_so(complaint([](Json& json) { json["measured"][2]["reason"].clear(); }), "/measured/2"));
    BOOST_TEST(is_so(complaint([](Json& json) { json["measured"][0].erase("bench"); }),
                     "/measured/0: needs either 'bench' or 'reason'"));
}

BOOST_AUTO_TEST_CASE(bins_that_cannot_be_are_refused) {
    using Json = nlohmann::ordered_json;
    const auto of_bins = [](auto change) {
        return complaint([&](Json& json) { change(json["measured"][0]["bench"]); });
    };
    const std::string at = "/measured/0/bench: ";
    BOOST_TEST(of_bins([](Json& json) { json["samples"] = 1999; }) ==
               at + "the bins have more than 1999 samples");
    BOOST_TEST(of_bins([](Json& json) { json["samples"] = 2001; }) ==
               at + "the bins have 2000 samples, not 2001");
    BOOST_TEST(
        is_so(of_bins([](Json& json) { json["bins"][1][0] = 20'097; }), at + "no bin begins at 20097 ns"));
    BOOST_TEST(is_so(of_bins([](Json& json) { std::swap(json["bins"][0], json["bins"][1]); }),
                     at + "bin 1 is not above the one before"));
    BOOST_TEST(is_so(of_bins([](Json& json) { json["bins"][0] = {20'000}; }), at + "bin 0 is not"));
    BOOST_TEST(is_so(of_bins([](Json& json) { json["bins"][0][1] = 0; }), at + "bin 0 is not"));
    BOOST_TEST(is_so(of_bins([](Json& json) { json["max_ns"] = 1; }), at + "'min_ns' and 'max_ns'"));
    BOOST_TEST(is_so(of_bins([](Json& json) { json["bins"].clear(); }), at.substr(0, at.size() - 2)));
}

BOOST_AUTO_TEST_SUITE_END()
