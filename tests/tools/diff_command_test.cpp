#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "tests/tools/run_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

vmm::Event trouble(const std::string& reason) { return event_of(vmm::event::Trouble{reason, false}); }

struct DiffFixture : RunFixture {
    int diff(const std::string& between = "kernel,split") {
        return run({"diff", "--between", between, folder()});
    }
    /// What every second machine does when a message comes, which is that of the second mode.
    void second_takes(std::uint32_t vector) {
        prepare = [this, vector](FakeMachine& machine) {
            if (machines % 2 == 0) machine.causes["msi"] = {taken(vector)};
        };
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(diff_command, DiffFixture)

BOOST_AUTO_TEST_CASE(modes_that_do_the_same_are_alike) {
    good();
    BOOST_TEST(diff() == 0);
    BOOST_TEST(out == "1 alike, 0 different, 0 known to differ, 0 not compared, 0 errors\n");
    BOOST_TEST(machines == 2);
}

BOOST_AUTO_TEST_CASE(the_step_after_which_they_part_is_told_with_both_verdicts) {
    good();
    second_takes(0x61);
    BOOST_TEST(diff() == 1);
    BOOST_TEST(out.find("  kernel and split differ after step ") != std::string::npos, out);
    BOOST_TEST(out.find("    split   ack 0x61 on vCPU 0\n") != std::string::npos, out);
    BOOST_TEST(out.find("    kernel  pass\n") != std::string::npos, out);
    BOOST_TEST(
        out.find("0 alike, 1 different, 0 known to differ, 0 not compared, 0 errors\n") != std::string::npos,
        out);
}

BOOST_AUTO_TEST_CASE(a_report_has_both_modes_and_where_they_part) {
    good("parts_here");
    second_takes(0x61);
    BOOST_TEST(run({"diff", "--between", "kernel,split", folder(), "--report", folder() + "/out.html"}) == 1);
    const std::string page = read("out.html");
    BOOST_TEST(page.find("irqbench diff --between kernel,split") != std::string::npos);
    for (const char* said : {"parts_here", "ack 0x61 on vCPU 0"})
        BOOST_TEST(page.find(said) != std::string::npos, said);
    machines = 0;
    BOOST_TEST(run({"diff", "--between", "kernel,split", folder(), "--report", folder() + "/no/out.html"}) !=
               1);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_CASE(a_mode_that_cannot_run_the_scenario_is_named) {
    file("only.json", R"({ "name": "only", "arch": "x86_64", "source": "none",
                           "modes": { "not": ["split"], "because": "of the test" },
                           "steps": [)" +
                          std::string(passing_steps) + "] }");
    host.placements = {"kernel", "split", "userspace"};
    BOOST_TEST(diff("kernel,split,userspace") == 0);
    BOOST_TEST(out.find("  split: not in split: of the test\n  otherwise alike\n") != std::string::npos, out);
    BOOST_TEST(diff("split,kernel,userspace") == 5);
    BOOST_TEST(out.find("  nothing to compare\n") != std::string::npos, out);
    BOOST_TEST(
        out.find("0 alike, 0 different, 0 known to differ, 1 not compared, 0 errors\n") != std::string::npos,
        out);
}

BOOST_AUTO_TEST_CASE(machines_that_break_alike_are_not_alike) {
    good();
    prepare = [](FakeMachine& machine) { machine.causes["msi"] = {trouble("KVM_RUN: Input/output error")}; };
    BOOST_TEST(diff() == 3);
    BOOST_TEST(out.find("  kernel: error: step 1, line 1: KVM_RUN: Input/output error") != std::string::npos,
               out);
    BOOST_TEST(
        out.find("0 alike, 0 different, 0 known to differ, 0 not compared, 1 error\n") != std::string::npos,
        out);
}

BOOST_AUTO_TEST_CASE(a_difference_that_the_file_knows_of_is_told_and_passes) {
    const auto known_at = [this](int step) {
        file("good.json",
             scenario_text("good", passing_steps + R"(, { "msi": "0x52" }, { "ack": "0x52" })",
                           fmt::format(R"( "known": [ {{ "when": {{ "trait": "lapic_eoi_at_delivery",
                                                       "irqchip": ["split"] }},
                                                       "because": "of the test", "instead":
                                                       {{ "step": {}, "came": "ack 0x61 on vCPU 0" }} }} ],)",
                                       step)));
    };
    known_at(2);
    second_takes(0x61);
    BOOST_TEST(diff() == 0);
    BOOST_TEST(out.find("  kernel and split differ as is known after step 1") != std::string::npos, out);
    BOOST_TEST(out.find("    split   known: of the test\n") != std::string::npos, out);
    BOOST_TEST(
        out.find("0 alike, 0 different, 1 known to differ, 0 not compared, 0 errors\n") != std::string::npos,
        out);
    known_at(4);
    BOOST_TEST(diff() == 1);
}

BOOST_AUTO_TEST_CASE(a_difference_that_an_only_block_claims_is_told_and_passes) {
    const auto with = [this](const std::string& steps) {
        file("only.json", scenario_text("only", steps));
        return diff();
    };
    second_takes(0x61);
    const std::string both =
        R"({ "msi": "0x51" },
           { "only": { "irqchip": ["kernel"], "because": "of the test", "steps": [ { "ack": "0x51" } ] } },
           { "only": { "irqchip": ["split"], "because": "of the test", "steps": [ { "ack": "0x61" } ] } },
           { "only": { "irqchip": ["userspace", "model"], "because": "of the test", "steps": [ { "ack": "0x51" } ] } })";
    BOOST_TEST(with(both) == 0);
    BOOST_TEST(out.find("  kernel and split differ as is known after step 1") != std::string::npos, out);
    BOOST_TEST(with(R"({ "msi": "0x51" }, { "ack": { "vector": ["0x51", "0x61"] } }, { "msi": "0x52" },
                       { "ack": { "vector": ["0x52", "0x61"] } })") == 0);
}

BOOST_AUTO_TEST_CASE(a_machine_that_cannot_be_made_ends_neither_the_other_files_nor_the_other_modes) {
    good("a");
    good("b");
    host.placements = {"kernel", "split", "userspace"};
    prepare = [this](FakeMachine&) {
        if (machines == 2) throw std::runtime_error("KVM_CREATE_VM: Too many open files");
    };
    BOOST_TEST(diff("kernel,split,userspace") == 3);
    BOOST_TEST(out.find("  split: error: KVM_CREATE_VM: Too many open files; this process may open ") !=
                   std::string::npos,
               out);
    BOOST_TEST(machines == 6);
    BOOST_TEST(
        out.find("1 alike, 0 different, 0 known to differ, 0 not compared, 1 error\n") != std::string::npos,
        out);
}

BOOST_AUTO_TEST_CASE(what_is_not_compared_is_told) {
    file("one.json",
         scenario_text("one", R"({ "msi": "0x51" }, { "ack": { "vcpu": [0, 1], "vector": "0x51" } })",
                       R"( "vcpus": 2,)"));
    prepare = [this](FakeMachine& machine) {
        if (machines % 2 == 0) machine.causes["msi"] = {taken(0x51, 1)};
    };
    BOOST_TEST(diff() == 0);
    BOOST_TEST(out.find("  not compared: which of several takes it where the file leaves that open: step 2\n"
                        "  otherwise alike\n") != std::string::npos,
               out);
}

BOOST_AUTO_TEST_CASE(without_kvm_nothing_is_compared) {
    good();
    host.placements = {"model"};
    host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(diff("kernel,split") == 5);
}

BOOST_AUTO_TEST_CASE(one_mode_or_the_same_twice_is_nothing_to_compare) {
    BOOST_TEST(diff("kernel") == 2);
    BOOST_TEST(diff("kernel,kernel") == 2);
    BOOST_TEST(
        err.find("takes two irqchip modes or more, each once: --between kernel,split") != std::string::npos,
        err);
}

BOOST_AUTO_TEST_SUITE_END()
