#include "vmm/kvm_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>

#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;

namespace {

/// Whether an operation of this code has ended.
bool done(const MachineFixture& bench, std::uint32_t code) {
    const auto& events = bench.trace.events();
    return std::any_of(events.begin(), events.end(), [&](const Event& event) {
        const auto* end = std::get_if<event::OperationDone>(&event.what);
        return end != nullptr && end->text == op(code).text;
    });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_agent, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(a_handler_in_an_operation_executes_any_number_of_others) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 1, run));
        bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
        bench.guest({op(OP_STI_HALT)});
        bench.msi(0x51);
        bench.machine.wait([&] { return bench.taken() == "0:51"; });
        for (std::size_t i = 0; i < 3 * MAIL_SLOTS; ++i)
            BOOST_REQUIRE(bench.guest({observed(OP_LAPIC_READ, 0xf0)}));
        BOOST_TEST(!done(bench, OP_STI_HALT));
        BOOST_TEST(bench.guest({op(OP_RETURN)}));
        BOOST_TEST(done(bench, OP_STI_HALT));
        BOOST_TEST(bench.guest({op(OP_LAPIC_WRITE, 0x80, 0x20), observed(OP_LAPIC_READ, 0x80)}));
        BOOST_TEST(bench.last<event::Observed>()->value == 0x20U);
    }
}

BOOST_AUTO_TEST_CASE(more_operations_than_the_mailbox_holds_are_done_in_order) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 1, run));
        std::vector<GuestOp> operations;
        for (std::uint64_t i = 0; i < 5 * MAIL_SLOTS / 2; ++i) {
            operations.push_back(op(OP_CR8_WRITE, 0, i % 16));
            operations.push_back(observed(OP_CR8_READ, 0));
        }
        bench.machine.guest(0, operations);
        BOOST_TEST(bench.machine.settle());
        std::uint64_t next = 0;
        for (const Event& event : bench.trace.events())
            if (const auto* value = std::get_if<event::Observed>(&event.what))
                BOOST_TEST(value->value == next++ % 16);
        BOOST_TEST(next == 5 * MAIL_SLOTS / 2);
    }
}

BOOST_AUTO_TEST_CASE(what_is_left_to_a_handler_is_not_executed_by_a_vcpu_that_something_else_woke) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.machine.handler(0, 0x61, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    const auto bare = bench.machine.bare();
    BOOST_REQUIRE(bare->post(0, op(OP_CR8_WRITE)));
    BOOST_REQUIRE(bare->post(0, op(OP_RETURN)));
    std::uint32_t expected = 0;
    const auto sent = [&](std::uint32_t vector, std::uint32_t records) {
        expected += records;
        bench.machine.msi({0xfee00000, vector, std::nullopt});
        const auto begin = bare->now();
        while (bare->records(0) != expected && bare->now() - begin < std::chrono::seconds(5)) {
        }
        return bare->records(0) == expected;
    };
    for (int i = 0; i < 50; ++i) BOOST_REQUIRE(sent(0x51, 1));
    BOOST_TEST(sent(0x61, 2));  // taken, and left by the operation that was there for it
}

BOOST_AUTO_TEST_CASE(init_ends_what_a_vcpu_was_doing_and_sipi_starts_it_afresh) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineConfig config = MachineFixture::with("kernel", 2, run);
        config.watchdog = std::chrono::milliseconds(3000);
        MachineFixture bench(config);
        bench.guest({op(OP_STI_HALT)}, 1);
        BOOST_TEST(bench.guest({op(OP_LAPIC_WRITE, icr, to_1 | init)}));
        BOOST_TEST(bench.machine.settle());
        BOOST_TEST(bench.guest({op(OP_LAPIC_WRITE, icr, to_1 | sipi)}));
        bench.machine.wait([&] { return bench.count<event::Started>() == 1; });
        BOOST_TEST(bench.count<event::Started>() == 1U);
        BOOST_TEST(bench.guest({observed(OP_LAPIC_READ, 0xf0)}, 1));
        BOOST_TEST(bench.last<event::Observed>()->value == 0x1ffU);
    }
}

BOOST_AUTO_TEST_CASE(what_init_ended_takes_no_room_in_the_mailbox) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 2, run));
        for (std::size_t i = 1; i <= MAIL_SLOTS + 2; ++i) {
            BOOST_REQUIRE(bench.guest({op(OP_STI_HALT)}, 1));
            BOOST_REQUIRE(
                bench.guest({op(OP_LAPIC_WRITE, icr, to_1 | init), op(OP_LAPIC_WRITE, icr, to_1 | sipi)}));
            bench.machine.wait([&] { return bench.count<event::Started>() == i; });
            BOOST_REQUIRE(bench.count<event::Started>() == i);
        }
        BOOST_TEST(!done(bench, OP_STI_HALT));
    }
}

BOOST_AUTO_TEST_CASE(init_of_the_bsp_makes_it_begin_anew) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineFixture bench(MachineFixture::with("kernel", 1, run));
        bench.machine.msi({0xfee00000, 0x500, std::nullopt});
        BOOST_TEST(bench.machine.settle());
        bench.machine.wait([&] { return bench.count<event::Started>() == 1; });
        BOOST_TEST(bench.count<event::Started>() == 1U);
        bench.msi(0x51);
        bench.machine.wait([&] { return bench.taken() == "0:51"; });
        BOOST_TEST(bench.taken() == "0:51");
    }
}

BOOST_AUTO_TEST_CASE(no_msr_has_kvm_write_into_the_agents_memory) {
    MachineFixture bench(MachineFixture::with("kernel"));
    for (const std::uint64_t msr :
         {0x11U, 0x12U, 0x4b564d00U, 0x4b564d01U, 0x4b564d02U, 0x4b564d03U, 0x4b564d04U}) {
        BOOST_TEST(bench.guest({op(OP_MSR_WRITE, msr, 0x10001, 8)}));
        BOOST_TEST(bench.last<event::OperationDone>()->fault.value_or(0) == 13U);
    }
}

BOOST_AUTO_TEST_CASE(a_barrier_holds_the_first_until_the_last_has_come) {
    MachineFixture bench(MachineFixture::with("kernel", 2, RunMode::free));
    for (std::uint32_t vcpu : {0U, 1U})
        bench.machine.guest(vcpu,
                            std::vector<GuestOp>{op(OP_BARRIER, 0, 2), observed(OP_READ, AGENT_SHARED)});
    BOOST_TEST(bench.machine.settle());
    std::size_t count = 0;
    for (const Event& event : bench.trace.events()) {
        const auto* arrived = std::get_if<event::Observed>(&event.what);
        if (arrived == nullptr) continue;
        BOOST_TEST(arrived->value == 2U);
        ++count;
    }
    BOOST_TEST(count == 2U);
}

BOOST_AUTO_TEST_CASE(a_triple_fault_ends_a_free_run_too) {
    MachineFixture bench(MachineFixture::with("kernel", 2, RunMode::free));
    for (const std::uint64_t vector : {0x51U, 13U, 11U, 8U})
        bench.guest({op(OP_WRITE, AGENT_IDT + 16 * vector, 0, 8)});
    bench.msi(0x51);
    bench.machine.wait([&] { return bench.last<event::Trouble>().has_value(); });
    BOOST_REQUIRE(bench.last<event::Trouble>());
    BOOST_TEST(bench.last<event::Trouble>()->report.find("rip 0x") != std::string::npos);
    BOOST_TEST(!bench.machine.settle());
}

BOOST_AUTO_TEST_CASE(an_operation_for_a_vcpu_that_waits_for_sipi_ends_the_run) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        MachineConfig config = MachineFixture::with("kernel", 2, run);
        config.started = 1;
        config.watchdog = std::chrono::milliseconds(300);
        MachineFixture bench(config);
        bench.machine.settle();
        BOOST_TEST(!bench.guest({op(OP_CLI)}, 1));
        BOOST_TEST(bench.count<event::Trouble>() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_storm_is_bounded_while_interrupts_are_awaited) {
    MachineConfig config = MachineFixture::with("kernel", 1, RunMode::free);
    config.storm_budget = 100;
    MachineFixture bench(config);
    bench.guest({op(OP_WRITE, 0xfec00000, 0x10 + 2 * 20), op(OP_WRITE, 0xfec00010, 0x8051)});
    bench.machine.set_line(20, true, false);
    bench.machine.settle();
    bench.machine.wait([&] { return bench.last<event::Taken>().has_value(); });
    BOOST_TEST(bench.machine.settle());
    bench.machine.set_line(20, false, false);
    BOOST_TEST(bench.machine.settle());
    bench.machine.prove_quiet({0});
    BOOST_TEST(bench.last<event::Quiet>()->proven);
}

BOOST_AUTO_TEST_SUITE_END()
