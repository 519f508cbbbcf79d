#include "vmm/model/model_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <set>

#include "irqchip/x86/lapic_registers.hpp"
#include "tests/vmm/model/pc.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace std::chrono_literals;
using vmm::RunMode;

namespace {

constexpr std::uint64_t level_entry = 0x8000;

/// What a run of several CPUs with one seed leaves in its trace.
std::string story(std::uint64_t seed) {
    Pc pc(ModelBench::with(4, RunMode::free, seed));
    for (std::uint32_t i = 0; i < 20; ++i) {
        for (std::uint32_t cpu = 0; cpu < 4; ++cpu) pc.machine.msi({lapic_page | cpu << 12, 0x40 + i, {}});
        pc.guest({op(OP_LAPIC_WRITE, "ipi", irqchip::x86::lapic::icr, 0xC'0000 | (0x80 + i))}, i % 4);
    }
    pc.machine.finish();
    std::string text;
    for (const vmm::Event& event : pc.trace.events())
        text += fmt::format("{} {}\n", event.at.count(), vmm::describe(event));
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_machine)

BOOST_AUTO_TEST_CASE(a_call_is_recorded_ahead_of_what_it_causes) {
    Pc pc;
    pc.entry(10, 0x51);
    pc.news();
    pc.machine.set_line(10, true, false);
    pc.machine.settle();
    const auto& events = pc.trace.events();
    std::string lanes;
    for (std::size_t i = events.size() - 5; i < events.size(); ++i) lanes += vmm::describe(events[i]) + "; ";
    BOOST_TEST(lanes ==
               "raise 10; ioapic pin 10 up; pic_slave pin 2 up; ioapic pin 10 sends vector 0x51 to 0; ack "
               "0x51 on vCPU 0; ");
}

BOOST_AUTO_TEST_CASE(calls_are_answered_as_the_kernel_answers_them) {
    Pc pc;
    BOOST_TEST(pc.machine.msi({lapic_page, 0x51, {}}).value == 1);
    BOOST_TEST((pc.machine.msi({lapic_page | 9 << 12, 0x51, {}}) == vmm::Outcome()));  // nobody
    BOOST_TEST(pc.machine.msi({lapic_page, 0x51, 7}).error == EINVAL);                 // a device id
    BOOST_TEST(pc.machine.set_line(99, true, true).value == -1);
    BOOST_TEST(pc.machine.set_line(99, true, false).value == 0);
    routing::RoutingTable table;
    table.set(5000, {routing::MsiRoute{lapic_page, 0x51, {}, 0}});
    BOOST_TEST(pc.machine.route(table).error == EINVAL);
    BOOST_TEST(pc.machine.routes().size() == 40);
    BOOST_TEST(pc.machine.inject(0, 0x51, vmm::Injection::interrupt).error == ENOTTY);
}

BOOST_AUTO_TEST_CASE(time_passes_only_where_it_is_awaited) {
    Pc pc;
    pc.lapic("timer_divide", 0xB);
    pc.lapic("lvt_timer", 0x51);
    pc.lapic("timer_initial", 50'000'000);
    for (int i = 0; i < 100; ++i) pc.machine.settle();
    BOOST_TEST(pc.taken() == 0);
    const auto begun = pc.time();
    BOOST_TEST(pc.await(1));
    BOOST_TEST((pc.time() - begun >= 49ms));
    BOOST_TEST((pc.time() - begun < 51ms));
    BOOST_TEST(!pc.await(2));  // there is no other
    BOOST_TEST((pc.time() < 52ms));
}

BOOST_AUTO_TEST_CASE(a_wait_ends_with_the_watchdog_of_the_virtual_time) {
    auto config = ModelBench::with();
    config.watchdog = 20ms;
    Pc pc(config);
    pc.lapic("timer_divide", 0xB);
    pc.lapic("lvt_timer", 0x2'0051);  // periodic
    pc.lapic("timer_initial", 1'000'000);
    BOOST_TEST(!pc.await(1000));
    BOOST_TEST(pc.taken() >= 19);
    BOOST_TEST(pc.taken() <= 21);
}

// It has not seen that nothing comes.
BOOST_AUTO_TEST_CASE(a_wait_that_cannot_be_carried_through_is_no_verdict) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Pc pc(ModelBench::with(1, run));
        pc.guest({cli()});
        pc.lapic("timer_divide", 0xB);
        pc.lapic("lvt_timer", 0x2'0051);
        pc.lapic("timer_initial", 1);
        BOOST_TEST(!pc.await(1));
        const std::string told = pc.told(vmm::Lane::host);
        BOOST_TEST(told.find("the bench gave up waiting: the guest has a timer of so short a period") == 0);
        BOOST_TEST(!pc.machine.settle());
    }
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_due_does_not_wait_to_be_awaited) {
    Pc pc;
    pc.lapic("timer_divide", 0xB);
    pc.lapic("lvt_timer", 0x51);
    pc.lapic("timer_initial", 1);
    BOOST_TEST(pc.taken() == 1);
}

BOOST_AUTO_TEST_CASE(a_signal_is_a_rise_and_a_fall_and_one_whatever_its_count) {
    Pc pc;
    pc.entry(10, 0x51);
    pc.irqfd("dev", 10);
    pc.machine.signal("dev", 1000);
    pc.machine.settle();
    BOOST_TEST(pc.taken() == 1);
    BOOST_TEST(pc.told(vmm::Lane::wire).find("ioapic pin 10 down") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_eoi_takes_the_resampling_line_down_and_kicks_all_its_irqfds) {
    Pc pc;
    pc.entry(10, 0x51 | level_entry);
    pc.irqfd("one", 10, true);
    pc.irqfd("two", 10, true);
    pc.machine.settle();
    pc.news(vmm::Lane::host);
    pc.signal("one");
    BOOST_TEST(pc.news(vmm::Lane::host) == "signal one; resampled one; resampled two");
    BOOST_TEST(pc.taken() == 1);
    BOOST_TEST(pc.machine.deassign_irqfd("two").ok());
    pc.machine.settle();
    pc.news(vmm::Lane::host);
    pc.signal("one");
    BOOST_TEST(pc.news(vmm::Lane::host) == "signal one; resampled one");
}

BOOST_AUTO_TEST_CASE(the_last_resampling_irqfd_takes_its_line_with_it) {
    Pc pc;
    pc.machine.handler(0, 0x51, POLICY_STAY, std::nullopt);
    pc.entry(10, 0x51 | level_entry);
    pc.irqfd("dev", 10, true);
    pc.signal("dev");
    pc.machine.deassign_irqfd("dev");
    pc.guest({op(OP_EOI, "eoi"), op(OP_RETURN, "return")});
    BOOST_TEST(pc.taken() == 1);
    BOOST_TEST(pc.told(vmm::Lane::host).find("resampled") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_eventfd_triggers_one_irqfd_and_keeps_what_nobody_heard) {
    Pc pc;
    pc.entry(10, 0x51);
    pc.entry(11, 0x61);
    BOOST_TEST(pc.irqfd("dev", 10).ok());
    BOOST_TEST(pc.irqfd("other", 11, false, "dev").error == EBUSY);
    BOOST_TEST(pc.machine.deassign_irqfd("nobody").error == ENOENT);
    BOOST_TEST(pc.machine.deassign_irqfd("dev").ok());
    BOOST_TEST(pc.machine.deassign_irqfd("dev").ok());
    pc.signal("dev");
    BOOST_TEST(pc.taken() == 0);
    BOOST_TEST(pc.irqfd("other", 11, false, "dev").ok());
    pc.machine.settle();
    BOOST_TEST(pc.told().find("ack 0x61") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_seed_is_one_story) {
    const std::string first = story(1);
    BOOST_TEST(first == story(1));
    BOOST_TEST(first != story(2));
}

BOOST_AUTO_TEST_CASE(every_vcpu_is_the_first_with_some_seed) {
    std::set<std::uint32_t> first;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        Pc pc(ModelBench::with(4, RunMode::free, seed));
        pc.machine.msi({lapic_page | 0xF'F000, 0x51, {}});
        pc.await(1);
        for (const vmm::Event& event : pc.trace.events()) {
            if (!std::holds_alternative<vmm::event::Taken>(event.what)) continue;
            first.insert(*event.vcpu);
            break;
        }
    }
    BOOST_TEST(first.size() == 4);
}

BOOST_AUTO_TEST_CASE(what_is_under_way_may_be_overtaken) {
    std::set<bool> taken_first;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        Pc pc(ModelBench::with(1, RunMode::free, seed));
        pc.msi(0x51);
        pc.msi(0x61);
        pc.machine.finish();
        const std::string told = pc.told();
        BOOST_TEST(pc.taken() == 2);
        taken_first.insert(told.find("ack 0x51") < told.find("ack 0x61"));
    }
    BOOST_TEST(taken_first.size() == 2);
}

BOOST_AUTO_TEST_CASE(no_seed_loses_an_interrupt) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const std::string text = story(seed);
        for (unsigned vector = 0x40; vector < 0x54; ++vector)
            for (unsigned cpu = 0; cpu < 4; ++cpu)
                BOOST_TEST(text.find(fmt::format("ack {:#x} on vCPU {}", vector, cpu)) != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_storm_ends_the_step_and_goes_on_in_the_next) {
    auto config = ModelBench::with();
    config.storm_budget = 50;
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        config.run = run;
        Pc pc(config);
        pc.entry(10, 0x51 | level_entry);
        pc.machine.set_line(10, true, false);
        pc.machine.settle();
        pc.machine.finish();
        BOOST_TEST(pc.taken() == 51);
        BOOST_TEST(pc.told().find("storm, 51 taken") != std::string::npos);
        pc.machine.settle();
        pc.machine.finish();
        BOOST_TEST(pc.taken() > 51);
        pc.machine.set_line(10, false, false);
        pc.machine.settle();
        pc.machine.finish();
        const std::size_t all = pc.taken();
        pc.machine.settle();
        pc.machine.finish();
        BOOST_TEST(pc.taken() == all);
    }
}

BOOST_AUTO_TEST_CASE(quiet_is_proven_above_what_is_in_service) {
    Pc pc;
    pc.machine.handler(0, 0x51, POLICY_STAY | POLICY_NEST, std::nullopt);
    pc.msi(0x51);
    pc.machine.prove_quiet({0});
    BOOST_TEST(std::get<vmm::event::Quiet>(pc.trace.events().back().what).above.value() == 0x50);
    pc.guest({cli()});
    pc.machine.prove_quiet({0});
    BOOST_TEST(!std::get<vmm::event::Quiet>(pc.trace.events().back().what).proven);
}

BOOST_AUTO_TEST_CASE(memory_keeps_what_is_written_and_nothing_is_elsewhere) {
    auto config = ModelBench::with();
    config.memory = 0x2000;
    Pc pc(config);
    const auto read = [&](std::uint64_t address, std::uint32_t size) {
        pc.guest({op(OP_READ, "read it", address, 0, size)});
        return pc.news().substr(10);
    };
    pc.guest({op(OP_WRITE, "write it", vmm::scenario_memory + 0xFFE, 0x1122'3344, 4)});
    pc.news();
    BOOST_TEST(read(vmm::scenario_memory + 0xFFE, 4) == "0x11223344");
    BOOST_TEST(read(vmm::scenario_memory + 0x1000, 2) == "0x1122");
    BOOST_TEST(read(vmm::scenario_memory + 0x1FFF, 1) == "0x0");
    BOOST_TEST(read(vmm::scenario_memory + 0x1FFF, 2) == "0xffff");
    BOOST_TEST(pc.told(vmm::Lane::wire).find("unclaimed read of 0x10001fff") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(whatever_a_guest_asks_for_is_harmless) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        auto config = ModelBench::with(3, run);
        config.pit = true;
        config.memory = 0x1000;
        config.storm_budget = 200;
        vmm::model::Dice dice(7);
        for (int round = 0; round < 300; ++round) {
            Pc pc(config);
            for (int i = 0; i < 20; ++i) {
                constexpr std::uint64_t places[] = {
                    0,           0xFEC0'0000, 0xFEE0'0000, 0x20,  0x40,
                    0x800,       0x6E0,       0x1B,        0x300, 0x1'0000'0000,
                    0xFFFF'FFF8, 0x1000'0FFF, ~0ULL,       0xCF8, 0x8'0000'0000'0000};
                const std::uint64_t place =
                    places[dice.roll(std::size(places))] + dice.roll(2) * dice.roll(0x400);
                const std::uint64_t value = dice.roll(2) == 0 ? dice.roll(0x1'0000'0000) : dice.roll(0x1000);
                const auto code = static_cast<std::uint32_t>(dice.roll(OP_COUNT + 2));
                pc.machine.guest(static_cast<std::uint32_t>(dice.roll(3)),
                                 std::vector{op(code, "garbage", place, value,
                                                static_cast<std::uint32_t>(dice.roll(10)))});
                pc.machine.msi(
                    {lapic_page | dice.roll(4) << 12, static_cast<std::uint32_t>(dice.roll(0x1'0000)), {}});
                if (!pc.machine.settle()) break;
            }
            pc.machine.wait([] { return false; });
            pc.machine.finish();
            BOOST_TEST(pc.trace.events().size() < 100'000);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
