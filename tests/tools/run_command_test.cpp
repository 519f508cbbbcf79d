#include <boost/test/unit_test.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/tools/run_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;

BOOST_FIXTURE_TEST_SUITE(exit_statuses, RunFixture)

BOOST_AUTO_TEST_CASE(all_passed_is_0) {
    good();
    BOOST_TEST(run_all() == 0);
}

BOOST_AUTO_TEST_CASE(a_failure_is_1) {
    good();
    bad();
    BOOST_TEST(run_all() == 1);
}

BOOST_AUTO_TEST_CASE(malformed_input_is_2_and_loses_nothing) {
    good();
    bad();
    invalid();
    malformed();
    BOOST_TEST(run_all({"--irqchip", "kernel"}) == 2);
    const auto report = results({"--irqchip", "kernel"});
    BOOST_TEST(verdicts(report) == "kernel fail, kernel pass,  error,  error");
    BOOST_TEST(report["results"][3]["file"] == folder() + "/malformed.json");
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_host_is_3) {
    good();
    prepare = [](FakeMachine&) { throw std::system_error(EMFILE, std::generic_category(), "KVM_CREATE_VM"); };
    BOOST_TEST(run_all() == 3);
    const std::string reason = results()["results"][0]["reason"];
    BOOST_TEST(reason.rfind("KVM_CREATE_VM: Too many open files; this process may open ", 0) == 0U);
    BOOST_TEST(reason.ends_with(": raise `ulimit -Hn`, or use fewer --jobs"));
}

BOOST_AUTO_TEST_CASE(an_invalid_scenario_is_4_also_when_others_failed) {
    bad();
    invalid();
    BOOST_TEST(run_all() == 4);
}

BOOST_AUTO_TEST_CASE(quiet_that_is_not_proven_is_4) {
    file("quiet.json", scenario_text("quiet", passing_steps + R"(, { "quiet": true })"));
    BOOST_TEST(run_all() == 0);
    prepare = [](FakeMachine& machine) { machine.quiet = {false, "interrupts are disabled", {}}; };
    BOOST_TEST(run_all() == 4);
}

BOOST_AUTO_TEST_CASE(all_skipped_is_5_with_the_reason) {
    good();
    host.placements.clear();
    host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(run_all() == 5);
    BOOST_TEST(
        out.find("4  no KVM here: /dev/kvm: No such file or directory (kernel, split, userspace, model)") !=
        std::string::npos);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_CASE(without_kvm_the_model_runs_and_a_line_says_so) {
    good();
    host.placements = {"model"};
    host.own["model"] = {{}, false};
    host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(verdicts(results()) == "model pass");
    BOOST_TEST(err ==
               "irqbench: no KVM on this host (/dev/kvm: No such file or directory): scenarios run in model "
               "mode\n");
    BOOST_TEST(verdicts(results({"--irqchip", "model"})) == "model pass");
    BOOST_TEST(err == "");
    BOOST_TEST(verdicts(results({"--irqchip", "kernel"})) == "kernel skip");
    BOOST_TEST(err.find("irqbench: no KVM on this host: /dev/kvm") == 0);
}

BOOST_AUTO_TEST_CASE(a_failure_of_the_model_names_the_seed_that_repeats_it) {
    bad();
    host.placements = {"kernel", "model"};
    host.own["model"] = {{}, false};
    const auto reason = [](const nlohmann::json& report, std::size_t index) {
        return report["results"][index]["reason"].get<std::string>();
    };
    const auto free = results({"--run", "free", "--seed", "7"});
    BOOST_TEST(reason(free, 0).find("--seed") == std::string::npos);
    BOOST_TEST(reason(free, 1).find("; --seed 7") != std::string::npos);
    run_all({"--run", "free", "--seed", "7", "--irqchip", "model"});
    BOOST_TEST(out.find("things happen in this order again with --run free --seed 7") != std::string::npos);
    // Stepped there is one order only.
    BOOST_TEST(reason(results({"--seed", "7"}), 1).find("--seed") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_file_at_all_is_5) {
    BOOST_TEST(run_all() == 5);
    good();
    BOOST_TEST(run_all({"--filter", "nothing like it"}) == 5);
    BOOST_TEST(run_all({"--tag", "none"}) == 5);
    BOOST_TEST(err.find("no scenario: no *.json file below PATH") != std::string::npos);
    for (const char* command : {"list", "explain", "check"})
        BOOST_TEST(run({command, folder(), "--tag", "none"}) == 5);
    BOOST_TEST(results({"--tag", "none"})["results"].empty());
}

BOOST_AUTO_TEST_CASE(interrupted_is_130_with_the_results_so_far) {
    good("first");
    good("second");
    prepare = [this](FakeMachine&) {
        if (machines == 2) interrupted = true;
    };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--format", "json"}) == 130);
    BOOST_TEST(verdicts(nlohmann::json::parse(out)) == "kernel pass");
    BOOST_TEST(err == "irqbench: interrupted: these are the results so far\n");
}

BOOST_AUTO_TEST_CASE(interrupted_repeats_are_a_result_of_those_that_are_over) {
    good();
    prepare = [this](FakeMachine& machine) {
        if (machines == 2) machine.causes["msi"] = {taken(0x61)};
        if (machines == 4) interrupted = true;
    };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--repeat", "9"}) == 130);
    BOOST_TEST(out.find("failed 1 of 3 runs; this is the first") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(interrupted_tap_bails_out) {
    good("first");
    good("second");
    prepare = [this](FakeMachine&) {
        if (machines == 2) interrupted = true;
    };
    BOOST_TEST(run_all({"--irqchip", "kernel", "--format", "tap"}) == 130);
    BOOST_TEST(out == "TAP version 13\n1..1\nok 1 - first [kernel]\nBail out! interrupted\n");
}

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written_is_3) {
    good();
    out_is_full = true;
    for (const char* command : {"run", "list", "explain", "check"}) {
        BOOST_TEST(run({command, folder()}) == 3, command);
        BOOST_TEST(err.find("irqbench: the output could not be written\n") != std::string::npos, command);
    }
    for (const char* command : {"caps", "schema", "completion", "--help", "--version"})
        BOOST_TEST(run({command}) == 3, command);
}

BOOST_AUTO_TEST_CASE(a_wrong_subcommand_or_option_is_named) {
    BOOST_TEST(run({"bogus"}) == 2);
    BOOST_TEST(err.find("\"bogus\" is no subcommand: use run, list, check, diff, fuzz, shrink, explain, "
                        "import, record, report, "
                        "compare, bench, caps, schema, lab, completion\n") == 0U,
               err);
    BOOST_TEST(run({"runn", folder()}) == 2);
    BOOST_TEST(err.find("\"runn\" is no subcommand, did you mean 'run'?\n") == 0U);
    BOOST_TEST(run({folder()}) == 2);
    BOOST_TEST(err.find("did you mean \"irqbench run " + folder() + "\"?\n") != std::string::npos);
    BOOST_TEST(run_all({"--repaet", "3"}) == 2);
    BOOST_TEST(err.find("unknown option --repaet, did you mean '--repeat'?\n") == 0U);
    BOOST_TEST(run({"caps", "more"}) == 2);
    BOOST_TEST(err.find("more") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_usage_is_2) {
    good();
    BOOST_TEST(run({}) == 2);
    BOOST_TEST(run({"run"}) == 2);
    BOOST_TEST(run({"runn"}) == 2);
    BOOST_TEST(run_all({"--irqchip", "none"}) == 2);
    BOOST_TEST(run_all({"--format", "yaml"}) == 2);
    BOOST_TEST(run_all({"--run", "fast"}) == 2);
    BOOST_TEST(run_all({"--jobs", "0"}) == 2);
    BOOST_TEST(run_all({"--repeat", "-1"}) == 2);
    BOOST_TEST(run_all({"--filter", "("}) == 2);
    BOOST_TEST(run_all({"--trace-out", "/no/such/folder/file"}) == 2);
    BOOST_TEST(run_all({"/no/such/file.json"}) == 2);
    BOOST_TEST(err.find("/no/such/file.json: No such file or directory") != std::string::npos);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(run_command, RunFixture)

BOOST_AUTO_TEST_CASE(runs_in_every_mode_the_host_offers) {
    good();
    BOOST_TEST(verdicts(results()) == "kernel pass, split pass");
    BOOST_TEST(verdicts(results({"--irqchip", "split"})) == "split pass");
    BOOST_TEST(verdicts(results({"--irqchip", "split,kernel"})) == "kernel pass, split pass");
    host.placements = {"kernel"};
    BOOST_TEST(verdicts(results()) == "kernel pass");
    BOOST_TEST(verdicts(results({"--irqchip", "all"})) == "kernel pass");
    BOOST_TEST(verdicts(results({"--irqchip", "split"})) == "split skip");
}

BOOST_AUTO_TEST_CASE(results_are_in_the_order_of_files_whatever_the_number_of_jobs) {
    for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"})
        (*name % 3 == 0) ? bad(name) : good(name);
    auto one = results({"--jobs", "1"});
    auto many = results({"--jobs", "4"});
    for (auto* report : {&one, &many})
        for (auto& result : (*report)["results"]) result["duration_us"] = 0;
    BOOST_TEST(one == many);
    BOOST_TEST(one["summary"]["passed"] == 12);
    BOOST_TEST(one["summary"]["failed"] == 4);
}

BOOST_AUTO_TEST_CASE(progress_counts_runs) {
    good();
    terminal = true;
    run_all({"--irqchip", "kernel", "--repeat", "30"});
    BOOST_TEST(err.find("/30]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_known_divergence_is_not_a_failure_until_it_is_gone) {
    const std::string known =
        R"( "known": [ { "when": { "trait": "lapic_eoi_at_delivery" }, "because": "it nests",
                                     "instead": { "step": 2, "came": "ack 0x51 on vCPU 0" } } ],)";
    file("known.json", scenario_text("known", failing_steps, known));
    BOOST_TEST(run_all() == 0);
    BOOST_TEST(verdicts(results()) == "kernel known, split known");
    file("known.json", scenario_text("known", passing_steps, known));
    BOOST_TEST(run_all() == 1);
}

BOOST_AUTO_TEST_CASE(a_bug_that_this_kernel_has_not_fixed_is_not_a_failure) {
    file("bug.json", scenario_text("bug", failing_steps, R"( "reference": [ "X07" ], "fixed_in": "6.2",)"));
    BOOST_TEST(run({"run", folder(), "--irqchip", "kernel"}) == 0);
    BOOST_TEST(out.find("fixed in Linux 6.2: bug (X07)") != std::string::npos);
    host.kernel_version = {6, 2, 0};
    BOOST_TEST(run({"run", folder(), "--irqchip", "kernel"}) == 1);
    BOOST_TEST(out.find("Linux 6.2 was to have fixed this") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(filter_looks_at_path_and_name) {
    file("a/one.json", scenario_text("first claim", passing_steps));
    file("b/two.json", scenario_text("second claim", passing_steps));
    BOOST_TEST(results({"--irqchip", "kernel", "--filter", "b/t"})["results"][0]["scenario"] ==
               "second claim");
    BOOST_TEST(results({"--irqchip", "kernel", "--filter", "^first"})["results"][0]["scenario"] ==
               "first claim");
}

BOOST_AUTO_TEST_CASE(tag_keeps_files_with_one_of_the_tags) {
    file("a.json", scenario_text("a", passing_steps, R"( "tags": ["eoi", "level"],)"));
    file("b.json", scenario_text("b", passing_steps, R"( "tags": ["edge"],)"));
    good("c");
    BOOST_TEST(results({"--irqchip", "kernel", "--tag", "level"})["results"].size() == 1U);
    BOOST_TEST(results({"--irqchip", "kernel", "--tag", "eoi", "--tag", "edge"})["results"].size() == 2U);
}

BOOST_AUTO_TEST_CASE(not_tag_leaves_out_files_with_one_of_the_tags) {
    file("a.json", scenario_text("a", passing_steps, R"( "tags": ["eoi", "slow"],)"));
    file("b.json", scenario_text("b", passing_steps, R"( "tags": ["edge"],)"));
    good("c");
    const auto left = [this](const std::vector<std::string>& options) {
        return results(options)["results"].size();
    };
    BOOST_TEST(left({"--irqchip", "kernel", "--not-tag", "slow"}) == 2U);
    BOOST_TEST(left({"--irqchip", "kernel", "--not-tag", "slow", "--not-tag", "edge"}) == 1U);
    BOOST_TEST(left({"--irqchip", "kernel", "--tag", "eoi", "--tag", "edge", "--not-tag", "slow"}) == 1U);
}

BOOST_AUTO_TEST_CASE(repeat_scale_multiplies_long_repeats) {
    const auto repeated = [this](const std::string& scale) {
        file("many.json",
             scenario_text("many", R"({ "repeat": { "times": 200, "steps": [ )" + passing_steps + " ] } }"));
        int calls = 0;
        prepare = [&calls](FakeMachine& machine) {
            machine.on_settle = [&calls] {
                ++calls;
                return true;
            };
        };
        BOOST_TEST(run({"run", folder(), "--irqchip", "kernel", "--repeat-scale", scale}) == 0);
        return calls;
    };
    BOOST_TEST(repeated("1") == 200);
    BOOST_TEST(repeated("0.1") == 20);
    BOOST_TEST(repeated("2.5") == 500);
    for (const char* scale : {"0", "-1", "1000.1", "nan", "x"}) {
        BOOST_TEST(run({"run", folder(), "--repeat-scale", scale}) == 2, scale);
        BOOST_TEST(err.find("--repeat-scale") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(schemas_and_other_files_are_not_scenarios) {
    file("schema/good.json", scenario_text("good", passing_steps));
    file("x.schema.json", "{}");
    file("notes.txt", "x");
    BOOST_TEST(results({"--irqchip", "kernel"})["results"].size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_named_twice_is_run_once) {
    good();
    BOOST_TEST(results({"--irqchip", "kernel", folder() + "/good.json"})["results"].size() == 1U);
}

BOOST_AUTO_TEST_CASE(two_files_of_one_name_are_told_apart_or_refused) {
    file("a.json", scenario_text("same", passing_steps));
    file("b.json", scenario_text("same", passing_steps));
    BOOST_TEST(run_all() == 4);
    BOOST_TEST(out.find("b.json:1: /name: \"same\" is the name of " + folder() + "/a.json too") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(trace_out_has_one_json_object_per_event) {
    good();
    BOOST_TEST(run_all({"--irqchip", "kernel", "--repeat", "2", "--trace-out", folder() + "/trace.jsonl"}) ==
               0);
    std::istringstream lines(read("trace.jsonl"));
    std::string last;
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) last = line;
    BOOST_TEST(count == 4);
    const auto event = nlohmann::json::parse(last);
    BOOST_TEST(event["event"] == "taken");
    BOOST_TEST(event["vector"] == 0x51);
    BOOST_TEST(event["run"] == 1);
    BOOST_TEST(event["scenario"] == "good");
}

BOOST_AUTO_TEST_CASE(a_trace_in_a_file_json_is_one_array_with_a_process_for_each_run) {
    good();
    bad();
    BOOST_TEST(run_all({"--irqchip", "kernel", "--repeat", "2", "--trace-out", folder() + "/trace.json"}) ==
               1);
    std::map<std::uint64_t, std::string> processes;
    std::set<std::uint64_t> with_expectation;
    for (const auto& event : nlohmann::json::parse(read("trace.json"))) {
        const auto process = event["pid"].get<std::uint64_t>();
        if (event["name"] == "process_name") processes[process] = event["args"]["name"];
        if (event["name"].get<std::string>().starts_with("expected ")) with_expectation.insert(process);
    }
    const std::map<std::uint64_t, std::string> expected = {{1, "bad, kernel, Linux " + host.kernel},
                                                           {2, "bad, kernel, run 2, Linux " + host.kernel},
                                                           {3, "good, kernel, Linux " + host.kernel},
                                                           {4, "good, kernel, run 2, Linux " + host.kernel}};
    BOOST_TEST((processes == expected));
    BOOST_TEST((with_expectation == std::set<std::uint64_t>{1, 2}));
}

BOOST_AUTO_TEST_CASE(trace_out_counts_steps_as_reports_do) {
    good();
    run_all({"--irqchip", "kernel", "--trace-out", folder() + "/trace.jsonl"});
    BOOST_TEST(nlohmann::json::parse(read("trace.jsonl").substr(0, read("trace.jsonl").find('\n')))["step"] ==
               1);
}

BOOST_AUTO_TEST_CASE(trace_out_does_not_overwrite_a_scenario) {
    good();
    std::filesystem::create_symlink(folder() + "/good.json", folder() + "/link");
    for (const char* name : {"/good.json", "/link"}) {
        BOOST_TEST(run_all({"--trace-out", folder() + name}) == 2);
        BOOST_TEST(err.find("is the scenario file " + folder() + "/good.json") != std::string::npos);
    }
    BOOST_TEST(read("good.json") == scenario_text("good", passing_steps));
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_CASE(run_free_and_stepped_choose_how_the_machine_runs) {
    file("stepped.json", scenario_text("stepped", passing_steps, R"( "run": "stepped",)"));
    BOOST_TEST(verdicts(results({"--irqchip", "kernel", "--run", "free"})) == "kernel skip");
    BOOST_TEST(verdicts(results({"--irqchip", "kernel", "--run", "stepped"})) == "kernel pass");
    BOOST_TEST(verdicts(results({"--irqchip", "kernel"})) == "kernel pass");
}

BOOST_AUTO_TEST_CASE(colour_and_progress_are_for_terminals_only) {
    bad();
    run_all();
    BOOST_TEST(out.find('\033') == std::string::npos);
    BOOST_TEST(err == "");
    terminal = true;
    run_all();
    BOOST_TEST(out.find("\033[1;31mFAIL") != std::string::npos);
    BOOST_TEST(err.find("\r\033[K[") != std::string::npos);
    run_all({"--quiet"});
    BOOST_TEST(err == "");
    environment["NO_COLOR"] = "1";
    run_all();
    BOOST_TEST(out.find('\033') == std::string::npos);
    environment = {{"TERM", "dumb"}};
    run_all();
    BOOST_TEST(out.find('\033') == std::string::npos);
    BOOST_TEST(err == "");
}

BOOST_AUTO_TEST_CASE(every_machine_is_closed_and_none_is_made_for_nothing) {
    good();
    bad();
    malformed();
    run_all();
    BOOST_TEST(machines == 4);
}

BOOST_AUTO_TEST_CASE(every_step_is_done_by_a_machine_that_has_just_been_restored) {
    good();
    prepare = [](FakeMachine& machine) {
        machine.saves = true;
        machine.on_settle = [&machine] {
            BOOST_TEST((machine.calls == std::vector<std::string>{"save", "restore", "msi"}));
            return true;
        };
    };
    BOOST_TEST(verdicts(results({"--irqchip", "kernel", "--migrate-every-step"})) == "kernel pass");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_migrated_at_every_step_is_skipped_with_the_reason) {
    good();
    auto report = results({"--irqchip", "kernel", "--migrate-every-step"});
    BOOST_TEST(verdicts(report) == "kernel skip");
    BOOST_TEST(report["results"][0]["reason"] == "a fake has no state");

    prepare = [](FakeMachine& machine) { machine.saves = true; };
    file("good.json", scenario_text("good", passing_steps,
                                    R"( "migration": { "not": ["kernel"], "because": "a test" },)"));
    report = results({"--irqchip", "kernel,split", "--migrate-every-step"});
    BOOST_TEST(verdicts(report) == "kernel skip, split pass");
    BOOST_TEST(report["results"][0]["reason"] == "not migrated in kernel: a test");
    BOOST_TEST(verdicts(results({"--irqchip", "kernel"})) == "kernel pass");

    file("good.json", scenario_text("good", passing_steps,
                                    R"( "migration": { "not": ["kernel"], "trait": "lapic_eoi_at_delivery",
                                                       "because": "a test" },)"));
    BOOST_TEST(verdicts(results({"--irqchip", "kernel", "--migrate-every-step"})) == "kernel skip");
    host.traits.clear();
    BOOST_TEST(verdicts(results({"--irqchip", "kernel", "--migrate-every-step"})) == "kernel pass");
}

BOOST_AUTO_TEST_CASE(what_an_older_linux_could_not_migrate_is_migrated_on_one_with_the_fix) {
    prepare = [](FakeMachine& machine) { machine.saves = true; };
    file("good.json", scenario_text("good", passing_steps,
                                    R"( "migration": { "not": ["kernel"], "fixed_in": ["6.1.120", "6.13"],
                                                       "because": "a test" },)"));
    const auto on = [this](vmm::KernelVersion version) {
        host.kernel_version = version;
        return verdicts(results({"--irqchip", "kernel", "--migrate-every-step"}));
    };
    BOOST_TEST(on({5, 10, 223}) == "kernel skip");
    BOOST_TEST(on({6, 1, 119}) == "kernel skip");
    BOOST_TEST(on({6, 1, 120}) == "kernel pass");
    BOOST_TEST(on({6, 12, 90}) == "kernel skip");
    BOOST_TEST(on({6, 13, 0}) == "kernel pass");
}

BOOST_AUTO_TEST_SUITE_END()
