#include "vmm/x86/userspace_irqchip.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

#include "irqchip/x86/lapic_registers.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;
using namespace std::chrono_literals;
namespace lapic = irqchip::x86::lapic;

namespace {

constexpr std::uint64_t tsc_deadline = 0x6e0;
constexpr std::uint64_t periodic = 0x20000;
constexpr std::uint64_t deadline_mode = 0x40000;
constexpr std::uint64_t divide_by_1 = 0xb;

std::uint64_t tsc(Machine& machine, std::uint32_t vcpu = 0) {
    return machine.inspect("tsc", vcpu).at(0).value;
}

/// Starts a local APIC's timer.
void start(MachineFixture& bench, std::uint64_t lvt, std::uint64_t count, std::uint32_t vcpu = 0) {
    bench.guest({op(OP_LAPIC_WRITE, lapic::timer_divide, divide_by_1),
                 op(OP_LAPIC_WRITE, lapic::lvt_timer, lvt), op(OP_LAPIC_WRITE, lapic::timer_initial, count)},
                vcpu);
}

/// When the vCPU last took an interrupt, since `begin`.
std::chrono::nanoseconds taken_after(const MachineFixture& bench, std::chrono::nanoseconds begin) {
    std::chrono::nanoseconds at{};
    for (const Event& event : bench.trace.events())
        if (std::holds_alternative<event::Taken>(event.what)) at = event.at;
    return at - begin;
}

void program_pit(MachineFixture& bench, std::uint8_t mode, std::uint16_t count) {
    bench.guest({op(OP_PORT_OUT, 0x43, 0x30U | static_cast<std::uint32_t>(mode) << 1, 1),
                 op(OP_PORT_OUT, 0x40, count & 0xff, 1), op(OP_PORT_OUT, 0x40, count >> 8, 1)});
}

MachineConfig with_pit(RunMode run) {
    MachineConfig config = MachineFixture::with("userspace", 1, run);
    config.pit = true;
    return config;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_userspace_time, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(stepped_time_stands_still_until_somebody_waits) {
    MachineFixture bench(MachineFixture::with("userspace"));
    const auto begin = std::chrono::steady_clock::now();
    start(bench, 0x51, 3'600'000'000);  // 3.6 s
    const std::uint64_t before = tsc(bench.machine);
    bench.guest({observed(OP_LAPIC_READ, lapic::timer_current)});
    BOOST_TEST(bench.last<event::Observed>()->value == 3'600'000'000U);
    BOOST_TEST(tsc(bench.machine) == before);
    BOOST_TEST(bench.taken() == "");
    const auto started = bench.trace.events().back().at;
    bench.machine.wait([&] { return bench.taken() == "0:51"; });
    BOOST_TEST(bench.taken() == "0:51");
    BOOST_TEST((taken_after(bench, started) >= 3590ms));
    BOOST_TEST(tsc(bench.machine) > before);
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 3s));
}

BOOST_AUTO_TEST_CASE(stepped_a_wait_for_nothing_ends_at_once) {
    MachineFixture bench(MachineFixture::with("userspace"));
    const auto begin = std::chrono::steady_clock::now();
    bench.machine.wait([] { return false; });
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 5s));
    // Nor does a timer whose interrupt is not taken keep it for ever: not longer than the watchdog.
    bench.guest({op(OP_CLI)});
    start(bench, periodic | 0x51, 500'000'000);
    bench.machine.wait([] { return false; });
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 5s));
    BOOST_TEST(bench.taken() == "");
}

BOOST_AUTO_TEST_CASE(timers_of_several_vcpus_expire_in_order_of_their_deadlines) {
    MachineFixture bench(MachineFixture::with("userspace", 3));
    start(bench, 0x51, 3'000'000, 0);
    start(bench, 0x61, 1'000'000, 1);
    start(bench, 0x71, 2'000'000, 2);
    bench.machine.wait([&] { return bench.count<event::Taken>() == 3; });
    BOOST_TEST(bench.taken() == "1:61 2:71 0:51");
}

BOOST_AUTO_TEST_CASE(a_tsc_deadline_interrupts_when_the_counter_has_reached_it) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("userspace", 1, run));
        const auto started = bench.trace.events().empty() ? 0ns : bench.trace.events().back().at;
        constexpr std::uint64_t ahead = 200'000'000;  // free-running, longer than the host may stall
        const std::uint64_t deadline = tsc(bench.machine) + ahead;
        bench.guest({op(OP_LAPIC_WRITE, lapic::lvt_timer, deadline_mode | 0x51),
                     op(OP_MSR_WRITE, tsc_deadline, deadline), observed(OP_MSR_READ, tsc_deadline)});
        BOOST_TEST(bench.last<event::Observed>()->value == deadline);
        BOOST_TEST(bench.taken() == "");
        bench.machine.wait([&] { return bench.taken() == "0:51"; });
        BOOST_TEST(bench.taken() == "0:51");
        BOOST_TEST(tsc(bench.machine) >= deadline);
        BOOST_TEST((taken_after(bench, started) >= 2ms));  // a counter of 10 GHz there is not
        bench.guest({observed(OP_MSR_READ, tsc_deadline)});
        BOOST_TEST(bench.last<event::Observed>()->value == 0U);
        bench.guest({op(OP_MSR_WRITE, tsc_deadline, 1)});  // long ago
        bench.machine.wait([&] { return bench.taken() == "0:51 0:51"; });
        BOOST_TEST(bench.taken() == "0:51 0:51");
    }
}

// The timer expires somewhere around the halt: before it, while it begins, or long after.
BOOST_AUTO_TEST_CASE(free_running_a_timer_wakes_a_vcpu_that_halts) {
    MachineFixture bench(MachineFixture::with("userspace", 1, RunMode::free));
    constexpr std::size_t rounds = 500;
    for (std::size_t round = 1; round <= rounds; ++round) {
        bench.guest({op(OP_CLI), op(OP_LAPIC_WRITE, lapic::timer_divide, divide_by_1),
                     op(OP_LAPIC_WRITE, lapic::lvt_timer, 0x51),
                     op(OP_LAPIC_WRITE, lapic::timer_initial, 1 + round * 7919 % 500'000), op(OP_STI_HALT)});
        bench.machine.wait([&] { return bench.count<event::Taken>() == round; });
        BOOST_REQUIRE(bench.count<event::Taken>() == round);
    }
}

BOOST_AUTO_TEST_CASE(free_running_a_period_shorter_than_its_expiry_stops_nobody) {
    MachineFixture bench(MachineFixture::with("userspace", 2, RunMode::free));
    bench.guest({op(OP_CLI)});
    start(bench, periodic | 0x51, 1);
    start(bench, 0x61, 1'000'000, 1);
    bench.machine.wait([&] { return bench.taken() == "1:61"; });
    BOOST_TEST(bench.taken() == "1:61");
    start(bench, periodic | 0x51, 0);
}

BOOST_AUTO_TEST_CASE(stepped_a_masked_timer_of_any_period_holds_up_nobody) {
    constexpr std::uint64_t masked = 0x10000;
    MachineFixture bench(MachineFixture::with("userspace", 2));
    start(bench, periodic | masked | 0x51, 1);
    start(bench, 0x61, 2'000'000'000, 1);
    bench.machine.wait([&] { return bench.taken() == "1:61"; });
    BOOST_TEST(bench.taken() == "1:61");
    BOOST_TEST(bench.count<event::Trouble>() == 0U);
}

// It has not seen that nothing comes.
BOOST_AUTO_TEST_CASE(stepped_a_wait_that_cannot_be_carried_through_is_no_verdict) {
    MachineConfig config = MachineFixture::with("userspace");
    config.watchdog = 300ms;
    MachineFixture bench(config);
    bench.guest({op(OP_CLI)});
    start(bench, periodic | 0x51, 1);
    bench.machine.wait([] { return false; });
    BOOST_REQUIRE(bench.count<event::Trouble>() == 1U);
    BOOST_TEST(bench.last<event::Trouble>()->report.find("the bench gave up waiting") == 0U);
}

BOOST_AUTO_TEST_CASE(a_periodic_timer_goes_on_until_it_is_stopped) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("userspace", 1, run));
        start(bench, periodic | 0x51, 1'000'000);
        bench.machine.wait([&] { return bench.count<event::Taken>() >= 5; });
        BOOST_TEST(bench.count<event::Taken>() >= 5U);
        bench.guest({op(OP_LAPIC_WRITE, lapic::timer_initial, 0)});
        const std::size_t taken = bench.count<event::Taken>();
        bench.machine.prove_quiet({0});
        BOOST_TEST(bench.last<event::Quiet>()->proven);
        BOOST_TEST(bench.count<event::Taken>() <= taken + 1);
    }
}

BOOST_AUTO_TEST_CASE(the_pit_drives_gsi_0) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(with_pit(run));
        bench.guest({op(OP_WRITE, 0xfec00000, 0x10), op(OP_WRITE, 0xfec00010, 0x51)});
        const auto started = bench.trace.events().back().at;
        program_pit(bench, 0, 11932);  // 10 ms
        bench.machine.wait([&] { return bench.taken() == "0:51"; });
        BOOST_TEST(bench.taken() == "0:51");
        BOOST_TEST((taken_after(bench, started) >= 9900us));
        program_pit(bench, 2, 1193);
        bench.machine.wait([&] { return bench.count<event::Taken>() >= 5; });
        BOOST_TEST(bench.count<event::Taken>() >= 5U);
    }
}

BOOST_AUTO_TEST_CASE(a_storm_is_held_back_and_quiet_is_not_proven_meanwhile) {
    MachineConfig config = MachineFixture::with("userspace");
    config.storm_budget = 1'000'000;
    config.watchdog = 5min;  // ten thousand interrupts may take long under sanitizers
    MachineFixture bench(config);
    constexpr std::uint64_t level = 0x8000;
    bench.guest({op(OP_WRITE, 0xfec00000, 0x38), op(OP_WRITE, 0xfec00010, level | 0x51)});
    bench.machine.set_line(20, true, false);
    bench.machine.settle();
    const std::size_t before = bench.count<event::Taken>();
    BOOST_TEST(before >= irqchip::x86::IoApic::storm_threshold);
    bench.machine.prove_quiet({0});
    BOOST_TEST(bench.last<event::Quiet>()->reason == "IOAPIC pin 20 is held back after a storm");
    const auto held = bench.trace.events().back().at;
    bench.machine.wait([&] { return bench.count<event::Taken>() > before; });
    BOOST_TEST(bench.count<event::Taken>() > before);
    BOOST_TEST((taken_after(bench, held) >= 9900us));
}

BOOST_AUTO_TEST_SUITE_END()
