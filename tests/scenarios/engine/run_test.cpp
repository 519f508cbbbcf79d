#include "scenarios/engine/run.hpp"

#include <boost/test/unit_test.hpp>
#include <system_error>

#include "tests/scenarios/engine/fake_machine.hpp"

using namespace irqbench;
using namespace irqbench::scenarios;
using namespace irqbench::tests;

namespace {

Step raise(std::uint32_t gsi) {
    return step_of(TestVerb(true, {}, [gsi](Stage& stage) { stage.machine.set_line(gsi, true, false); }));
}

Step claim(Expectation expectation) { return step_of(TestVerb(false, {std::move(expectation)})); }

Block block(Block::Kind kind, std::vector<Step> steps) {
    Block made;
    made.kind = kind;
    made.threads.emplace_back("", std::move(steps));
    return made;
}

/// A scenario, a scripted machine, and what became of them.
struct Bench {
    Scenario scenario;
    vmm::Trace trace;
    FakeMachine machine{trace};
    RunOptions options;

    Bench() {
        options.config.placement = "kernel";
        options.config.vcpu_ids = {0, 1};
        options.config.watchdog = std::chrono::milliseconds(50);
    }

    Performance play() { return perform(scenario, machine, trace, options); }

    Verdict verdict() {
        const Performance performance = play();
        return judge(scenario, performance, trace.events());
    }
};

std::vector<std::uint32_t> steps_of_takes(const vmm::Trace& trace) {
    std::vector<std::uint32_t> steps;
    for (const auto& event : trace.events())
        if (std::holds_alternative<vmm::event::Taken>(event.what)) steps.push_back(event.step);
    return steps;
}

using Calls = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(linearising)

BOOST_AUTO_TEST_CASE(setup_comes_first_and_repeats_are_unfolded_in_order) {
    Scenario scenario;
    scenario.setup = {raise(1)};
    Block inner = block(Block::Kind::repeat, {raise(3)});
    inner.times = 2;
    Block outer = block(Block::Kind::repeat, {raise(2), block_of(inner)});
    outer.times = 2;
    scenario.steps = {block_of(outer)};
    const auto performed = linearise(scenario, "kernel");
    BOOST_REQUIRE(performed.size() == 7U);
    BOOST_TEST(performed[0].step == &scenario.setup[0]);
    BOOST_TEST(performed[4].iteration == 1U);
    BOOST_TEST(performed[4].iterations == 2U);
    BOOST_TEST(performed[6].iteration == 3U);
    BOOST_TEST(performed[6].iterations == 4U);
}

BOOST_AUTO_TEST_CASE(only_blocks_of_other_modes_are_left_out) {
    Scenario scenario;
    Block only = block(Block::Kind::only, {raise(1)});
    only.modes = {"split"};
    scenario.steps = {block_of(only)};
    BOOST_TEST(linearise(scenario, "split").size() == 1U);
    BOOST_TEST(linearise(scenario, "kernel").empty());
}

BOOST_AUTO_TEST_CASE(more_than_a_million_steps_are_refused_before_any_is_done) {
    const auto times = [](std::uint64_t count) {
        Scenario scenario;
        Block repeat = block(Block::Kind::repeat, {raise(1)});
        repeat.times = count;
        scenario.steps = {block_of(repeat)};
        return scenario;
    };
    BOOST_TEST(linearise(times(max_steps), "kernel").size() == max_steps);
    BOOST_CHECK_THROW(static_cast<void>(linearise(times(max_steps + 1), "kernel")), ScenarioError);
    BOOST_CHECK_THROW(static_cast<void>(linearise(times(~std::uint64_t{0}), "kernel")), ScenarioError);
    Scenario nested;
    Block inner = block(Block::Kind::repeat, {raise(1)});
    inner.times = 1U << 20U;
    Block outer = block(Block::Kind::repeat, {block_of(inner)});
    outer.times = 1U << 12U;
    nested.steps = {block_of(outer)};
    BOOST_CHECK_THROW(static_cast<void>(linearise(nested, "kernel")), ScenarioError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(performing)

BOOST_AUTO_TEST_CASE(what_an_action_causes_belongs_to_its_step) {
    Bench bench;
    bench.scenario.steps = {raise(10), claim(in_order({ack(0x51)})), raise(11), claim(in_order({ack(0x61)}))};
    bench.machine.causes["raise 10"] = {taken(0x51)};
    bench.machine.causes["raise 11"] = {taken(0x61)};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(steps_of_takes(bench.trace) == (std::vector<std::uint32_t>{0, 2}));
}

BOOST_AUTO_TEST_CASE(stepped_it_does_not_wait_for_what_cannot_come_any_more) {
    Bench bench;
    bench.scenario.steps = {raise(10), claim(in_order({ack(0x51)})), raise(11)};
    const auto performance = bench.play();
    BOOST_TEST(bench.machine.calls == Calls{"raise 10"});
    BOOST_TEST(performance.performed.size() == 2U);
    BOOST_TEST(!performance.complete);
}

BOOST_AUTO_TEST_CASE(free_running_it_waits_until_the_expectation_holds) {
    Bench bench;
    bench.options.config.run = vmm::RunMode::free;
    bench.scenario.steps = {raise(10), claim(in_order({ack(0x51)}))};
    int polls = 0;
    bench.machine.on_wait = [&](const std::function<bool()>& enough) {
        for (; !enough() && polls < 10; ++polls)
            if (polls == 3) bench.trace.add(taken(0x51));
    };
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(polls == 4);
}

BOOST_AUTO_TEST_CASE(free_running_it_waits_for_a_start_and_not_when_something_else_came) {
    Bench bench;
    bench.options.config.run = vmm::RunMode::free;
    bench.scenario.steps = {raise(10), claim(expect::Started{1})};
    bench.machine.on_wait = [&](const std::function<bool()>& enough) {
        if (!enough()) bench.trace.add(event_of(vmm::event::Started{}, vmm::Lane::guest, 1));
    };
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(bench.machine.calls == (Calls{"raise 10", "wait"}));

    Bench other;
    other.options.config.run = vmm::RunMode::free;
    other.scenario.steps = {raise(10), claim(expect::Started{1})};
    other.machine.causes["raise 10"] = {taken(0x61, 1)};
    BOOST_TEST((other.verdict().kind == Verdict::Kind::fail));
    BOOST_TEST(other.machine.calls == Calls{"raise 10"});
}

BOOST_AUTO_TEST_CASE(it_ends_at_what_no_later_step_can_mend) {
    Bench unclaimed;
    unclaimed.scenario.steps = {raise(10), raise(11)};
    unclaimed.machine.causes["raise 10"] = {taken(0x61)};
    BOOST_TEST((unclaimed.verdict().kind == Verdict::Kind::fail));
    BOOST_TEST(unclaimed.machine.calls == Calls{"raise 10"});

    for (const std::uint64_t value : {1U, 2U}) {
        Bench bench;
        const auto observe = [value](Stage& stage) {
            stage.trace.add(event_of(vmm::event::Observed{"isr", value}));
        };
        bench.scenario.steps = {step_of(TestVerb(false, {expect::Value{"isr", 1}}, observe)), raise(10)};
        BOOST_TEST((bench.verdict().kind == (value == 1 ? Verdict::Kind::pass : Verdict::Kind::fail)));
        BOOST_TEST(bench.machine.calls.size() == (value == 1 ? 1U : 0U));
    }
}

BOOST_AUTO_TEST_CASE(free_running_it_does_not_wait_on_when_something_else_came) {
    Bench bench;
    bench.options.config.run = vmm::RunMode::free;
    bench.scenario.steps = {raise(10), claim(in_order({ack(0x51)}))};
    bench.machine.causes["raise 10"] = {taken(0x61)};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::fail));
    BOOST_TEST(bench.machine.calls == Calls{"raise 10"});
}

BOOST_AUTO_TEST_CASE(stepped_it_waits_only_for_what_may_take_time) {
    expect::Acks now = in_order({ack(0x51)});
    expect::Acks later = now;
    later.may_take_time = true;
    for (const bool comes : {true, false}) {
        Bench bench;
        bench.scenario.steps = {raise(10), claim(later)};
        bench.machine.on_wait = [&](const std::function<bool()>& enough) {
            BOOST_TEST(!enough());
            if (comes) bench.trace.add(taken(0x51));
            BOOST_TEST(enough() == comes);
        };
        BOOST_TEST((bench.verdict().kind == (comes ? Verdict::Kind::pass : Verdict::Kind::fail)));
        BOOST_TEST(bench.machine.calls == (Calls{"raise 10", "wait"}));
    }
    Bench never;
    never.scenario.steps = {raise(10), claim(now)};
    BOOST_TEST((never.verdict().kind == Verdict::Kind::fail));
    BOOST_TEST(never.machine.calls == Calls{"raise 10"});
}

BOOST_AUTO_TEST_CASE(quiet_is_proven_on_the_vcpus_it_names_or_on_all) {
    Bench bench;
    bench.scenario.steps = {claim(expect::Quiet{}), claim(expect::Quiet{{1}, {}})};
    bench.play();
    BOOST_TEST(bench.machine.calls == (Calls{"prove quiet 0", "prove quiet 1", "prove quiet 1"}));
}

BOOST_AUTO_TEST_CASE(what_the_machine_throws_becomes_trouble) {
    Bench bench;
    bench.scenario.steps = {step_of(TestVerb(
        true, {}, [](Stage&) { throw std::system_error(EFAULT, std::generic_category(), "KVM_RUN"); }))};
    const Verdict verdict = bench.verdict();
    BOOST_TEST((verdict.kind == Verdict::Kind::error));
    BOOST_TEST(verdict.reason == "step 0, line 0: KVM_RUN: Bad address");
}

BOOST_AUTO_TEST_CASE(a_machine_that_cannot_go_on_ends_the_run) {
    Bench bench;
    bench.scenario.steps = {raise(10), raise(11)};
    bench.machine.on_settle = [] { return false; };
    BOOST_TEST(!bench.play().complete);
    BOOST_TEST(bench.machine.calls == Calls{"raise 10"});
}

BOOST_AUTO_TEST_CASE(cancelling_ends_the_run_between_two_steps) {
    Bench bench;
    std::atomic<bool> cancel{false};
    bench.options.cancel = &cancel;
    bench.scenario.steps = {raise(10), raise(11)};
    bench.machine.on_settle = [&] {
        cancel = true;
        return true;
    };
    BOOST_TEST(bench.play().cancelled);
    BOOST_TEST(bench.machine.calls == Calls{"raise 10"});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(parallel_blocks)

namespace {

Step signal_dev() {
    return step_of(TestVerb(true, {}, [](Stage& stage) { stage.machine.signal("dev", 1); }));
}

Step reroute() {
    return step_of(TestVerb(true, {}, [](Stage& stage) { stage.machine.route(stage.machine.routes()); }));
}

struct ParallelBench : Bench {
    Block parallel;

    ParallelBench() {
        parallel.kind = Block::Kind::parallel;
        options.config.run = vmm::RunMode::free;
        machine.on_wait = [](const std::function<bool()>& enough) {
            while (!enough()) {
            }
        };
    }

    Verdict verdict() {
        scenario.steps = {block_of(parallel)};
        return Bench::verdict();
    }

    std::vector<std::string> recorded() const {
        std::vector<std::string> texts;
        for (const auto& event : trace.events()) texts.push_back(vmm::describe(event));
        return texts;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_thread_does_its_steps_and_is_recorded_as_one_call) {
    ParallelBench bench;
    bench.parallel.times = 1000;
    bench.parallel.threads = {{"flipper", {reroute(), reroute()}}, {"signaler", {signal_dev()}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(bench.recorded() == (Calls{"parallel flipper: 2000 route", "parallel signaler: 1000 signal"}));
}

BOOST_AUTO_TEST_CASE(a_machine_that_decides_whose_turn_it_is_gets_the_steps_one_by_one) {
    ParallelBench bench;
    std::string done;
    const auto says = [&done](const char* what) {
        return step_of(TestVerb(true, {}, [&done, what](Stage& stage) {
            stage.machine.signal("dev", 1);
            done += what;
        }));
    };
    // The last of those that go on, so that one thread after the other comes to its end.
    bench.machine.on_next_thread = [](std::size_t threads) { return std::optional(threads - 1); };
    bench.machine.on_wait = nullptr;
    Block twice = block(Block::Kind::repeat, {says("b")});
    twice.times = 2;
    Block elsewhere = block(Block::Kind::only, {says("x")});
    elsewhere.modes = {"split"};
    Block loop = block(Block::Kind::loop, {says("l")});
    loop.until = "two";
    bench.parallel.times = 2;
    bench.parallel.threads = {{"one", {says("1"), block_of(elsewhere)}},
                              {"two", {says("a"), block_of(twice), says("c")}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(done == "abbcabbc11");
    BOOST_TEST(bench.recorded() == (Calls{"parallel one: 2 signal", "parallel two: 8 signal"}));

    done.clear();
    ParallelBench other;
    std::size_t turn = 0;
    other.machine.on_next_thread = [&turn](std::size_t threads) { return std::optional(turn++ % threads); };
    other.parallel.times = 1;
    other.parallel.threads = {{"one", {block_of(loop)}}, {"two", {says("a"), says("b")}}};
    BOOST_TEST((other.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(done == "albl");
}

BOOST_AUTO_TEST_CASE(a_loop_goes_on_until_the_other_thread_has_ended) {
    ParallelBench bench;
    bench.parallel.times = 1;
    Block loop = block(Block::Kind::loop, {signal_dev()});
    loop.until = "flipper";
    Block flips = block(Block::Kind::repeat, {reroute()});
    flips.times = 100;
    bench.parallel.threads = {{"flipper", {block_of(flips)}}, {"signaler", {block_of(loop)}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(bench.recorded().at(0) == "parallel flipper: 100 route");
}

BOOST_AUTO_TEST_CASE(a_refusal_fails) {
    ParallelBench bench;
    bench.machine.refuses_with = EINVAL;
    bench.parallel.threads = {{"flipper", {reroute()}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::fail));
}

BOOST_AUTO_TEST_CASE(verbs_that_need_the_guest_have_no_place_in_it) {
    ParallelBench bench;
    bench.parallel.threads = {
        {"one", {step_of(TestVerb(true, {}, [](Stage& stage) { stage.machine.nmi(0); }))}}};
    BOOST_TEST(bench.verdict().reason == "step 0, line 0: this verb has no place in a parallel block");
}

BOOST_AUTO_TEST_CASE(two_threads_may_not_both_change_routes) {
    ParallelBench bench;
    bench.parallel.threads = {{"one", {reroute()}}, {"two", {reroute()}}};
    BOOST_TEST(bench.verdict().reason ==
               "step 0, line 0: only one thread of a parallel block may change routes");
}

BOOST_AUTO_TEST_CASE(cancelling_ends_endless_loops) {
    ParallelBench bench;
    std::atomic<bool> cancel{false};
    bench.options.cancel = &cancel;
    Block first = block(Block::Kind::loop, {signal_dev()});
    first.until = "two";
    Block second = block(Block::Kind::loop, {signal_dev()});
    second.until = "one";
    bench.parallel.threads = {{"one", {block_of(first)}}, {"two", {block_of(second)}}};
    bench.machine.on_wait = [&](const std::function<bool()>& enough) {
        cancel = true;
        while (!enough()) {
        }
    };
    bench.scenario.steps = {block_of(bench.parallel)};
    BOOST_TEST(bench.trace.events().empty());
    bench.play();
    BOOST_TEST(bench.recorded().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_thread_hands_a_vcpu_its_operations_and_waits_for_them_before_anything_else) {
    ParallelBench bench;
    std::string done;
    const auto operate = [&done](std::uint32_t vcpu) {
        return step_of(TestVerb(true, {}, [&done, vcpu](Stage& stage) {
                           stage.machine.guest(vcpu, std::vector<vmm::GuestOp>(2));
                           done += fmt::format("{}", vcpu);
                       }).on(vcpu));
    };
    const Step signal = step_of(TestVerb(true, {}, [&done](Stage& stage) {
        stage.machine.signal("dev", 1);
        done += "s";
    }));
    bench.machine.on_next_thread = [](std::size_t) { return std::optional<std::size_t>(0); };
    int looks = 0;
    bench.machine.on_progress = [&](std::uint32_t vcpu) {
        done += fmt::format("({})", vcpu);
        return ++looks % 2 == 0 ? vmm::GuestProgress::done : vmm::GuestProgress::under_way;
    };
    bench.parallel.times = 1;
    bench.parallel.threads = {{"guest", {operate(0), operate(0), signal, operate(1), operate(0)}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    // Once over, each vCPU is asked what it depends on.
    BOOST_TEST(done ==
               "0010"
               "00(0)(0)s1(1)(1)0(0)(0)");
    BOOST_TEST(bench.recorded() == Calls{"parallel guest: 1 signal, 8 operations"});
}

BOOST_AUTO_TEST_CASE(a_vcpu_that_will_not_go_on_ends_the_block) {
    ParallelBench bench;
    Block loop = block(Block::Kind::loop, {signal_dev()});
    loop.until = "guest";
    bench.machine.on_progress = [](std::uint32_t) { return vmm::GuestProgress::stopped; };
    bench.parallel.times = 1000;
    bench.parallel.threads = {
        {"guest",
         {step_of(
              TestVerb(true, {}, [](Stage& stage) { stage.machine.guest(0, std::vector<vmm::GuestOp>(1)); })
                  .on(0)),
          signal_dev()}},
        {"other", {block_of(loop)}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(bench.recorded().at(0) == "parallel guest: 1 operations");
}

BOOST_AUTO_TEST_CASE(what_calls_answer_while_the_machine_is_closed_is_no_failure) {
    ParallelBench bench;
    const Step close = step_of(TestVerb(true, {}, [](Stage& stage) { stage.machine.close_descriptors(); }));
    const Step late = step_of(TestVerb(
        true, {}, [](Stage&) { throw std::system_error(ENOTTY, std::generic_category(), "KVM_IRQ_LINE"); }));
    bench.machine.on_close_descriptors = [&] { bench.machine.refuses_with = EBADF; };
    bench.machine.on_next_thread = [](std::size_t) { return std::optional<std::size_t>(0); };
    bench.parallel.times = 1;
    bench.parallel.threads = {{"closer", {close}}, {"other", {reroute(), late}}};
    BOOST_TEST((bench.verdict().kind == Verdict::Kind::pass));
    BOOST_TEST(bench.recorded() == (Calls{"parallel closer: 1 close", "parallel other: nothing"}));
    ParallelBench open;
    open.parallel.times = 1;
    open.parallel.threads = {{"other", {late}}};
    BOOST_TEST((open.verdict().kind == Verdict::Kind::error));
}

BOOST_AUTO_TEST_SUITE_END()
