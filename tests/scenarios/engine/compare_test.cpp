#include "scenarios/engine/compare.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "tests/scenarios/engine/story.hpp"

using namespace irqbench;
using namespace irqbench::scenarios;
using namespace irqbench::tests;

namespace {

/// Where two stories with the same steps part: `step 2 vCPU 0: ack 0x51 | nothing`; empty if they do not.
std::string divergence(const Story& a, const Story& b, std::size_t steps_of_b = max_steps,
                       const Leeway& leeway = {}) {
    Performance first;
    first.performed = linearise(a.scenario, "kernel");
    Performance second = first;
    second.performed.resize(std::min(steps_of_b, second.performed.size()));
    const auto found = first_divergence({first, a.trace}, {second, b.trace}, leeway);
    if (!found) return "";
    const auto words = [](const std::vector<vmm::Event>& trace, std::optional<std::size_t> index) {
        return index ? vmm::describe(trace[*index]) : "nothing";
    };
    std::size_t step = 0;
    while (first.performed[step].step != found->action) ++step;
    return fmt::format(
        "step {}{}{}: {} | {}", step + 1, found->vcpu ? fmt::format(" vCPU {}", *found->vcpu) : "",
        found->at_end ? " at the end" : "", words(a.trace, found->first), words(b.trace, found->second));
}

std::string divergence(const Story& a, const Story& b, const Leeway& leeway) {
    return divergence(a, b, max_steps, leeway);
}

/// What is said not to be compared, a line each.
std::string not_compared(const Story& a, const Story& b, const Leeway& leeway = {}) {
    Performance performance;
    performance.performed = linearise(a.scenario, "kernel");
    std::string text;
    for (const std::string& line : left_out({performance, a.trace}, {performance, b.trace}, leeway))
        text += line + '\n';
    return text;
}

expect::Ack one_of(std::vector<std::uint32_t> vcpus, std::uint32_t id = 0x51) {
    expect::Ack ack;
    ack.id = id;
    ack.vcpus = std::move(vcpus);
    return ack;
}

expect::Acks in_time(std::uint32_t id) {
    expect::Acks acks = in_order({ack(id)});
    acks.may_take_time = true;
    return acks;
}

vmm::Event storm(std::uint32_t vcpu = 0) { return event_of(vmm::event::Storm{100}, vmm::Lane::guest, vcpu); }

vmm::Event at_rest(vmm::event::RestState state, std::uint32_t vcpu = 0) {
    return event_of(vmm::event::Rest{state, true, 0, 0}, vmm::Lane::guest, vcpu);
}

vmm::Event observed(std::string what, std::uint64_t value) {
    return event_of(vmm::event::Observed{std::move(what), value}, vmm::Lane::guest, 0);
}

vmm::Event kicked(std::uint64_t count, const std::string& name = "dev") {
    return event_of(vmm::event::Resampled{name, count});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(comparison)

BOOST_AUTO_TEST_CASE(equal_runs_do_not_diverge) {
    const Story story = Story().act().takes(0x51).claim(in_order({ack(0x51)})).proves_quiet();
    BOOST_TEST(divergence(story, story) == "");
}

BOOST_AUTO_TEST_CASE(what_only_one_took_is_the_divergence) {
    BOOST_TEST(divergence(Story().act().takes(0x51).act(), Story().act().act()) ==
               "step 1 vCPU 0: ack 0x51 on vCPU 0 | nothing");
    BOOST_TEST(divergence(Story().act().act(), Story().act().act().takes(0x61, 1)) ==
               "step 2 vCPU 1: nothing | ack 0x61 on vCPU 1");
    BOOST_TEST(divergence(Story().act().takes(0x51), Story().act().takes(0x52)) ==
               "step 1 vCPU 0: ack 0x51 on vCPU 0 | ack 0x52 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(the_first_action_that_differs_is_told) {
    BOOST_TEST(divergence(Story().act().takes(0x51).act().takes(0x52), Story().act().act()) ==
               "step 1 vCPU 0: ack 0x51 on vCPU 0 | nothing");
}

BOOST_AUTO_TEST_CASE(order_counts_on_a_vcpu_and_not_between_them) {
    BOOST_TEST(divergence(Story().act().takes(0x51).takes(0x52), Story().act().takes(0x52).takes(0x51)) ==
               "step 1 vCPU 0: ack 0x51 on vCPU 0 | ack 0x52 on vCPU 0");
    BOOST_TEST(divergence(Story().act().takes(0x51, 0).takes(0x52, 1),
                          Story().act().takes(0x52, 1).takes(0x51, 0)) == "");
}

BOOST_AUTO_TEST_CASE(an_action_and_what_is_expected_of_it_belong_together) {
    const Story early = Story().act().takes(0x51).claim(in_order({ack(0x51)}));
    const Story late = Story().act().claim(in_order({ack(0x51)})).takes(0x51);
    BOOST_TEST(divergence(early, late) == "");
}

BOOST_AUTO_TEST_CASE(an_operation_may_end_some_steps_later_but_must_end) {
    const auto done = [](const std::string& text) {
        return event_of(vmm::event::OperationDone{text, 0, {}}, vmm::Lane::guest, 0);
    };
    const Story early = Story().act().happens(done("write a")).takes(0x51).act().happens(done("write b"));
    const Story late = Story().act().takes(0x51).act().happens(done("write a")).happens(done("write b"));
    const Story never = Story().act().takes(0x51).act().happens(done("write a"));
    const Story other = Story().act().takes(0x51).act().happens(done("write b"));
    BOOST_TEST(divergence(early, late) == "");
    BOOST_TEST(divergence(late, early) == "");
    BOOST_TEST(divergence(early, never) == "step 2 vCPU 0 at the end: write b = 0x0 | nothing");
    BOOST_TEST(divergence(early, other) == "step 1 vCPU 0 at the end: write a = 0x0 | nothing");
    const Story swapped = Story().act().happens(done("write b")).takes(0x51).act().happens(done("write a"));
    BOOST_TEST(divergence(early, swapped) == "");
}

BOOST_AUTO_TEST_CASE(of_a_race_it_counts_what_came_not_how_often) {
    BOOST_TEST(divergence(Story().race().takes(0x51).takes(0x52).takes(0x51),
                          Story().race().takes(0x52).takes(0x51)) == "");
    BOOST_TEST(divergence(Story().race().takes(0x51).takes(0x52), Story().race().takes(0x51).takes(0x51)) ==
               "step 1 vCPU 0: ack 0x52 on vCPU 0 | nothing");
    BOOST_TEST(divergence(Story().race().act().takes(0x51).takes(0x51), Story().race().act().takes(0x51)) ==
               "step 2 vCPU 0: ack 0x51 on vCPU 0 | nothing");
    BOOST_TEST(divergence(Story().race().happens(kicked(2)), Story().race().happens(kicked(7))) == "");
    BOOST_TEST(divergence(Story().race().happens(kicked(2)), Story().race()) != "");
    BOOST_TEST(divergence(Story().race().act().happens(kicked(2)), Story().race().act().happens(kicked(7))) !=
               "");
}

BOOST_AUTO_TEST_CASE(results_of_calls_count) {
    BOOST_TEST(divergence(Story().act().call("raise", {1, 0}), Story().act().call("raise", {0, 0}))
                   .find("step 1: ") == 0U);
    BOOST_TEST(divergence(Story().act().call("route"), Story().act().call("route", {0, EINVAL})) ==
               "step 1: route 10 | route 10 -> EINVAL");
}

BOOST_AUTO_TEST_CASE(kicks_are_counted_however_they_were_collected) {
    BOOST_TEST(divergence(Story().act().happens(kicked(2)),
                          Story().act().happens(kicked(1)).happens(kicked(1))) == "");
    BOOST_TEST(divergence(Story().act().happens(kicked(2)), Story().act().happens(kicked(1))) != "");
    BOOST_TEST(divergence(Story().act().happens(kicked(1)).happens(kicked(1, "other")),
                          Story().act().happens(kicked(1, "other")).happens(kicked(1))) == "");
}

BOOST_AUTO_TEST_CASE(values_count_unless_they_tell_time) {
    BOOST_TEST(divergence(Story().act().happens(observed("lapic tpr", 0x20)),
                          Story().act().happens(observed("lapic tpr", 0x30))) != "");
    for (const char* name : {"lapic timer_current", "sysreg cntvct_el0", "sysreg cntv_tval_el0"})
        BOOST_TEST(divergence(Story().act().happens(observed(name, 20)),
                              Story().act().happens(observed(name, 30))) == "");
}

BOOST_AUTO_TEST_CASE(how_a_vcpu_rests_in_the_end_counts) {
    using State = vmm::event::RestState;
    BOOST_TEST(divergence(Story().act().happens(at_rest(State::idle)).happens(at_rest(State::halted)),
                          Story().act().happens(at_rest(State::halted))) == "");
    BOOST_TEST(divergence(Story().act().happens(at_rest(State::idle)),
                          Story().act().happens(at_rest(State::halted))) != "");
    BOOST_TEST(divergence(Story().act().happens(at_rest(State::idle)), Story().act()) == "");
}

BOOST_AUTO_TEST_CASE(a_rest_that_changes_in_one_run_only_counts) {
    using State = vmm::event::RestState;
    BOOST_TEST(divergence(Story().act().happens(at_rest(State::halted)), Story().act()) ==
               "step 1 vCPU 0: halted on vCPU 0 | nothing");
    const Story wakes = Story().act().happens(at_rest(State::halted)).act().happens(at_rest(State::idle));
    const Story sleeps = Story().act().happens(at_rest(State::halted)).act().act();
    BOOST_TEST(divergence(sleeps, wakes).find("step 2 vCPU 0: halted") == 0U, divergence(sleeps, wakes));
    BOOST_TEST(divergence(Story().act().happens(at_rest(State::wait_for_sipi, 1)), Story().act()) == "");
}

BOOST_AUTO_TEST_CASE(of_a_value_only_the_bits_count_that_its_step_speaks_of) {
    const auto reads = [](std::uint64_t value) {
        return Story()
            .act({expect::Value{"ioapic 0x24", 0x51, 0xff}})
            .happens(observed("ioapic 0x24", value));
    };
    BOOST_TEST(divergence(reads(0x1051), reads(0x51)) == "");
    BOOST_TEST(divergence(reads(0x52), reads(0x51)) != "");
    BOOST_TEST(not_compared(reads(0x1051), reads(0x51)) == "bits outside the step's mask: step 1\n");
}

BOOST_AUTO_TEST_CASE(the_answer_to_a_message_counts_however_it_is_returned) {
    BOOST_TEST(divergence(Story().act().call("msi", {1, 0}), Story().act().call("msi", {0, 0})) != "");
    BOOST_TEST(divergence(Story().act().call("msi", {-1, 0}), Story().act().call("msi", {1, 0})) != "");
    BOOST_TEST(divergence(Story().act().call("msi", {0, EPERM}), Story().act().call("msi", {-1, 0})) == "");
    BOOST_TEST(divergence(Story().act().call("msi", {0, EPERM}), Story().act().call("msi", {0, 0})) == "");
    BOOST_TEST(divergence(Story().act().call("msi", {0, EPERM}), Story().act().call("msi", {1, 0})) != "");
    BOOST_TEST(divergence(Story().act().call("msi", {2, 0}), Story().act().call("msi", {1, 0})) == "");
}

BOOST_AUTO_TEST_CASE(exactly_one_of_a_set_takes_what_any_of_them_may) {
    const auto taken_by = [](std::vector<std::uint32_t> vcpus) {
        Story story = Story().act();
        for (const std::uint32_t vcpu : vcpus) story.takes(0x51, vcpu);
        return story;
    };
    Leeway leeway;
    leeway.one_of[0x51] = {0, 1};
    BOOST_TEST(divergence(taken_by({0}), taken_by({1})) != "");
    BOOST_TEST(divergence(taken_by({0}), taken_by({1}), leeway) == "");
    BOOST_TEST(divergence(taken_by({0}), taken_by({}), leeway) == "step 1: ack 0x51 on vCPU 0 | nothing");
    BOOST_TEST(divergence(taken_by({0}), taken_by({0, 1}), leeway) == "step 1: nothing | ack 0x51 on vCPU 1");
    BOOST_TEST(divergence(taken_by({0}), taken_by({2}), leeway) != "");
    const auto claims = [&](std::vector<std::uint32_t> vcpus) {
        return taken_by(std::move(vcpus)).claim(in_order({one_of({0, 1})}));
    };
    BOOST_TEST(divergence(claims({0}), claims({1})) == "");
    BOOST_TEST(divergence(claims({0}), claims({2})) != "");
    BOOST_TEST(not_compared(claims({0}), claims({1})) ==
               "which of several takes it where the file leaves that open: step 2\n");
}

BOOST_AUTO_TEST_CASE(where_one_of_a_set_rests_is_open_too) {
    using State = vmm::event::RestState;
    Leeway leeway;
    leeway.one_of[0x51] = {0, 1};
    const auto served_by = [](std::uint32_t vcpu) {
        return Story().act().takes(0x51, vcpu).happens(at_rest(State::in_handler, vcpu));
    };
    BOOST_TEST(divergence(served_by(0), served_by(1), leeway) == "");
}

BOOST_AUTO_TEST_CASE(what_a_file_claims_in_any_order_has_none) {
    const Story one = Story().act().takes(0x51).takes(0x52).claim(any_order({ack(0x51), ack(0x52)}));
    const Story other = Story().act().takes(0x52).takes(0x51).claim(any_order({ack(0x51), ack(0x52)}));
    BOOST_TEST(divergence(one, other) == "");
    BOOST_TEST(not_compared(one, other) == "the order of what the file claims in any order: step 2\n");
}

BOOST_AUTO_TEST_CASE(of_a_timer_it_counts_that_it_comes_not_when) {
    const Story early = Story().act().takes(0x51).takes(0x51).takes(0x61).claim(in_time(0x51)).act();
    const Story late = Story().act().takes(0x61).claim(in_time(0x51)).act().takes(0x51);
    const Story never = Story().act().takes(0x61).claim(in_time(0x51)).act();
    BOOST_TEST(divergence(early, late).empty() == false);  // no verb of these takes time
    const auto timing = [](Story story) {
        story.scenario.steps.push_back(step_of(TestVerb(true, {}, {}, true)));
        return story;
    };
    BOOST_TEST(divergence(timing(early), timing(late)) == "");
    BOOST_TEST(divergence(timing(early), timing(never)) == "step 1 at the end: ack 0x51 on vCPU 0 | nothing");
    BOOST_TEST(not_compared(timing(early), timing(late)).find("when and how often 0x51 came") == 0U);
    Leeway exact;
    exact.virtual_time = true;
    BOOST_TEST(divergence(timing(early), timing(late), exact) != "");
}

BOOST_AUTO_TEST_CASE(of_a_storm_it_counts_what_storms_not_how_often) {
    const auto storms = [](std::uint32_t times, std::uint32_t tail) {
        Story story = Story().act();
        for (std::uint32_t i = 0; i < times; ++i) story.takes(0x51);
        story.happens(storm()).act().takes(0x61);
        for (std::uint32_t i = 0; i < tail; ++i) story.takes(0x51);
        return story;
    };
    BOOST_TEST(divergence(storms(5, 0), storms(9, 1)) == "");
    BOOST_TEST(divergence(storms(5, 0), Story().act().takes(0x51)) != "");
    Leeway leeway;
    leeway.one_of[0x51] = {0, 1};
    BOOST_TEST(divergence(storms(5, 0), storms(9, 1), leeway) == "");
    BOOST_TEST(divergence(storms(5, 0), storms(0, 0), leeway) != "");
    BOOST_TEST(divergence(storms(5, 0).act().takes(0x51), storms(5, 0).act()) != "");
    BOOST_TEST(not_compared(storms(5, 0), storms(9, 0)) ==
               "how often things happen in a storm, which its budget cuts: step 1\n");
    const auto lowers = [](std::uint32_t times) {
        Story story = Story().act().takes(0x51).happens(storm()).happens(kicked(times));
        for (std::uint32_t i = 0; i < times; ++i) story.call("device lowers");
        return story;
    };
    BOOST_TEST(divergence(lowers(1), lowers(2)) == "");
    BOOST_TEST(divergence(lowers(0), lowers(2)) != "");
}

BOOST_AUTO_TEST_CASE(of_outcomes_the_required_ones_count) {
    Outcomes outcomes;
    outcomes.allowed = {ack(0x51)};
    outcomes.required = {ack(0x52)};
    outcomes.forbidden = {ack(0x53)};
    Leeway leeway;
    leeway.outcomes = &outcomes;
    const Story all = Story().race().takes(0x51).takes(0x52);
    BOOST_TEST(divergence(all, Story().race().takes(0x52), leeway) == "");
    BOOST_TEST(divergence(all, Story().race().takes(0x51), leeway) ==
               "step 1 at the end: ack 0x52 on vCPU 0 | nothing");
    BOOST_TEST(divergence(all, Story().race().takes(0x52).takes(0x53), leeway) != "");
    const std::string lines = not_compared(all, all, leeway);
    BOOST_TEST(lines.find("order and number of what comes of a race: step ") != std::string::npos, lines);
    BOOST_TEST(lines.find("which of the outcomes came") != std::string::npos, lines);
}

BOOST_AUTO_TEST_CASE(what_one_mode_alone_can_see_does_not_count) {
    BOOST_TEST(divergence(Story().act().happens(event_of(vmm::event::Wire{10, "pin 10 up"}, vmm::Lane::wire)),
                          Story().act().happens(event_of(vmm::event::EoiExit{0x51}, vmm::Lane::wire))) == "");
}

BOOST_AUTO_TEST_CASE(what_a_run_did_not_come_to_is_not_compared) {
    BOOST_TEST(divergence(Story().act().act().takes(0x51), Story().act().act(), 1) == "");
}

BOOST_AUTO_TEST_CASE(what_is_seen_after_a_step_of_one_mode_belongs_to_the_action_before) {
    Story story = Story().act();
    Block only;
    only.kind = Block::Kind::only;
    only.modes = {"split"};
    only.threads.emplace_back("", std::vector<Step>{step_of(TestVerb(true, {}))});
    story.scenario.steps.push_back(block_of(std::move(only)));
    story.scenario.steps.push_back(step_of(TestVerb(false, {})));
    Performance kernel;
    kernel.performed = linearise(story.scenario, "kernel");
    Performance split;
    split.performed = linearise(story.scenario, "split");
    const auto seen_in = [](std::uint32_t step, std::uint64_t value) {
        vmm::Event seen = observed("isr", value);
        seen.step = step;
        return std::vector<vmm::Event>{seen};
    };
    const auto in_kernel = seen_in(1, 5);
    const auto in_split = seen_in(2, 5);
    const auto other = seen_in(2, 6);
    BOOST_TEST(!first_divergence({kernel, in_kernel}, {split, in_split}));
    const auto found = first_divergence({kernel, in_kernel}, {split, other});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((found->action == kernel.performed[0].step));
}

BOOST_AUTO_TEST_CASE(steps_of_one_mode_only_are_not_compared) {
    Story story;
    Block only;
    only.kind = Block::Kind::only;
    only.modes = {"split"};
    only.threads.emplace_back("", std::vector<Step>{step_of(TestVerb(true, {}))});
    story.act().takes(0x51);
    story.scenario.steps.push_back(block_of(std::move(only)));
    story.scenario.steps.push_back(step_of(TestVerb(true, {})));
    Performance kernel;
    kernel.performed = linearise(story.scenario, "kernel");
    Performance split;
    split.performed = linearise(story.scenario, "split");
    BOOST_REQUIRE(split.performed.size() == 3U);
    auto in_split = story.trace;
    auto extra = taken(0x61);
    extra.step = 1;
    in_split.push_back(extra);
    auto last = taken(0x71);
    last.step = 2;
    in_split.push_back(last);
    auto in_kernel = story.trace;
    last.step = 1;
    in_kernel.push_back(last);
    BOOST_TEST(!first_divergence({kernel, in_kernel}, {split, in_split}));
    in_split.pop_back();
    BOOST_TEST(first_divergence({kernel, in_kernel}, {split, in_split}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
