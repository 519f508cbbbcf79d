#include "tools/report/changes.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/run_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools;
using scenarios::Verdict;

namespace {

Result result(const std::string& name, Verdict::Kind kind, const std::string& kernel = "6.1") {
    Result made;
    made.scenario = name;
    made.file = name + ".json";
    made.irqchip = "kernel";
    made.kernel = kernel;
    made.verdict.kind = kind;
    made.duration = std::chrono::milliseconds(1);
    return made;
}

Result with_runs(Result made, std::uint32_t runs, std::uint32_t bad) {
    made.runs = runs;
    made.bad_runs = bad;
    return made;
}

/// `failing a, lost b`.
std::string words(const Changes& changes) {
    const auto json = nlohmann::json::parse(changes_text(changes, {.format = "json"}));
    std::string text;
    for (const auto& each : json["changes"])
        text += (text.empty() ? "" : ", ") + each["change"].get<std::string>() + " " +
                each["scenario"].get<std::string>();
    return text;
}

std::string between(const std::vector<Result>& before, const std::vector<Result>& after) {
    return words(changes_between(before, after));
}

constexpr auto pass = Verdict::Kind::pass;
constexpr auto fail = Verdict::Kind::fail;
constexpr auto skip = Verdict::Kind::skip;
constexpr auto known = Verdict::Kind::known;

/// Six runs that took as long as given, so that there is a pace, and one more.
std::vector<Result> timed(std::chrono::milliseconds six, std::chrono::milliseconds one) {
    std::vector<Result> results;
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) results.push_back(result(name, pass));
    for (Result& each : results) each.duration = six;
    results.push_back(result("one", pass));
    results.back().duration = one;
    return results;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(changes)

BOOST_AUTO_TEST_CASE(every_pair_of_verdicts_is_one_kind_of_change) {
    const auto one = [](Verdict::Kind was, Verdict::Kind is) {
        return between({result("x", was)}, {result("x", is)});
    };
    BOOST_TEST(one(pass, pass) == "");
    BOOST_TEST(one(pass, fail) == "failing x");
    BOOST_TEST(one(pass, Verdict::Kind::error) == "failing x");
    BOOST_TEST(one(known, fail) == "failing x");
    BOOST_TEST(one(skip, fail) == "failing x");
    BOOST_TEST(one(fail, fail) == "");
    BOOST_TEST(one(fail, pass) == "fixed x");
    BOOST_TEST(one(fail, known) == "fixed x");
    BOOST_TEST(one(known, pass) == "fixed x");
    BOOST_TEST(one(pass, known) == "known x");
    BOOST_TEST(one(pass, skip) == "lost x");
    BOOST_TEST(one(fail, skip) == "lost x");
    BOOST_TEST(one(skip, pass) == "added x");
    BOOST_TEST(one(skip, skip) == "");
    BOOST_TEST(between({}, {result("x", pass)}) == "added x");
    BOOST_TEST(between({}, {result("x", fail)}) == "failing x");
    BOOST_TEST(between({result("x", pass)}, {}) == "lost x");
}

BOOST_AUTO_TEST_CASE(what_fails_in_some_runs_is_flaky) {
    const Result sometimes = with_runs(result("x", fail), 10, 3);
    BOOST_TEST(between({result("x", pass)}, {sometimes}) == "flaky x");
    BOOST_TEST(between({sometimes}, {with_runs(result("x", fail), 10, 10)}) == "failing x");
    BOOST_TEST(between({sometimes}, {sometimes}) == "");
    BOOST_TEST(between({sometimes}, {result("x", pass)}) == "fixed x");
    // A skip is no run.
    BOOST_TEST(between({result("x", pass)}, {result("x", fail), result("x", skip)}) == "failing x");
    // Several runs in one file, as `cat` joins them.
    BOOST_TEST(between({result("x", pass)}, {result("x", pass), result("x", fail)}) == "flaky x");
    const auto changes = changes_between(std::vector{result("x", pass)}, std::vector{sometimes});
    BOOST_TEST(changes_text(changes, {}).find("pass -> fail (3 of 10 runs)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(kernels_are_told_apart_unless_each_side_has_one) {
    BOOST_TEST(between({result("x", pass, "6.1")}, {result("x", fail, "7.2")}) == "failing x");
    const std::vector both = {result("x", pass, "6.1"), result("x", fail, "7.2")};
    BOOST_TEST(between(both, both) == "");
    BOOST_TEST(between(both, {result("x", fail, "7.2")}) == "lost x");
}

BOOST_AUTO_TEST_CASE(slower_is_beyond_the_pace_of_all) {
    using std::chrono::milliseconds;
    const auto before = timed(milliseconds(10), milliseconds(100));
    BOOST_TEST(between(before, timed(milliseconds(10), milliseconds(600))) == "slower one");
    BOOST_TEST(between(before, timed(milliseconds(60), milliseconds(600))) == "");
    BOOST_TEST(between(before, timed(milliseconds(10), milliseconds(250))) == "");
    // Three times as long, but nobody waits for that.
    BOOST_TEST(between(before, timed(milliseconds(10), milliseconds(320))) == "");
    BOOST_TEST(changes_between(before, timed(milliseconds(60), milliseconds(600))).pace == 6);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(results_of_several_runs, RunFixture)

namespace {

/// What a run wrote becomes a file.
std::string kept(RunFixture& fixture, const std::string& name, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--irqchip", "kernel", "--format", "jsonl"});
    (void)fixture.run_all(more);
    return fixture.file(name, fixture.out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(compare_fails_for_what_is_newly_failing_only) {
    good("a");
    good("b");
    const std::string old = kept(*this, "old.jsonl");
    file("a.json", scenario_text("a", failing_steps));
    const std::string recent = kept(*this, "new.jsonl");
    BOOST_TEST(run({"compare", old, old}) == 0);
    BOOST_TEST(run({"compare", recent, old}) == 0);
    BOOST_TEST(
        out.find("\n0 newly failing, 0 newly flaky, 0 no longer run, 0 newly known, 0 slower, 1 fixed, "
                 "0 added, 1 as before; ") != std::string::npos,
        out);
    BOOST_TEST(run({"compare", old, recent}) == 1);
    BOOST_TEST(out.find("newly failing\n  " + folder() +
                        "/a.json   kernel   Linux 6.1.176\n        pass -> fail: ") == 0U,
               out);
}

BOOST_AUTO_TEST_CASE(compare_refuses_what_is_no_result) {
    good();
    const std::string old = kept(*this, "old.jsonl");
    BOOST_TEST(run({"compare", old, folder() + "/none"}) == 2);
    BOOST_TEST(err.find("NEW: cannot read " + folder() + "/none: No such file") != std::string::npos, err);
    const std::string odd = file("odd.jsonl", "{\"record\":\"begin\"}\n{}\n");
    BOOST_TEST(run({"compare", odd, old}) == 2);
    BOOST_TEST(err.find("OLD: " + odd + ":1: ") != std::string::npos, err);
    BOOST_TEST(run({"compare", file("empty.jsonl", ""), old}) == 5);
    BOOST_TEST(run({"report", folder() + "/none"}) == 2);
    BOOST_TEST(err.find("FILE: cannot read ") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(a_run_that_was_cut_has_not_passed) {
    good("a");
    good("b");
    const std::string whole = kept(*this, "whole.jsonl");
    const std::string text = read("whole.jsonl");
    const std::string cut = file("cut.jsonl", text.substr(0, text.rfind("{\"record\":\"result\"")));
    const std::string no_end = file("no_end.jsonl", text.substr(0, text.rfind("{\"record\":\"end\"")));
    BOOST_TEST(run({"report", whole}) == 0);
    BOOST_TEST(err == "");
    BOOST_TEST(run({"report", cut}) == 130);
    BOOST_TEST(err == "irqbench: " + cut + ": the run did not get to its end: 1 of 2 results\n");
    BOOST_TEST(run({"report", no_end}) == 130);
    BOOST_TEST(run({"report", cut, whole}) == 130);
    BOOST_TEST(run({"compare", whole, cut}) == 130);
    BOOST_TEST(run({"compare", cut, whole}) == 0);
}

BOOST_AUTO_TEST_CASE(shards_are_all_of_it_and_report_joins_them) {
    for (const char* name : {"a", "b", "c", "d", "e"}) good(name);
    bad("f");
    std::vector<std::string> arguments{"report"};
    std::size_t total = 0;
    for (const char* shard : {"1/4", "2/4", "3/4", "4/4"}) {
        arguments.push_back(kept(*this, std::string(1, shard[0]) + ".jsonl", {"--shard", shard}));
        const std::size_t results = nlohmann::json::parse([&] {
                                        (void)run({"report", arguments.back(), "--format", "json"});
                                        return out;
                                    }())["results"]
                                        .size();
        BOOST_TEST((results == 1 || results == 2));
        total += results;
    }
    BOOST_TEST(total == 6U);
    BOOST_TEST(run(arguments) == 1);
    BOOST_TEST(out.find("5 passed, 1 failed, 0 skipped, 0 known, 0 errors: 6 runs in") != std::string::npos,
               out);
    arguments.insert(arguments.end(), {"--format", "tap"});
    BOOST_TEST(run(arguments) == 1);
    BOOST_TEST(out.starts_with("TAP version 13\n1..6\n"), out);
    for (const char* wrong :
         {"0/4", "5/4", "4", "/", "1/", "1/0", "-1/2", "1/2/3", "1/99999999999999999999"}) {
        BOOST_TEST(run_all({"--shard", wrong}) == 2);
        BOOST_TEST(err.find("is no I/N with I from 1 to N") != std::string::npos, err);
    }
    BOOST_TEST(run_all({"--shard", "9/9"}) == 5);
}

BOOST_AUTO_TEST_SUITE_END()
