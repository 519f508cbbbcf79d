#include "vmm/kvm_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>

#include "routing/x86.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::vmm;
using irqbench::tests::MachineFixture;
using irqbench::tests::with_message;

namespace {

IrqfdSpec irqfd(std::string name, std::uint32_t gsi, std::string shares = {}) {
    IrqfdSpec spec;
    spec.name = std::move(name);
    spec.gsi = gsi;
    spec.shares = std::move(shares);
    return spec;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_irqfd, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(a_second_deassignment_gets_the_kernels_answer) {
    for (const char* placement : {"kernel", "split", "userspace"}) {
        MachineFixture bench(MachineFixture::with(placement));
        for (const std::uint32_t gsi : {10U, 24U}) {
            BOOST_TEST(bench.machine.assign_irqfd(irqfd("dev", gsi)).ok());
            BOOST_TEST(bench.machine.deassign_irqfd("dev").ok());
            BOOST_TEST(bench.machine.deassign_irqfd("dev").ok());
        }
        IoeventfdSpec bell;
        bell.name = "bell";
        bell.address = 0xd0000000;
        BOOST_TEST(bench.machine.assign_ioeventfd(bell).ok());
        BOOST_TEST(bench.machine.deassign_ioeventfd("bell").ok());
        BOOST_TEST(bench.machine.deassign_ioeventfd("bell").error == ENOENT);
        BOOST_TEST(bench.machine.assign_ioeventfd(bell).ok());
    }
}

BOOST_AUTO_TEST_CASE(the_eventfd_of_an_irqfd_is_taken_wherever_that_is_served) {
    for (const char* placement : {"kernel", "split", "userspace"}) {
        MachineFixture bench(MachineFixture::with(placement));
        bench.machine.route(with_message(bench.machine, 24, 0x51));
        bench.machine.assign_irqfd(irqfd("pin", 10));
        bench.machine.assign_irqfd(irqfd("message", 24));
        BOOST_TEST(bench.machine.assign_irqfd(irqfd("a", 24, "pin")).error == EBUSY);
        BOOST_TEST(bench.machine.assign_irqfd(irqfd("b", 11, "pin")).error == EBUSY);
        BOOST_TEST(bench.machine.assign_irqfd(irqfd("c", 10, "message")).error == EBUSY);
        BOOST_TEST(bench.machine.assign_irqfd(irqfd("d", 24, "message")).error == EBUSY);
    }
}

BOOST_AUTO_TEST_CASE(a_signal_is_not_overtaken_by_the_next_route) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 1, run));
        bench.machine.assign_irqfd(irqfd("dev", 40));
        const routing::RoutingTable without = bench.machine.routes();
        const routing::RoutingTable with = with_message(bench.machine, 40, 0x51);
        for (int i = 0; i < 50; ++i) {
            bench.machine.signal("dev", 1);
            bench.machine.route(with);
            bench.machine.route(without);
        }
        bench.machine.prove_quiet({0});
        BOOST_TEST(bench.last<event::Quiet>()->proven);
        BOOST_TEST(bench.taken() == "");
    }
}

BOOST_AUTO_TEST_CASE(quiet_waits_for_the_handler_that_is_still_running) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    for (int i = 0; i < 50; ++i) {
        bench.msi(0x51);
        bench.machine.prove_quiet({0});
        BOOST_TEST(bench.last<event::Quiet>()->proven);
    }
}

BOOST_AUTO_TEST_CASE(quiet_is_not_proven_with_interrupts_disabled) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.guest({tests::op(OP_CLI)});
    bench.machine.prove_quiet({0});
    BOOST_TEST(!bench.last<event::Quiet>()->proven);
}

BOOST_AUTO_TEST_CASE(an_injected_event_reaches_a_vcpu_that_idles) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 1, run));
        bench.machine.settle();
        bench.machine.prove_quiet({0});
        BOOST_TEST(bench.machine.inject(0, 0x31, Injection::vcpu_events).ok());
        bench.machine.settle();
        bench.machine.wait([&] { return bench.taken() == "0:31"; });
        BOOST_TEST(bench.taken() == "0:31");
    }
}

BOOST_AUTO_TEST_CASE(the_guests_time_stamp_counter_goes_on) {
    MachineFixture bench(MachineFixture::with("kernel"));
    const auto before = bench.machine.inspect("tsc", 0);
    const auto after = bench.machine.inspect("tsc", 0);
    BOOST_REQUIRE(before.size() == 1U);
    BOOST_TEST(after.at(0).value > before.at(0).value);
}

BOOST_AUTO_TEST_SUITE_END()
