#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <thread>

#include "tests/tools/run_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;

BOOST_FIXTURE_TEST_SUITE(repeats, RunFixture)

BOOST_AUTO_TEST_CASE(repeats_are_one_result_with_the_worst_verdict) {
    good();
    prepare = [this](FakeMachine& machine) {
        if (machines == 3) machine.causes["msi"] = {taken(0x61)};
    };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--repeat", "5"}) == 1);
    BOOST_TEST(machines == 5);
    BOOST_TEST(out.find("failed 1 of 5 runs; this is the first") != std::string::npos);
    BOOST_TEST(out.find("came ack 0x61 on vCPU 0 (1 of 5 runs)\n") != std::string::npos);
    BOOST_TEST(out.find("0 passed, 1 failed, 0 skipped, 0 known, 0 errors: 5 runs in") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_run_that_ended_in_an_error_is_played_again_if_asked) {
    good();
    std::string what = "KVM_EXIT_SHUTDOWN\nrip 0xfff0";
    int bad_machines = 2;
    prepare = [&](FakeMachine&) {
        if (machines <= bad_machines) throw std::runtime_error(what);
    };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--retry-errors", "2"}) == 0);
    BOOST_TEST(machines == 3);
    BOOST_TEST(
        out.find("\nplayed again after an error\n     1  KVM_EXIT_SHUTDOWN (kernel)\n") != std::string::npos,
        out);
    BOOST_TEST(out.find("1 passed, 0 failed, 0 skipped, 0 known, 0 errors: 1 run in") != std::string::npos);

    machines = 0;
    bad_machines = 3;
    BOOST_TEST(run_all({"--irqchip", "kernel", "--retry-errors", "2"}) == 3);
    BOOST_TEST(machines == 3);
    BOOST_TEST(out.find("0 passed, 0 failed, 0 skipped, 0 known, 1 error: 1 run in") != std::string::npos);

    machines = 0;
    bad_machines = 1;
    BOOST_TEST(run_all({"--irqchip", "kernel"}) == 3);
    BOOST_TEST(machines == 1);
    BOOST_TEST(out.find("played again") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_format_says_what_was_played_again) {
    good();
    prepare = [&](FakeMachine&) {
        if (machines == 1) throw std::runtime_error("a <triple> fault");
    };
    const auto report = [this](const std::string& format) {
        machines = 0;
        BOOST_TEST(run_all({"--irqchip", "kernel", "--retry-errors", "2", "--format", format}) == 0);
        return out;
    };
    machines = 0;
    const auto json = results({"--irqchip", "kernel", "--retry-errors", "2"});
    BOOST_TEST(json["results"][0]["retried"] == "a <triple> fault");
    BOOST_TEST(!results({"--irqchip", "kernel"})["results"][0].contains("retried"));
    BOOST_TEST(report("junit").find(
                   "<system-out>played again after an error: a &lt;triple&gt; fault</system-out>\n") !=
                   std::string::npos,
               out);
    BOOST_TEST(
        report("tap").find("ok 1 - good [kernel]\n# played again after an error: a <triple> fault\n") !=
            std::string::npos,
        out);
    BOOST_TEST(report("ktap").find("# played again after an error: a <triple> fault\n    ok 1 good\n") !=
                   std::string::npos,
               out);
}

BOOST_AUTO_TEST_CASE(the_trace_of_what_was_played_again_is_kept_and_says_so) {
    good();
    prepare = [&](FakeMachine& machine) {
        if (machines == 1)
            machine.causes["msi"] = {event_of(vmm::event::Trouble{"KVM_EXIT_SHUTDOWN", false})};
    };
    const std::string path = folder() + "/trace.jsonl";
    BOOST_TEST(run_all({"--irqchip", "kernel", "--retry-errors", "1", "--trace-out", path}) == 0);
    const std::string lines = read("trace.jsonl");
    const auto first = lines.find("\"attempt\":1");
    BOOST_TEST(first != std::string::npos, lines);
    BOOST_TEST(lines.find("KVM_EXIT_SHUTDOWN") != std::string::npos, lines);
    const auto last = lines.rfind("\"ack 0x51");
    BOOST_REQUIRE(last != std::string::npos);
    BOOST_TEST(lines.find("\"attempt\"", lines.rfind('\n', last)) == std::string::npos, lines);
}

BOOST_AUTO_TEST_CASE(neither_failures_nor_invalid_scenarios_are_played_again) {
    bad();
    BOOST_TEST(run_all({"--irqchip", "kernel", "--retry-errors", "2"}) == 1);
    BOOST_TEST(machines == 1);
    std::filesystem::remove(folder() + "/bad.json");
    file("quiet.json", scenario_text("quiet", passing_steps + R"(, { "quiet": true })"));
    prepare = [](FakeMachine& machine) { machine.quiet = {false, "interrupts are disabled", {}}; };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--retry-errors", "2"}) == 4);
    BOOST_TEST(machines == 2);
    BOOST_TEST(out.find("played again") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_single_run_is_counted_in_the_singular_and_a_skip_is_none) {
    good();
    run_all({"--irqchip", "kernel"});
    BOOST_TEST(out.find("0 errors: 1 run in") != std::string::npos);
    prepare = [](FakeMachine&) { throw std::runtime_error("no"); };
    run_all({"--irqchip", "kernel"});
    BOOST_TEST(out.find("1 error: 1 run in") != std::string::npos);
    host.placements = {"split"};
    run_all({"--irqchip", "kernel"});
    BOOST_TEST(out.find("1 skipped, 0 known, 0 errors: 0 runs in") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(repeats_of_one_scenario_are_spread_over_jobs) {
    good();
    bool met = true;
    prepare = [&](FakeMachine&) {
        // Neither ends before the other has begun.
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (machines < 2 && met) {
            met = std::chrono::steady_clock::now() < give_up;
            std::this_thread::yield();
        }
    };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--repeat", "2", "--jobs", "2"}) == 0);
    BOOST_TEST(met);
    BOOST_TEST(machines == 2);
}

BOOST_AUTO_TEST_CASE(repeats_on_many_jobs_are_counted_like_on_one) {
    bad();
    const std::string failed = "failed 20 of 20 runs; this is the first";
    for (const char* jobs : {"1", "7"}) {
        run_all({"--irqchip", "kernel", "--repeat", "20", "--jobs", jobs});
        BOOST_TEST(out.find(failed) != std::string::npos);
        const auto report = results({"--irqchip", "kernel", "--repeat", "20", "--jobs", jobs});
        BOOST_TEST(report["results"].size() == 1U);
        BOOST_TEST(report["results"][0]["reason"] ==
                   "step 2, line 1: expected ack 0x61 on vCPU 0, came ack 0x51 on vCPU 0 (20 of 20 runs)");
    }
}

BOOST_AUTO_TEST_SUITE_END()
