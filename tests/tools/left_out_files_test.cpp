#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/tools/run_fixture.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/report/report.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

/// An arm64 host with two files for its kernel mode and three for x86, whose controllers are modelled
/// anywhere.
struct TwoArchitectures : RunFixture {
    TwoArchitectures() {
        host.arch = "arm64";
        host.placements = {"kernel", "userspace", "model"};
        host.own["model"] = {{}, false};
        own("first");
        own("second");
        for (const char* name : {"other-a", "other-b", "other-c"}) good(name);
    }
    void own(const std::string& name) {
        file(name + ".json", R"({ "name": ")" + name + R"(", "arch": "arm64", "source": "a test",
            "modes": { "only": ["kernel"], "because": "a test" },
            "steps": [ { "msi": { "event": 81, "address": 0 } }, { "ack": 81 } ] })");
    }
    /// `first kernel pass`, a line each.
    std::string summary(std::vector<std::string> more = {}) {
        const nlohmann::json report = results(std::move(more));
        std::string text;
        for (const auto& result : report["results"])
            for (const char* key : {"scenario", "irqchip", "verdict"})
                text += result[key].get<std::string>() + (key[0] == 'v' ? "\n" : " ");
        return text;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(left_out_files, TwoArchitectures)

BOOST_AUTO_TEST_CASE(a_folders_files_for_another_architecture_are_counted_in_one_line) {
    host.placements = {"kernel", "userspace"};
    BOOST_TEST(summary() ==
               "first kernel pass\nfirst userspace skip\nsecond kernel pass\nsecond userspace skip\n");
    BOOST_TEST(err == "irqbench: 3 files for x86_64 left out: this host's KVM is arm64\n");
}

BOOST_AUTO_TEST_CASE(a_mode_that_could_run_them_is_named_and_not_chosen_unasked) {
    BOOST_TEST(summary({"--filter", "other-a|first"}) ==
               "first kernel pass\nfirst userspace skip\nfirst model skip\n");
    BOOST_TEST(err ==
               "irqbench: 1 file for x86_64 left out: this host's KVM is arm64; --irqchip model runs them\n");
}

BOOST_AUTO_TEST_CASE(asked_for_the_model_runs_them_and_no_other_mode_mentions_them) {
    BOOST_TEST(summary({"--irqchip", "kernel,model", "--filter", "other-a|first"}) ==
               "first kernel pass\nfirst model skip\nother-a model pass\n");
    BOOST_TEST(err == "");
}

BOOST_AUTO_TEST_CASE(where_the_model_is_all_there_is_it_runs_them) {
    host.placements = {"model"};
    host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(summary({"--filter", "other-a|first"}) == "first model skip\nother-a model pass\n");
    BOOST_TEST(err.find("left out") == std::string::npos);
    BOOST_TEST(summary({"--filter", "other-a|first", "--irqchip", "kernel"}) == "first kernel skip\n");
    BOOST_TEST(err.find("1 file for x86_64 left out: this host is arm64; --irqchip model runs them\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_no_model_has_is_left_out_for_that_reason) {
    host.arch = "x86_64";
    host.placements = {"model"};
    host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(summary({"--irqchip", "split", "--filter", "other-a|first"}) == "other-a split skip\n");
    host.own["split"] = {{}, false};
    BOOST_TEST(summary({"--irqchip", "split", "--filter", "other-a|first"}) == "other-a split skip\n");
    BOOST_TEST(err.find("1 file for arm64 left out: arm64 has no split irqchip mode\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_named_says_why_it_is_skipped) {
    BOOST_TEST(run({"run", folder() + "/other-a.json", "--irqchip", "kernel"}) == 5);
    BOOST_TEST(out.find("is for x86_64, this host is arm64") != std::string::npos);
    BOOST_TEST(err == "");
    // Also if the folder has it first.
    BOOST_TEST(run({"run", folder(), folder() + "/other-a.json", "--irqchip", "kernel"}) == 0);
    BOOST_TEST(out.find("is for x86_64, this host is arm64") != std::string::npos);
    BOOST_TEST(
        err ==
        "irqbench: 2 files for x86_64 left out: this host's KVM is arm64; --irqchip model runs them\n");
}

BOOST_AUTO_TEST_CASE(where_nothing_else_is_there_nothing_is_executed_in_any_format) {
    const std::vector<std::string> only{"--filter", "other-", "--irqchip", "kernel"};
    BOOST_TEST(results(only)["results"].empty());
    for (const std::string format : tools::report_formats) {
        auto arguments = only;
        arguments.insert(arguments.end(), {"--format", format});
        BOOST_TEST(run_all(arguments) == 5, format);
        BOOST_TEST(out.find("x86_64") == std::string::npos, format);
        BOOST_TEST(err.find("irqbench: 3 files for x86_64 left out: ") == 0U, format);
    }
    run_all({"--irqchip", "kernel", "--format", "jsonl"});
    std::istringstream lines(out);
    std::string line;
    BOOST_REQUIRE(std::getline(lines, line));
    BOOST_TEST(nlohmann::json::parse(line)["tasks"] == 2);
    run_all({"--filter", "other-", "--irqchip", "kernel", "--format", "tap"});
    BOOST_TEST(out == "TAP version 13\n1..0\n");
}

BOOST_AUTO_TEST_CASE(a_trace_does_not_overwrite_them_either) {
    BOOST_TEST(run_all({"--irqchip", "kernel", "--trace-out", folder() + "/other-a.json"}) == 2);
    BOOST_TEST(read("other-a.json").find("\"x86_64\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
