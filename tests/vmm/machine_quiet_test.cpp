#include "vmm/kvm_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;

namespace {

constexpr std::uint64_t svr = 0xf0;

}  // namespace

// A machine that runs freely proves quiet by a marker interrupt; what holds must be the same in both modes.
BOOST_AUTO_TEST_SUITE(machine_quiet, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(above_a_priority_only_what_is_above_it_is_proven) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        for (const std::uint32_t priority : {0x40U, 0xe0U, 0xf0U, 0xffU}) {
            MachineFixture bench(MachineFixture::with("kernel", 1, run));
            bench.guest({op(OP_LAPIC_WRITE, tpr, priority)});
            bench.machine.prove_quiet({0});
            const auto quiet = bench.last<event::Quiet>();
            BOOST_TEST(quiet->proven);
            BOOST_TEST(quiet->above.value() == priority);
        }
    }
}

BOOST_AUTO_TEST_CASE(of_many_vcpus_each_is_proven_once_what_was_sent_to_any_has_come) {
    constexpr std::uint32_t count = 24;
    for (const char* mode : {"kernel", "split"}) {
        for (const RunMode run : {RunMode::stepped, RunMode::free}) {
            MachineFixture bench(MachineFixture::with(mode, count, run));
            for (std::uint32_t id = 0; id < count; ++id)
                bench.machine.msi({0xfee00000 | std::uint64_t{id} << 12, 0x51, std::nullopt});
            BOOST_TEST(bench.machine.settle());
            bench.machine.prove_quiet(bench.config.vcpu_ids);
            std::uint32_t taken = 0;
            std::uint32_t proven = 0;
            for (const Event& event : bench.trace.events()) {
                if (std::holds_alternative<event::Taken>(event.what)) ++taken;
                const auto* quiet = std::get_if<event::Quiet>(&event.what);
                if (quiet == nullptr) continue;
                BOOST_TEST(taken == count);
                BOOST_TEST(quiet->proven);
                BOOST_TEST(event.vcpu.value() == proven++);
            }
            BOOST_TEST(proven == count);
        }
    }
}

BOOST_AUTO_TEST_CASE(with_the_lapic_software_disabled_it_is_proven_without_one) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 1, run));
        bench.guest({op(OP_LAPIC_WRITE, svr, 0xff)});
        bench.machine.prove_quiet({0});
        BOOST_TEST(bench.last<event::Quiet>()->proven);
    }
}

BOOST_AUTO_TEST_CASE(a_handler_is_the_same_before_and_after) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.machine.handler(0, 0x10, POLICY_STAY | POLICY_DECLARED | POLICY_EOI_LAPIC, std::nullopt);
    bench.machine.prove_quiet({0});
    BOOST_TEST(bench.last<event::Quiet>()->proven);
    bench.msi(0x10);
    bench.machine.wait([&] { return bench.taken() == "0:10"; });
    BOOST_TEST(bench.guest({op(OP_RETURN)}));
    // The operation is done before the handler has written down that it returns.
    bench.machine.wait([&] { return bench.count<event::Returned>() != 0; });
    BOOST_REQUIRE(bench.last<event::Returned>());
    BOOST_TEST(bench.last<event::Returned>()->vector == 0x10U);
}

BOOST_AUTO_TEST_CASE(an_interrupt_that_nobody_declared_is_still_a_fault) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.machine.prove_quiet({0});
    bench.msi(0x10);
    bench.machine.wait([&] { return bench.count<event::Fault>() != 0; });
    BOOST_REQUIRE(bench.last<event::Fault>());
    BOOST_TEST(bench.last<event::Fault>()->vector == 0x10U);
}

BOOST_AUTO_TEST_CASE(an_interrupt_of_the_vector_after_it_is_written_down) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.machine.prove_quiet({0});
    bench.machine.handler(0, 0x10, POLICY_DECLARED | POLICY_EOI_LAPIC, std::nullopt);
    bench.msi(0x10);
    bench.machine.wait([&] { return !bench.taken().empty(); });
    BOOST_TEST(bench.taken() == "0:10");
}

BOOST_AUTO_TEST_CASE(what_still_comes_at_the_end_is_in_the_trace) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.machine.assign_irqfd({"dev", 5, false, {}, false});
    bench.guest({op(OP_WRITE, 0xfec00000, 0x10 + 2 * 5), op(OP_WRITE, 0xfec00010, 0x51)});
    bench.machine.signal("dev", 1);
    bench.machine.finish();
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(a_time_far_away_on_the_guests_counter_is_cut_to_days) {
    GuestClock clock;
    clock.at = std::chrono::hours(1);
    clock.ns_per_tick = 1e6;
    const auto most = std::chrono::hours(24 * 12);
    BOOST_TEST((clock.time_of(~std::uint64_t{0} / 2) < most));
    BOOST_TEST((clock.time_of(~std::uint64_t{0} / 2) > std::chrono::hours(24 * 11)));
    BOOST_TEST((clock.time_of(~std::uint64_t{0} / 2 + 2) > -most));
    BOOST_TEST((clock.time_of(3) == clock.at + std::chrono::milliseconds(3)));
}

BOOST_AUTO_TEST_SUITE_END()
