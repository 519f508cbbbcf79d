#include "vmm/kvm_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <thread>

#include "irqchip/x86/ioapic.hpp"
#include "routing/x86.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;

BOOST_AUTO_TEST_SUITE(machine_split, *boost::unit_test::precondition(needs_kvm))

// Linux arch/x86/kvm/lapic.c: kvm_irq_delivery_to_apic_fast() counts the LAPICs that accept, and one with the
// vector pending already accepts it too.
BOOST_AUTO_TEST_CASE(the_status_of_a_line_says_what_the_lapics_did) {
    for (const char* placement : {"kernel", "split", "userspace"}) {
        BOOST_TEST_CONTEXT(placement) {
            MachineFixture bench(MachineFixture::with(placement));
            bench.program(20, 0x51, 7);  // there is no such APIC
            bench.program(21, 0x61);
            bench.program(22, 0x61);
            bench.guest({op(OP_CLI)});
            BOOST_TEST(bench.machine.set_line(20, true, true).value == 0);
            BOOST_TEST(bench.machine.set_line(21, true, true).value == 1);
            BOOST_TEST(bench.machine.set_line(22, true, true).value == 1);
            BOOST_TEST(bench.machine.set_line(22, true, true).value == 0);   // no edge
            BOOST_TEST(bench.machine.set_line(23, true, true).value == -1);  // masked
        }
    }
}

BOOST_AUTO_TEST_CASE(a_pin_delivers_although_its_gsi_carries_a_message) {
    MachineFixture bench(MachineFixture::with("split"));
    routing::RoutingTable table = with_message(bench.machine, 10, 0x61);
    table.set(30, {routing::PinRoute{routing::x86::ioapic, 10}});
    BOOST_TEST(bench.machine.route(table).error == EINVAL);
    table.set(30, {});
    BOOST_REQUIRE(bench.machine.route(table).ok());
    bench.machine.set_line(10, true, false);
    bench.machine.settle();
    BOOST_TEST(bench.taken() == "0:61");
}

// The message of pin 20 has no place in the kernel's table any more: that of the others has.
BOOST_AUTO_TEST_CASE(pins_are_told_to_the_kernel_while_one_is_in_service_whose_gsi_became_a_message) {
    MachineFixture bench(MachineFixture::with("split"));
    constexpr std::uint64_t masked = 0x10000;
    bench.program(20, masked | level | 0x61);
    bench.machine.set_line(20, true, false);
    const routing::RoutingTable table = with_message(bench.machine, 20, 0x71);
    BOOST_REQUIRE(bench.machine.route(table).ok());
    bench.program(20, level | 0x61);
    BOOST_TEST(bench.taken() == "0:61");
    BOOST_TEST(bench.field("ioapic", 20, "remote_irr") == 1U);
    bench.program(21, 0x51);
    bench.machine.set_line(21, true, false);
    bench.machine.settle();
    BOOST_TEST(bench.taken() == "0:61 0:51");
    BOOST_TEST(bench.machine.route(table).error == EINVAL);
    // A state of its own is one that it can go on from.
    bench.machine.restore(*bench.machine.save(), {});
    bench.machine.restore(*bench.machine.save_portable(), {});
    for (const bool up : {false, true}) bench.machine.set_line(21, up, false);
    bench.machine.settle();
    BOOST_TEST(bench.taken() == "0:61 0:51 0:51");
}

BOOST_AUTO_TEST_CASE(an_irqfd_without_a_route_does_not_use_the_pins) {
    MachineFixture bench(MachineFixture::with("split"));
    bench.program(10, 0x51);
    routing::RoutingTable table = bench.machine.routes();
    table.set(10, {});
    BOOST_REQUIRE(bench.machine.route(table).ok());
    bench.machine.assign_irqfd({"dev", 10, false, {}, false});
    bench.machine.signal("dev", 1);
    bench.machine.settle();
    BOOST_TEST(bench.taken() == "");
    BOOST_REQUIRE(bench.machine.route(routing::x86::default_table()).ok());
    bench.machine.signal("dev", 1);
    bench.machine.settle();
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(the_eventfd_of_a_deassigned_irqfd_is_free_again) {
    for (const char* placement : {"kernel", "split", "userspace"}) {
        MachineFixture bench(MachineFixture::with(placement));
        bench.program(11, 0x51);
        BOOST_TEST(bench.machine.assign_irqfd({"former", 10, false, {}, false}).ok());
        BOOST_TEST(bench.machine.deassign_irqfd("former").ok());
        BOOST_TEST(bench.machine.assign_irqfd({"dev", 11, false, "former", false}).ok());
        bench.machine.signal("dev", 1);
        bench.machine.settle();
        BOOST_TEST(bench.taken() == "0:51", placement);
    }
}

BOOST_AUTO_TEST_CASE(irqfds_follow_routes_that_were_changed_in_a_parallel_block) {
    MachineFixture bench(MachineFixture::with("split", 1, RunMode::free));
    bench.program(10, 0x51);
    bench.machine.route(with_message(bench.machine, 30, 0x61));
    bench.machine.assign_irqfd({"dev", 30, false, {}, false});
    routing::RoutingTable table = bench.machine.routes();
    table.set(30, {routing::PinRoute{routing::x86::ioapic, 10}});
    table.set(10, {});
    bench.machine.concurrent(true);
    std::thread([&] { bench.machine.route(table); }).join();
    bench.machine.concurrent(false);
    bench.machine.signal("dev", 1);
    bench.machine.settle();
    bench.machine.wait([&] { return !bench.taken().empty(); });
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(a_storm_is_held_back_and_goes_on) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineConfig config = MachineFixture::with("split", 1, run);
        config.storm_budget = 1'000'000;
        MachineFixture bench(config);
        bench.program(20, level | 0x51);
        constexpr std::size_t threshold = irqchip::x86::IoApic::storm_threshold;
        const auto await = [&](std::size_t count) {
            const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
            while (bench.count<event::Taken>() < count && std::chrono::steady_clock::now() < deadline) {
                bench.machine.settle();
                bench.machine.wait([&] { return bench.count<event::Taken>() >= count; });
            }
            BOOST_TEST(bench.count<event::Taken>() >= count);
        };
        bench.machine.set_line(20, true, false);
        await(threshold);
        await(bench.count<event::Taken>() + threshold / 100);
        bench.machine.set_line(20, false, false);
        bench.machine.settle();
    }
}

BOOST_AUTO_TEST_CASE(quiet_is_not_proven_while_a_storm_is_held_back) {
    MachineConfig config = MachineFixture::with("split");
    config.storm_budget = 1'000'000;
    MachineFixture bench(config);
    bench.program(20, level | 0x51);
    bench.machine.set_line(20, true, false);
    bench.machine.settle();
    bench.machine.prove_quiet({0});
    BOOST_TEST(!bench.last<event::Quiet>()->proven);
    BOOST_TEST(bench.last<event::Quiet>()->reason == "IOAPIC pin 20 is held back after a storm");
}

BOOST_AUTO_TEST_SUITE_END()
