#include "scenarios/engine/judge.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "tests/scenarios/engine/story.hpp"

using namespace irqbench;
using namespace irqbench::scenarios;
using namespace irqbench::tests;

namespace {

const expect::Quiet quiet_everywhere;

}  // namespace

BOOST_AUTO_TEST_SUITE(judge_takes)

BOOST_AUTO_TEST_CASE(an_interrupt_that_the_next_assertion_claims_passes) {
    BOOST_TEST(passes(Story().act().takes(0x51).claim(in_order({ack(0x51)}))));
}

BOOST_AUTO_TEST_CASE(an_interrupt_that_arrives_while_the_assertion_waits_is_claimed) {
    BOOST_TEST(passes(Story().act().claim(in_order({ack(0x51)})).takes(0x51)));
}

BOOST_AUTO_TEST_CASE(nothing_taken_fails_the_ack) {
    BOOST_TEST(failure(Story().act().claim(in_order({ack(0x51)}))) ==
               "2: expected ack 0x51 on vCPU 0, came nothing");
}

BOOST_AUTO_TEST_CASE(a_failure_inside_a_group_names_the_group) {
    Story story;
    story.act().claim(in_order({ack(0x51)}), R"({ "ack": "0x51" })");
    story.scenario.steps.back().within = "group 'interrupt', a.groups.json:3: /groups/interrupt/steps/1: ";
    const Verdict verdict = story.judged();
    BOOST_REQUIRE(verdict.failure.has_value());
    BOOST_TEST(verdict.failure->text ==
               "group 'interrupt', a.groups.json:3: /groups/interrupt/steps/1: { \"ack\": \"0x51\" }");
    BOOST_TEST(verdict.reason.find(": group 'interrupt', a.groups.json:3: /groups/interrupt/steps/1: "
                                   "expected ack 0x51 on vCPU 0, came nothing") != std::string::npos,
               verdict.reason);
}

BOOST_AUTO_TEST_CASE(another_vector_fails_the_ack) {
    BOOST_TEST(failure(Story().act().takes(0x61).claim(in_order({ack(0x51)}))) ==
               "2: expected ack 0x51 on vCPU 0, came ack 0x61 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(another_vcpu_fails_the_ack) {
    BOOST_TEST(failure(Story().act().takes(0x51, 1).claim(in_order({ack(0x51)}))) ==
               "2: expected ack 0x51 on vCPU 0, came ack 0x51 on vCPU 1");
}

BOOST_AUTO_TEST_CASE(an_nmi_is_not_vector_2) {
    expect::Ack nmi = ack(2);
    BOOST_TEST(failure(Story().act().takes_nmi().claim(in_order({nmi}))) ==
               "2: expected ack 0x02 on vCPU 0, came nmi on vCPU 0");
    nmi.kind = vmm::event::Kind::nmi;
    BOOST_TEST(passes(Story().act().takes_nmi().claim(in_order({nmi}))));
    BOOST_TEST(failure(Story().act().takes(2).claim(in_order({nmi}))) ==
               "2: expected nmi on vCPU 0, came ack 0x02 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_start_is_claimed_by_its_vcpu_and_once) {
    BOOST_TEST(passes(Story().act().starts(1).claim(expect::Started{1})));
    BOOST_TEST(passes(Story().act().claim(expect::Started{1}).starts(1)));
    BOOST_TEST(passes(Story().act().starts(2).starts(1).claim(expect::Started{1}).claim(expect::Started{2})));
    BOOST_TEST(failure(Story().act().claim(expect::Started{1})) ==
               "2: expected started on vCPU 1, came nothing");
    BOOST_TEST(failure(Story().act().starts(2).claim(expect::Started{1})) ==
               "2: expected started on vCPU 1, came started on vCPU 2");
    BOOST_TEST(failure(Story().act().starts(1).starts(1).claim(expect::Started{1})) ==
               "2: expected nothing more, came started on vCPU 1");
}

BOOST_AUTO_TEST_CASE(a_start_that_nobody_claims_fails) {
    BOOST_TEST(failure(Story().act().starts(1).act()) == "1: expected nothing more, came started on vCPU 1");
    BOOST_TEST(failure(Story().act().starts(1)) == "1: expected nothing more, came started on vCPU 1");
    BOOST_TEST(failure(Story().act().starts(1).claim(quiet_everywhere).proves_quiet()) ==
               "2: expected quiet, came started on vCPU 1");
}

BOOST_AUTO_TEST_CASE(a_start_and_what_its_vcpu_takes_keep_their_order) {
    Story story;
    story.act().starts(1).takes(0x51, 1);
    BOOST_TEST(passes(Story(story).claim(expect::Started{1}).claim(in_order({ack(0x51, 1)}))));
    BOOST_TEST(failure(Story(story).claim(in_order({ack(0x51, 1)}))) ==
               "2: expected ack 0x51 on vCPU 1, came started on vCPU 1");
    BOOST_TEST(failure(Story(story).claim(any_order({ack(0x51, 1)}))) ==
               "2: expected ack 0x51 on vCPU 1, came started on vCPU 1");
    BOOST_TEST(failure(Story().act().takes(0x51, 1).starts(1).claim(expect::Started{1})) ==
               "2: expected started on vCPU 1, came ack 0x51 on vCPU 1");
}

BOOST_AUTO_TEST_CASE(a_start_is_no_interrupt) {
    BOOST_TEST(failure(Story().act().starts(0).claim(in_order({ack(0)}))) ==
               "2: expected ack 0x00 on vCPU 0, came started on vCPU 0");
}

BOOST_AUTO_TEST_CASE(order_on_one_vcpu_is_held) {
    BOOST_TEST(passes(Story().act().takes(0x61).takes(0x51).claim(in_order({ack(0x61), ack(0x51)}))));
    BOOST_TEST(failure(Story().act().takes(0x51).takes(0x61).claim(in_order({ack(0x61), ack(0x51)}))) ==
               "2: expected ack 0x61 on vCPU 0, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(order_is_held_across_assertions_of_one_action) {
    Story story;
    story.act().takes(0x51).takes(0x61).claim(in_order({ack(0x61)})).claim(in_order({ack(0x51)}));
    BOOST_TEST(failure(story) == "2: expected ack 0x61 on vCPU 0, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(between_vcpus_there_is_no_order) {
    BOOST_TEST(
        passes(Story().act().takes(0x51, 1).takes(0x51, 0).claim(in_order({ack(0x51, 0), ack(0x51, 1)}))));
}

BOOST_AUTO_TEST_CASE(any_order_claims_a_set) {
    BOOST_TEST(passes(Story().act().takes(0x51).takes(0x61).claim(any_order({ack(0x61), ack(0x51)}))));
    BOOST_TEST(failure(Story().act().takes(0x51).claim(any_order({ack(0x61), ack(0x51)}))) ==
               "2: expected ack 0x61 on vCPU 0, came nothing after 1 of 2");
    BOOST_TEST(failure(Story().act().takes(0x71).takes(0x51).claim(any_order({ack(0x51)}))) ==
               "2: expected ack 0x51 on vCPU 0, came ack 0x71 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_set_with_overlapping_items_is_matched_whatever_came_first) {
    expect::Ack anywhere = ack(0x51);
    anywhere.vcpus.clear();
    BOOST_TEST(
        passes(Story().act().takes(0x51, 0).takes(0x51, 1).claim(any_order({anywhere, ack(0x51, 0)}))));
    BOOST_TEST(
        passes(Story().act().takes(0x51, 1).takes(0x51, 0).claim(any_order({anywhere, ack(0x51, 0)}))));
    BOOST_TEST(
        !passes(Story().act().takes(0x51, 1).takes(0x51, 2).claim(any_order({anywhere, ack(0x51, 0)}))));
}

BOOST_AUTO_TEST_CASE(times_counts_exactly) {
    expect::Ack thrice = ack(0x51);
    thrice.times = 3;
    Story two;
    two.act().takes(0x51).takes(0x51).claim(in_order({thrice}));
    BOOST_TEST(failure(two) == "2: expected ack 0x51 on vCPU 0 x3, came nothing after 2 of 3");
    Story three;
    three.act().takes(0x51).takes(0x51).takes(0x51).claim(in_order({thrice}));
    BOOST_TEST(passes(three));
    three.takes(0x51);
    BOOST_TEST(failure(three) == "2: expected nothing more, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(any_of_several_vectors_and_vcpus_will_do) {
    expect::Ack either;
    either.ids = {0x51, 0x61};
    either.vcpus = {0, 1};
    BOOST_TEST(passes(Story().act().takes(0x61, 1).claim(in_order({either}))));
    BOOST_TEST(failure(Story().act().takes(0x71, 1).claim(in_order({either}))) ==
               "2: expected ack 0x51 or 0x61 on vCPU 0 or 1, came ack 0x71 on vCPU 1");
    BOOST_TEST(failure(Story().act().takes(0x61, 2).claim(in_order({either}))) ==
               "2: expected ack 0x51 or 0x61 on vCPU 0 or 1, came ack 0x61 on vCPU 2");
}

BOOST_AUTO_TEST_CASE(what_nobody_claimed_fails_when_the_next_action_begins) {
    Story story;
    story.act().takes(0x51).takes(0x61).claim(in_order({ack(0x51)})).act().claim(in_order({ack(0x61)}));
    BOOST_TEST(failure(story) == "2: expected nothing more, came ack 0x61 on vCPU 0");
    BOOST_TEST(story.judged().failure->event.value() == 1U);
    BOOST_TEST(story.judged().failure->mark == "nobody claimed this");
}

BOOST_AUTO_TEST_CASE(what_nobody_claimed_fails_at_the_end) {
    BOOST_TEST(failure(Story().act().takes(0x51)) == "1: expected nothing more, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_claim_does_not_reach_back_behind_the_action) {
    Story story;
    story.act().takes(0x51).act().claim(in_order({ack(0x51)}));
    BOOST_TEST(failure(story) == "1: expected nothing more, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(too_early_is_measured_from_before_the_action) {
    expect::Acks late = in_order({ack(0x51)});
    late.not_before_us = 1000;
    BOOST_TEST(
        passes(Story().act().call("timer").claim(late).passes(std::chrono::milliseconds(1)).takes(0x51)));
    Story early;
    early.act().call("timer").claim(late).passes(std::chrono::microseconds(970)).takes(0x51);
    BOOST_TEST(failure(early) ==
               "2: expected ack 0x51 on vCPU 0, not before 1000 us, came ack 0x51 on vCPU 0, too early");
}

BOOST_AUTO_TEST_CASE(the_failure_says_how_long_after_the_call_it_came) {
    Story story;
    story.act().call("unmask").takes(0x51);
    BOOST_TEST(story.judged().failure->since == "10 us after unmask 10");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(judge_quiet)

BOOST_AUTO_TEST_CASE(proven_quiet_passes) {
    BOOST_TEST(passes(Story().act().claim(quiet_everywhere).proves_quiet()));
}

BOOST_AUTO_TEST_CASE(an_unclaimed_interrupt_is_not_quiet) {
    BOOST_TEST(failure(Story().act().takes(0x51).claim(quiet_everywhere).proves_quiet()) ==
               "2: expected quiet, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(an_interrupt_taken_during_the_proof_is_not_quiet) {
    BOOST_TEST(failure(Story().act().claim(quiet_everywhere).takes(0x51).proves_quiet()) ==
               "2: expected quiet, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_claimed_interrupt_does_not_disturb_the_quiet) {
    Story story;
    story.act().takes(0x51).claim(in_order({ack(0x51)})).claim(quiet_everywhere).proves_quiet();
    BOOST_TEST(passes(story));
}

BOOST_AUTO_TEST_CASE(a_resamplefd_kick_does_not_disturb_the_quiet) {
    Story story;
    story.act()
        .happens(event_of(vmm::event::Resampled{"dev", 1}))
        .claim(quiet_everywhere)
        .proves_quiet()
        .claim(expect::Resampled{"dev", 1});
    BOOST_TEST(passes(story));
}

BOOST_AUTO_TEST_CASE(quiet_that_is_not_proven_makes_the_scenario_invalid) {
    Story story;
    story.act()
        .claim(quiet_everywhere)
        .happens(event_of(vmm::event::Quiet{false, "interrupts are disabled", {}}));
    const Verdict verdict = story.judged();
    BOOST_TEST((verdict.kind == Verdict::Kind::error));
    BOOST_TEST(verdict.invalid);
    BOOST_TEST(verdict.failure->came == "quiet not proven: interrupts are disabled");
}

BOOST_AUTO_TEST_CASE(quiet_that_nobody_looked_at_is_not_proven) {
    BOOST_TEST(Story().act().claim(quiet_everywhere).judged().invalid);
}

BOOST_AUTO_TEST_CASE(each_vcpu_must_be_proven_quiet) {
    Story story;
    story.act()
        .claim(quiet_everywhere)
        .proves_quiet(0)
        .happens(event_of(vmm::event::Quiet{false, "halted", {}}));
    BOOST_TEST(story.judged().invalid);
}

BOOST_AUTO_TEST_CASE(above_a_priority_only_a_greater_one_is_proven_quiet) {
    const auto story = [](std::optional<std::uint32_t> priority) {
        Story told;
        told.act()
            .claim(expect::Quiet{{}, priority, "priority 7"})
            .happens(event_of(vmm::event::Quiet{true, {}, 7, "priority seven"}));
        return told;
    };
    BOOST_TEST(passes(story(8)));
    BOOST_TEST(story(7).judged().invalid);
    BOOST_TEST(story(7).judged().failure->expected == "quiet for priority 7");
    BOOST_TEST(story({}).judged().invalid);
    BOOST_TEST(story({}).judged().failure->came == "quiet proven only above priority seven");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(judge_calls)

BOOST_AUTO_TEST_CASE(a_refused_call_fails_where_nothing_else_is_said) {
    BOOST_TEST(failure(Story().act().call("raise", {0, EINVAL})) == "1: expected success, came EINVAL");
}

BOOST_AUTO_TEST_CASE(an_expected_refusal_must_come_and_be_that_one) {
    const expect::CallResult refused{EINVAL, {}, {}};
    BOOST_TEST(passes(Story().act({refused}).call("route", {0, EINVAL})));
    BOOST_TEST(failure(Story().act({refused}).call("route")) == "1: expected EINVAL, came success");
    BOOST_TEST(failure(Story().act({refused}).call("route", {0, EBUSY})) == "1: expected EINVAL, came EBUSY");
    BOOST_TEST(failure(Story().act({refused})) == "1: expected EINVAL, came no call");
}

BOOST_AUTO_TEST_CASE(every_call_of_the_step_must_come_back_so) {
    BOOST_TEST(failure(Story().act().call("raise").call("lower", {0, ENXIO})) ==
               "1: expected success, came ENXIO");
}

BOOST_AUTO_TEST_CASE(the_status_of_a_line_is_held_by_its_sign) {
    const auto story = [](int expected, int came) {
        Story told;
        told.act({expect::CallResult{0, expected, {}}}).call("raise", {came, 0});
        return told;
    };
    BOOST_TEST(passes(story(1, 2)));
    BOOST_TEST(passes(story(0, 0)));
    BOOST_TEST(passes(story(-1, -1)));
    BOOST_TEST(failure(story(1, 0)) == "1: expected delivered, came coalesced");
    BOOST_TEST(failure(story(0, -1)) == "1: expected coalesced, came ignored");
    BOOST_TEST(failure(story(-1, 1)) == "1: expected ignored, came delivered");
}

BOOST_AUTO_TEST_CASE(a_result_of_one_call_says_nothing_of_the_others_but_they_must_succeed) {
    const expect::CallResult rise{0, 1, "raise"};
    BOOST_TEST(passes(Story().act({rise}).call("raise", {1, 0}).call("lower", {0, 0})));
    BOOST_TEST(failure(Story().act({rise}).call("raise", {0, 0}).call("lower")) ==
               "1: expected delivered, came coalesced");
    BOOST_TEST(failure(Story().act({rise}).call("raise", {1, 0}).call("lower", {0, ENXIO})) ==
               "1: expected success, came ENXIO");
    const expect::CallResult refused{EINVAL, {}, "raise"};
    BOOST_TEST(passes(Story().act({refused}).call("raise", {0, EINVAL}).call("lower")));
}

BOOST_AUTO_TEST_SUITE_END()
