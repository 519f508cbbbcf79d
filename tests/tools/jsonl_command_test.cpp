#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/scenarios/schema_validator.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/report/json.hpp"
#include "tools/report/records.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools;

namespace {

struct JsonlFixture : Cli {
    JsonlFixture() {
        file("bad.json", scenario_text("bad", failing_steps));
        file("good.json", scenario_text("good", passing_steps));
    }

    /// Runs everything. @returns the records, each of which the schema accepts
    std::vector<Record> records(const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"run", folder(), "--format", "jsonl"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        status = run(arguments);
        BOOST_TEST(out.ends_with('\n'));
        std::vector<Record> all;
        std::istringstream lines(out);
        for (std::string line; std::getline(lines, line);) {
            BOOST_TEST(scenarios::records_schema_accepts(nlohmann::json::parse(line)), line);
            all.push_back(parse_record(line));
        }
        return all;
    }

    int status = -1;
};

/// The records as one word each, with the indices of tasks: `begin started0 result0 end`. Progress depends on
/// the time.
std::string outline(const std::vector<Record>& records) {
    std::string text;
    for (const Record& each : records) {
        if (!text.empty() && !std::holds_alternative<record::Progress>(each)) text += ' ';
        if (std::holds_alternative<record::Begin>(each)) text += "begin";
        if (const auto* started = std::get_if<record::Started>(&each))
            text += "started" + std::to_string(started->index);
        if (const auto* finished = std::get_if<record::Finished>(&each))
            text += "result" + std::to_string(finished->index);
        if (std::holds_alternative<record::End>(each)) text += "end";
    }
    return text;
}

/// The first result there is.
const record::Finished& first_result(const std::vector<Record>& records) {
    for (const Record& each : records)
        if (const auto* finished = std::get_if<record::Finished>(&each)) return *finished;
    throw std::runtime_error("no result");
}

std::vector<Result> results_of(const std::vector<Record>& records) {
    std::map<std::uint64_t, Result> by_index;
    for (const Record& each : records)
        if (const auto* finished = std::get_if<record::Finished>(&each))
            by_index[finished->index] = finished->result;
    std::vector<Result> results;
    for (auto& [index, result] : by_index) results.push_back(std::move(result));
    return results;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(jsonl, JsonlFixture)

BOOST_AUTO_TEST_CASE(tells_of_every_task_as_it_begins_and_ends) {
    const auto all = records();
    BOOST_TEST(outline(all) ==
               "begin started0 result0 started1 result1 started2 result2 started3 result3 end");
    const auto& begin = std::get<record::Begin>(all.front());
    BOOST_TEST(begin.kernel == "6.1.176");
    BOOST_TEST(begin.tasks == 4U);
    BOOST_TEST(!begin.version.empty());
    const auto& started = std::get<record::Started>(all[1]);
    BOOST_TEST(started.file == folder() + "/bad.json");
    BOOST_TEST(started.irqchip == "kernel");
    BOOST_TEST(started.scenario == "bad");
    BOOST_TEST(started.kernel == "6.1.176");
    const auto& end = std::get<record::End>(all.back());
    BOOST_TEST(status == 1);
    BOOST_TEST(end.status == 1);
    BOOST_TEST(!end.interrupted);
    BOOST_TEST(end.elapsed.count() > 0);
}

BOOST_AUTO_TEST_CASE(its_results_are_those_of_the_report) {
    file("malformed.json", "{");
    auto results = results_of(records({"--jobs", "3"}));
    run({"run", folder(), "--format", "json"});
    auto report = nlohmann::json::parse(out);
    auto made = nlohmann::json::parse(json_report(results));
    for (auto* each : {&report, &made})
        for (auto& result : (*each)["results"]) result["duration_us"] = 0;
    BOOST_TEST(made == report);
    BOOST_TEST(results[0].verdict.failure.has_value());
    BOOST_TEST(results[0].excerpt.events.size() > 0U);
    BOOST_TEST(results[4].malformed);
}

BOOST_AUTO_TEST_CASE(what_needs_no_run_has_a_result_and_no_beginning) {
    file("a.json", "{");
    BOOST_TEST(outline(records({"--irqchip", "kernel"})) ==
               "begin result0 started1 result1 started2 result2 end");
    host.placements = {"split"};
    BOOST_TEST(outline(records({"--irqchip", "kernel"})) == "begin result0 result1 result2 end");
    BOOST_TEST(machines == 2);
}

BOOST_AUTO_TEST_CASE(repeats_are_one_result_that_comes_when_all_are_over) {
    const auto all = records({"--irqchip", "kernel", "--repeat", "5", "--jobs", "4"});
    const std::string text = outline(all);
    BOOST_TEST(text.find("begin started0") == 0U);
    BOOST_TEST(results_of(all).size() == 2U);
    for (const Result& result : results_of(all)) BOOST_TEST(result.runs == 5U);
}

BOOST_AUTO_TEST_CASE(progress_is_told_when_something_has_changed_and_not_too_often) {
    const auto slow = std::chrono::milliseconds(120);
    prepare = [&](FakeMachine&) { std::this_thread::sleep_for(slow); };
    std::vector<record::Progress> progress;
    const auto begin = std::chrono::steady_clock::now();
    for (const Record& each : records({"--irqchip", "kernel", "--repeat", "4"}))
        if (const auto* told = std::get_if<record::Progress>(&each)) progress.push_back(*told);
    const auto took = std::chrono::steady_clock::now() - begin;
    BOOST_TEST(progress.size() >= 2U);
    BOOST_TEST(progress.size() <= static_cast<std::size_t>(took / std::chrono::milliseconds(200)) + 1);
    for (std::size_t i = 0; i < progress.size(); ++i) {
        BOOST_TEST(progress[i].total == 8U);
        BOOST_TEST(progress[i].done > (i == 0 ? 0 : progress[i - 1].done));
    }
    BOOST_TEST(progress.back().failed >= 3U);
}

BOOST_AUTO_TEST_CASE(interrupted_it_ends_with_what_is_there) {
    prepare = [this](FakeMachine&) {
        if (machines == 3) interrupted = true;
    };
    const auto all = records({"--irqchip", "kernel", "--repeat", "2"});
    BOOST_TEST(outline(all) == "begin started0 result0 started1 end");
    BOOST_TEST(status == 130);
    BOOST_TEST(std::get<record::End>(all.back()).status == 130);
    BOOST_TEST(std::get<record::End>(all.back()).interrupted);
    BOOST_TEST(first_result(all).complete);
}

BOOST_AUTO_TEST_CASE(interrupted_repeats_are_told_as_incomplete) {
    prepare = [this](FakeMachine&) {
        if (machines == 3) interrupted = true;
    };
    const auto all = records({"--irqchip", "kernel", "--repeat", "9"});
    BOOST_TEST(outline(all) == "begin started0 result0 end");
    BOOST_TEST(!first_result(all).complete);
    BOOST_TEST(first_result(all).result.runs == 2U);
}

BOOST_AUTO_TEST_CASE(nothing_to_run_is_a_beginning_and_an_end) {
    BOOST_TEST(outline(records({"--tag", "none"})) == "begin end");
    BOOST_TEST(status == 5);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(resume, JsonlFixture)

namespace {

/// Without what depends on the time.
nlohmann::json timeless(const std::string& report) {
    auto json = nlohmann::json::parse(report);
    for (auto& result : json["results"]) result["duration_us"] = 0;
    return json;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tells_again_what_there_was_and_runs_the_rest) {
    records();
    const std::string whole = out;
    run({"run", folder(), "--format", "json"});
    const auto direct = timeless(out);
    const std::size_t cut = whole.find("\"record\":\"started\",\"index\":2");
    const std::string path = file("earlier", whole.substr(0, cut + 9));
    machines = 0;
    const auto rest = records({"--resume", path});
    BOOST_TEST(outline(rest) == "begin result0 result1 started2 result2 started3 result3 end");
    BOOST_TEST(timeless(json_report(results_of(rest))) == direct);
    BOOST_TEST(machines == 2);
    BOOST_TEST(std::get<record::Begin>(rest.front()).tasks == 4U);
    // The failures are among the earlier results.
    BOOST_TEST(status == 1);
    BOOST_TEST(std::get<record::End>(rest.back()).status == 1);
    BOOST_TEST(run({"run", folder(), "--format", "json", "--resume", path}) == 1);
    BOOST_TEST(timeless(out) == direct);
}

BOOST_AUTO_TEST_CASE(merges_the_failure_with_its_timeline) {
    records({"--irqchip", "kernel"});
    const std::string path = file("earlier", out);
    machines = 0;
    BOOST_TEST(run({"run", folder(), "--irqchip", "kernel", "--resume", path}) == 1);
    BOOST_TEST(machines == 0);
    BOOST_TEST(out.find("<-- nobody claimed this") != std::string::npos);
    BOOST_TEST(out.find("1 passed, 1 failed, 0 skipped, 0 known, 0 errors: 2 runs in") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(progress_goes_on_from_what_is_done) {
    records({"--irqchip", "kernel"});
    const std::string path = file("earlier", out);
    prepare = [](FakeMachine&) { std::this_thread::sleep_for(std::chrono::milliseconds(120)); };
    for (const Record& each : records({"--resume", path}))
        if (const auto* told = std::get_if<record::Progress>(&each)) {
            BOOST_TEST(told->total == 4U);
            BOOST_TEST(told->done > 2U);
            BOOST_TEST(told->failed >= 1U);
        }
}

BOOST_AUTO_TEST_CASE(what_was_interrupted_between_its_repeats_is_run_again) {
    prepare = [this](FakeMachine&) {
        if (machines == 5) interrupted = true;
    };
    BOOST_TEST(outline(records({"--irqchip", "kernel", "--repeat", "3"})) ==
               "begin started0 result0 started1 result1 end");
    const std::string path = file("earlier", out);
    interrupted = false;
    prepare = {};
    machines = 0;
    const auto rest = records({"--irqchip", "kernel", "--repeat", "3", "--resume", path});
    BOOST_TEST(outline(rest) == "begin result0 started1 result1 end");
    BOOST_TEST(machines == 3);
}

BOOST_AUTO_TEST_CASE(results_of_files_that_are_not_asked_for_are_left_out) {
    records();
    const std::string path = file("earlier", out);
    BOOST_TEST(run({"run", folder() + "/good.json", "--resume", path, "--format", "json"}) == 0);
    BOOST_TEST(nlohmann::json::parse(out)["results"].size() == 2U);
}

BOOST_AUTO_TEST_CASE(nothing_told_yet_is_nothing_left_out) {
    for (const char* text : {"", "{\"rec", "{\"record\":\"begin\",\"vers"}) {
        const std::string path = file("earlier", text);
        BOOST_TEST(results_of(records({"--resume", path})).size() == 4U);
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_record_of_such_a_run_is_refused) {
    records();
    const std::string path = file("earlier", out + "Linux version 6.1\n" + out);
    const auto lines = std::count(out.begin(), out.end(), '\n');
    machines = 0;
    BOOST_TEST(run({"run", folder(), "--resume", path}) == 2);
    BOOST_TEST(err.find(fmt::format("--resume: {}:{}: no JSON at byte 1\n", path, lines + 1)) == 0U);
    BOOST_TEST(run({"run", folder(), "--resume", folder() + "/good.json"}) == 2);
    BOOST_TEST(err.find("--resume: " + folder() + "/good.json") == 0U);
    BOOST_TEST(run({"run", folder(), "--resume", file("one line", "no record")}) == 2);
    BOOST_TEST(run({"run", folder(), "--resume", file("one line", R"({"record":"bend"})")}) == 2);
    BOOST_TEST(run({"run", folder(), "--resume", folder() + "/none"}) == 2);
    BOOST_TEST(err.find("--resume: cannot read " + folder() + "/none: No such file or directory") == 0U);
    BOOST_TEST(run({"run", folder(), "--resume", folder()}) == 2);
    BOOST_TEST(err.find("Is a directory") != std::string::npos);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_CASE(results_of_another_kernel_are_not_this_ones) {
    records();
    const std::string path = file("earlier", out);
    host.kernel = "6.12.9";
    machines = 0;
    records({"--resume", path});
    BOOST_TEST(machines == 4);
    BOOST_TEST(err.find("all is run, because the results are of Linux 6.1.176; this is Linux 6.12.9") !=
                   std::string::npos,
               err);
    // Of several kernels each goes on from its own.
    const std::string both = file("both", read("earlier") + out);
    machines = 0;
    records({"--resume", both});
    BOOST_TEST(machines == 0);
    BOOST_TEST(err == "");
}

BOOST_AUTO_TEST_CASE(is_not_overwritten_by_a_trace) {
    records();
    const std::string text = out;
    const std::string path = file("earlier", text);
    BOOST_TEST(run({"run", folder(), "--resume", path, "--trace-out", path}) == 2);
    BOOST_TEST(err.find("is the file of --resume") != std::string::npos);
    BOOST_TEST(read("earlier") == text);
}

BOOST_AUTO_TEST_CASE(of_an_option_given_twice_the_last_counts) {
    records();
    const std::string path = file("earlier", out);
    const std::string none = file("none", "");
    machines = 0;
    BOOST_TEST(run({"run",         folder(),
                    "--format",    "text",
                    "--format",    "json",
                    "--irqchip",   "all",
                    "--irqchip",   "split",
                    "--jobs",      "3",
                    "--jobs",      "1",
                    "--resume",    path,
                    "--resume",    none,
                    "--trace-out", folder() + "/a.jsonl",
                    "--trace-out", folder() + "/b.jsonl"}) == 1);
    const auto report = nlohmann::json::parse(out);
    BOOST_TEST(report["results"].size() == 2U);
    BOOST_TEST(report["results"][0]["irqchip"] == "split");
    BOOST_TEST(machines == 2);
    BOOST_TEST(!std::filesystem::exists(folder() + "/a.jsonl"));
    BOOST_TEST(std::filesystem::exists(folder() + "/b.jsonl"));
}

BOOST_AUTO_TEST_SUITE_END()
