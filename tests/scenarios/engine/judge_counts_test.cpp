#include "scenarios/engine/judge.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/scenarios/engine/story.hpp"

using namespace irqbench;
using namespace irqbench::scenarios;
using namespace irqbench::tests;

BOOST_AUTO_TEST_SUITE(judge_counts)

BOOST_AUTO_TEST_CASE(resamplefd_kicks_are_counted_and_none_may_be_left) {
    const auto kick = [](std::uint64_t count) { return event_of(vmm::event::Resampled{"dev", count}); };
    const expect::Resampled twice{"dev", 2};
    BOOST_TEST(passes(Story().act().happens(kick(1)).happens(kick(1)).claim(twice)));
    BOOST_TEST(failure(Story().act().happens(kick(1)).claim(twice)) ==
               "2: expected resampled dev x2, came resampled dev");
    BOOST_TEST(failure(Story().act().happens(kick(3)).claim(twice)) ==
               "2: expected resampled dev x2, came resampled dev x3");
    BOOST_TEST(failure(Story().act().happens(kick(1)).act()) ==
               "1: expected nothing more, came resampled dev");
    BOOST_TEST(failure(Story().act().happens(kick(2))) == "1: expected nothing more, came resampled dev x2");
}

BOOST_AUTO_TEST_CASE(a_missing_kick_shows_what_was_taken_instead) {
    BOOST_TEST(failure(Story().act().takes(0x51).claim(expect::Resampled{"dev", 1})) ==
               "2: expected resampled dev, came ack 0x51 on vCPU 0");
    BOOST_TEST(failure(Story().act().claim(expect::Resampled{"dev", 1})) ==
               "2: expected resampled dev, came nothing");
}

BOOST_AUTO_TEST_CASE(doorbells_are_counted_and_none_may_be_left) {
    const auto ring = event_of(vmm::event::DoorbellRung{"bell", 1});
    BOOST_TEST(passes(Story().act().happens(ring).claim(expect::DoorbellRung{"bell", 1})));
    BOOST_TEST(failure(Story().act().happens(ring).claim(expect::DoorbellRung{"bell", 2})) ==
               "2: expected doorbell bell x2, came doorbell bell");
    BOOST_TEST(failure(Story().act().happens(ring)) == "1: expected nothing more, came doorbell bell");
}

BOOST_AUTO_TEST_CASE(eoi_exits_are_counted_since_the_last_assertion_of_them) {
    const auto exit = [](std::uint32_t vector) { return event_of(vmm::event::EoiExit{vector}); };
    Story story;
    story.act().happens(exit(0x51)).act().happens(exit(0x61)).claim(expect::EoiExits{1, 0x51});
    story.claim(expect::EoiExits{1, {}}).claim(expect::EoiExits{0, {}});
    BOOST_TEST(passes(story));
    BOOST_TEST(failure(Story().act().happens(exit(0x51)).claim(expect::EoiExits{2, {}})) ==
               "2: expected 2 EOI exits, came 1 EOI exit");
    BOOST_TEST(passes(Story().act().happens(exit(0x51))));
}

BOOST_AUTO_TEST_CASE(values_are_compared_under_their_mask) {
    const auto seen = event_of(vmm::event::Observed{"ppr", 0x5f});
    BOOST_TEST(passes(Story().act().claim(expect::Value{"ppr", 0x50, 0xf0}).happens(seen)));
    BOOST_TEST(failure(Story().act().claim(expect::Value{"ppr", 0x50}).happens(seen)) ==
               "2: expected ppr = 0x50, came ppr = 0x5f");
    BOOST_TEST(failure(Story().act().claim(expect::Value{"tpr", 0x50}).happens(seen)) ==
               "2: expected tpr = 0x50, came no such value");
    BOOST_TEST(failure(Story().act().happens(seen).claim(expect::Value{"ppr", 0x5f})) ==
               "2: expected ppr = 0x5f, came no such value");
}

BOOST_AUTO_TEST_CASE(the_value_that_a_guest_operation_read_counts_too) {
    const auto read = event_of(vmm::event::OperationDone{"read msr 0x1b", 7, {}}, vmm::Lane::guest, 0);
    BOOST_TEST(passes(Story().act({expect::Value{"read msr 0x1b", 7}}).happens(read)));
    BOOST_TEST(!passes(Story().act({expect::Value{"read msr 0x1b", 8}}).happens(read)));
}

BOOST_AUTO_TEST_CASE(where_a_vcpu_rests_is_what_it_said_last) {
    const auto rest = [](vmm::event::RestState state) {
        return event_of(vmm::event::Rest{state, true, 0, 0}, vmm::Lane::guest, 0);
    };
    using vmm::event::RestState;
    const expect::AtRest halted{0, RestState::halted};
    BOOST_TEST(
        passes(Story().act().happens(rest(RestState::idle)).happens(rest(RestState::halted)).claim(halted)));
    BOOST_TEST(
        failure(
            Story().act().happens(rest(RestState::halted)).happens(rest(RestState::idle)).claim(halted)) ==
        "2: expected halted on vCPU 0, came idle on vCPU 0");
    BOOST_TEST(failure(Story().act().claim(halted)) == "2: expected halted on vCPU 0, came nothing");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(judge_ends)

BOOST_AUTO_TEST_CASE(an_expected_exception_must_come_and_be_that_one) {
    const auto gp = event_of(vmm::event::OperationDone{"write msr", 0, 13}, vmm::Lane::guest, 0);
    const auto fine = event_of(vmm::event::OperationDone{"write msr", 0, {}}, vmm::Lane::guest, 0);
    BOOST_TEST(passes(Story().act({expect::GuestFault{13}}).happens(gp)));
    BOOST_TEST(failure(Story().act({expect::GuestFault{14}}).happens(gp)) == "1: expected #PF, came #GP");
    BOOST_TEST(failure(Story().act({expect::GuestFault{13}}).happens(fine)) ==
               "1: expected #GP, came success");
    BOOST_TEST(failure(Story().act().happens(gp)) == "1: expected success, came #GP");
}

BOOST_AUTO_TEST_CASE(a_guest_fault_is_an_error) {
    Story story;
    story.act().happens(event_of(vmm::event::Fault{14, 2, 0x1000, 0}, vmm::Lane::guest, 0));
    story.claim(in_order({ack(0x51)}));
    BOOST_TEST((story.judged().kind == Verdict::Kind::error));
    BOOST_TEST(!story.judged().invalid);
    BOOST_TEST(story.judged().reason.ends_with(
        "; an interrupt with the vector 0x0e looks the same where no 'handler' step declares it"));
}

BOOST_AUTO_TEST_CASE(trouble_is_an_error_and_a_stalled_host_is_named) {
    Story story;
    story.act().happens(event_of(vmm::event::Trouble{"KVM_RUN: Bad address", false}));
    BOOST_TEST((story.judged().kind == Verdict::Kind::error));
    BOOST_TEST(story.judged().reason == "step 1, line 11: KVM_RUN: Bad address");
    Story stalled;
    stalled.act().happens(event_of(vmm::event::Trouble{"vCPU 0 got no CPU time", true}));
    BOOST_TEST(stalled.judged().reason == "step 1, line 11: host stalled: vCPU 0 got no CPU time");
}

BOOST_AUTO_TEST_CASE(a_failure_before_the_trouble_is_the_verdict) {
    Story story;
    story.act().takes(0x51).act().happens(event_of(vmm::event::Trouble{"the guest is lost", false}));
    BOOST_TEST(failure(story) == "1: expected nothing more, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_run_that_ended_early_cannot_pass) {
    Story story;
    story.act();
    story.complete = false;
    BOOST_TEST((story.judged().kind == Verdict::Kind::error));
}

BOOST_AUTO_TEST_CASE(the_step_number_line_and_iteration_of_a_repeat_are_in_the_failure) {
    Story inner;
    inner.act();
    Block block;
    block.kind = Block::Kind::repeat;
    block.times = 3;
    block.threads.emplace_back("", inner.scenario.steps);
    Story story;
    story.scenario.steps.push_back(block_of(block));
    vmm::Event second = taken(0x51);
    second.step = 1;
    story.trace.push_back(second);
    const Verdict verdict = story.judged();
    BOOST_TEST(verdict.failure->iteration == 1U);
    BOOST_TEST(verdict.failure->iterations == 3U);
    BOOST_TEST(verdict.failure->line == 11U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(judge_storms)

BOOST_AUTO_TEST_CASE(an_expected_storm_claims_all_of_its_vector_and_its_tail) {
    Story story;
    story.act().takes(0x51).takes(0x51).takes(0x51);
    story.happens(event_of(vmm::event::Storm{3}, vmm::Lane::guest, 0)).claim(expect::Storm{0x51});
    story.act().takes(0x51).act();
    BOOST_TEST(passes(story));
    story.takes(0x51);
    BOOST_TEST(failure(story) == "4: expected nothing more, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(the_tail_of_a_claimed_storm_may_be_longer_than_the_budget) {
    const auto storm_on = [](std::uint32_t vcpu) {
        return event_of(vmm::event::Storm{3}, vmm::Lane::guest, vcpu);
    };
    Story story;
    story.act().takes(0x51).happens(storm_on(0)).claim(expect::Storm{0x51}).act().takes(0x51);
    BOOST_TEST(
        passes(Story(story).takes(0x61, 1).claim(in_order({ack(0x61, 1)})).happens(storm_on(0)).act()));
    BOOST_TEST(failure(Story(story).takes(0x61, 1).happens(storm_on(1))) ==
               "3: expected nothing more, came storm of 0x61 on vCPU 1");
    BOOST_TEST(failure(story.act().takes(0x51).happens(storm_on(0))) ==
               "4: expected nothing more, came storm of 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_storm_claims_nothing_but_its_vector) {
    Story story;
    story.act().takes(0x51).takes(0x61);
    story.happens(event_of(vmm::event::Storm{2}, vmm::Lane::guest, 0)).claim(expect::Storm{0x51});
    BOOST_TEST(failure(story) == "2: expected nothing more, came ack 0x61 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_storm_of_another_vector_fails) {
    Story story;
    story.act()
        .takes(0x61)
        .happens(event_of(vmm::event::Storm{1}, vmm::Lane::guest, 0))
        .claim(expect::Storm{0x51});
    BOOST_TEST(failure(story) == "2: expected storm of 0x51, came storm of 0x61 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(an_unexpected_storm_fails_even_if_an_ack_claims_its_first) {
    Story story;
    story.act()
        .takes(0x51)
        .happens(event_of(vmm::event::Storm{1}, vmm::Lane::guest, 0))
        .claim(in_order({ack(0x51)}));
    BOOST_TEST(failure(story) == "2: expected nothing more, came storm of 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(without_a_storm_the_assertion_fails) {
    BOOST_TEST(failure(Story().act().takes(0x51).claim(expect::Storm{0x51})) ==
               "2: expected storm of 0x51, came ack 0x51 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(free_running_more_than_the_budget_is_a_storm) {
    Story story;
    story.scenario.config.storm_budget = 2;
    story.act().takes(0x51).takes(0x51).claim(expect::Storm{0x51});
    BOOST_TEST(failure(story) == "2: expected storm of 0x51, came ack 0x51 on vCPU 0");
    story.takes(0x51);
    BOOST_TEST(passes(story));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(judge_outcomes)

namespace {

Story with_outcomes() {
    Story story;
    story.scenario.outcomes.emplace();
    story.scenario.outcomes->allowed = {ack(0x51), ack(0x61, 1)};
    story.scenario.outcomes->forbidden = {ack(0x61)};
    return story;
}

}  // namespace

BOOST_AUTO_TEST_CASE(allowed_outcomes_are_counted) {
    Story story = with_outcomes();
    story.act().takes(0x51).act().takes(0x61, 1).takes(0x51);
    BOOST_TEST(passes(story));
    const auto histogram = story.judged().histogram;
    BOOST_REQUIRE(histogram.size() == 3U);
    BOOST_TEST((histogram[0] == OutcomeCount{OutcomeCount::Kind::allowed, "ack 0x51 on vCPU 0", 2}));
    BOOST_TEST((histogram[1] == OutcomeCount{OutcomeCount::Kind::allowed, "ack 0x61 on vCPU 1", 1}));
    BOOST_TEST((histogram[2] == OutcomeCount{OutcomeCount::Kind::forbidden, "ack 0x61 on vCPU 0", 0}));
}

BOOST_AUTO_TEST_CASE(a_forbidden_outcome_fails) {
    Story story = with_outcomes();
    story.act().takes(0x61, 0);
    BOOST_TEST(failure(story) == "1: expected nothing more, came ack 0x61 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(what_is_forbidden_is_not_allowed_by_a_wider_rule) {
    Story story = with_outcomes();
    expect::Ack anywhere = ack(0x61);
    anywhere.vcpus.clear();
    story.scenario.outcomes->allowed.push_back(anywhere);
    story.act().takes(0x61, 0);
    BOOST_TEST(!passes(story));
}

BOOST_AUTO_TEST_CASE(what_no_outcome_names_fails) {
    Story story = with_outcomes();
    story.act().takes(0x71);
    BOOST_TEST(failure(story) == "1: expected nothing more, came ack 0x71 on vCPU 0");
}

BOOST_AUTO_TEST_CASE(a_required_outcome_must_be_seen) {
    Story story = with_outcomes();
    story.scenario.outcomes->required = {ack(0x71)};
    story.act().takes(0x51);
    BOOST_TEST(failure(story) == "1: expected ack 0x71 on vCPU 0 at least once, came never");
    story.takes(0x71);
    BOOST_TEST(passes(story));
}

BOOST_AUTO_TEST_CASE(all_allowed_outcomes_must_be_seen_where_the_file_says_so) {
    Story story = with_outcomes();
    story.act().takes(0x51);
    BOOST_TEST(passes(story));
    story.scenario.outcomes->all_allowed_seen = true;
    BOOST_TEST(failure(story) == "1: expected ack 0x61 on vCPU 1 at least once, came never");
}

BOOST_AUTO_TEST_CASE(outcomes_of_which_none_was_seen_fail) {
    Story story = with_outcomes();
    story.act();
    BOOST_TEST(failure(story) == "1: expected at least one of the outcomes, came nothing was taken");
    story.takes(0x61, 1);
    BOOST_TEST(passes(story));
}

BOOST_AUTO_TEST_CASE(an_ack_may_pass_over_outcomes_and_what_it_claims_is_not_counted) {
    Story story = with_outcomes();
    story.act().takes(0x51).takes(0x71).claim(in_order({ack(0x71)}));
    BOOST_TEST(passes(story));
    BOOST_TEST(story.judged().histogram[0].count == 1U);
    Story claimed = with_outcomes();
    claimed.act().takes(0x51).claim(in_order({ack(0x51)}));
    BOOST_TEST(passes(claimed));
    BOOST_TEST(claimed.judged().histogram[0].count == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
