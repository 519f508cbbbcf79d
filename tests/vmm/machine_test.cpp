#include "vmm/kvm_machine.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;

BOOST_AUTO_TEST_SUITE(kvm_machine, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(an_msi_is_taken_by_the_guest_and_written_down) {
    MachineFixture bench(MachineFixture::with("kernel"));
    BOOST_TEST(bench.msi(0x51));
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(with_interrupts_disabled_nothing_is_taken_until_they_are_enabled) {
    MachineFixture bench(MachineFixture::with("kernel"));
    bench.guest({op(OP_CLI)});
    bench.msi(0x51);
    bench.msi(0x61);
    BOOST_TEST(bench.taken() == "");
    bench.machine.prove_quiet({0});
    BOOST_TEST(!bench.last<event::Quiet>()->proven);
    bench.guest({op(OP_STI)});
    BOOST_TEST(bench.taken() == "0:61 0:51");
    bench.machine.prove_quiet({0});
    BOOST_TEST(bench.last<event::Quiet>()->proven);
}

BOOST_AUTO_TEST_CASE(a_handler_that_stays_executes_the_mailbox_until_it_returns) {
    MachineFixture bench(MachineFixture::with("kernel"));
    bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    bench.msi(0x51);
    BOOST_TEST(bench.last<event::Rest>()->depth == 1U);
    BOOST_TEST(bench.last<event::Rest>()->in_service == 0x51U);
    bench.guest({observed(OP_LAPIC_READ, 0xf0)});
    BOOST_TEST(bench.last<event::Observed>()->value == 0x1ffU);
    bench.guest({op(OP_RETURN)});
    BOOST_TEST(bench.last<event::Returned>()->vector == 0x51U);
    BOOST_TEST(bench.last<event::Rest>()->depth == 0U);
}

BOOST_AUTO_TEST_CASE(a_handler_that_nests_lets_a_higher_vector_in) {
    MachineFixture bench(MachineFixture::with("kernel"));
    bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_NEST | POLICY_EOI_LAPIC, std::nullopt);
    bench.machine.handler(0, 0x91, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    bench.msi(0x51);
    bench.msi(0x91);
    BOOST_TEST(bench.taken() == "0:51 0:91");
    BOOST_TEST(bench.last<event::Taken>()->depth == 1U);
    bench.guest({op(OP_RETURN), op(OP_RETURN)});
    BOOST_TEST(bench.last<event::Rest>()->depth == 0U);
}

BOOST_AUTO_TEST_CASE(every_access_size_reads_back_what_it_wrote) {
    MachineConfig config = MachineFixture::with("kernel");
    config.memory = 0x1000;
    MachineFixture bench(config);
    for (const std::uint32_t size : {1U, 2U, 4U, 8U}) {
        const std::uint64_t value = 0x8877665544332211 & (~std::uint64_t{0} >> (64 - 8 * size));
        bench.guest({op(OP_WRITE, scenario_memory, ~std::uint64_t{0}, 8),
                     op(OP_WRITE, scenario_memory, value, size), observed(OP_READ, scenario_memory, size)});
        BOOST_TEST(bench.last<event::Observed>()->value == value);
    }
}

BOOST_AUTO_TEST_CASE(an_operation_that_faults_is_reported_and_the_agent_goes_on) {
    MachineFixture bench(MachineFixture::with("kernel"));
    BOOST_TEST(bench.guest({op(OP_MSR_WRITE, 0x1b, ~std::uint64_t{0})}));
    BOOST_TEST(bench.last<event::OperationDone>()->fault.value() == 13U);
    BOOST_TEST(bench.guest({op(OP_READ, 0x123456789000)}));
    BOOST_TEST(bench.last<event::OperationDone>()->fault.value() == 14U);
    bench.msi(0x51);
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(a_triple_fault_ends_the_run_with_registers) {
    MachineFixture bench(MachineFixture::with("kernel"));
    // Without gates for the interrupt, the exceptions it raises, and the double fault.
    for (const std::uint64_t vector : {0x51U, 13U, 11U, 8U})
        bench.guest({op(OP_WRITE, AGENT_IDT + 16 * vector, 0, 8)});
    BOOST_TEST(!bench.msi(0x51));
    BOOST_REQUIRE(bench.last<event::Trouble>());
    BOOST_TEST(bench.last<event::Trouble>()->report.find("rip 0x") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_nmi_reaches_a_vcpu_with_interrupts_disabled) {
    MachineFixture bench(MachineFixture::with("kernel", 2));
    bench.guest({op(OP_CLI)}, 1);
    bench.machine.nmi(1);
    bench.machine.settle();
    BOOST_TEST(bench.taken() == "1:nmi");
}

BOOST_AUTO_TEST_CASE(a_halted_vcpu_rests_and_is_woken_by_an_interrupt) {
    MachineFixture bench(MachineFixture::with("kernel"));
    bench.guest({op(OP_STI_HALT)});
    BOOST_TEST((bench.last<event::Rest>()->state == event::RestState::halted));
    bench.msi(0x51);
    BOOST_TEST(bench.taken() == "0:51");
    BOOST_TEST((bench.last<event::Rest>()->state == event::RestState::idle));
}

BOOST_AUTO_TEST_CASE(an_operation_for_a_halted_vcpu_is_refused_with_a_reason) {
    MachineFixture bench(MachineFixture::with("kernel"));
    bench.guest({op(OP_STI_HALT)});
    BOOST_TEST(!bench.guest({op(OP_CLI)}));
    BOOST_TEST(bench.last<event::Trouble>()->report.find("halted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_line_that_stays_high_is_a_storm_that_ends_with_the_line) {
    MachineConfig config = MachineFixture::with("kernel");
    config.storm_budget = 100;
    MachineFixture bench(config);
    constexpr std::uint64_t select = 0xfec00000;
    constexpr std::uint64_t window = 0xfec00010;
    bench.guest({op(OP_WRITE, select, 0x10 + 2 * 20), op(OP_WRITE, window, 0x8051)});
    bench.machine.set_line(20, true, false);
    BOOST_TEST(bench.machine.settle());
    BOOST_TEST(bench.last<event::Storm>()->records > 100U);
    bench.machine.set_line(20, false, false);
    BOOST_TEST(bench.machine.settle());
    BOOST_TEST((bench.last<event::Rest>()->state == event::RestState::idle));
}

BOOST_AUTO_TEST_CASE(a_waiting_vcpu_starts_at_init_and_sipi) {
    MachineConfig config = MachineFixture::with("kernel", 2);
    config.started = 1;
    MachineFixture bench(config);
    bench.machine.settle();
    constexpr std::uint64_t to_1 = std::uint64_t{1} << 32;
    bench.guest({op(OP_LAPIC_WRITE, 0x300, to_1 | 0x4500), op(OP_LAPIC_WRITE, 0x300, to_1 | 0x4608)});
    BOOST_TEST(bench.last<event::Started>().has_value());
    bench.msi(0x51, 1);
    BOOST_TEST(bench.taken() == "1:51");
}

BOOST_AUTO_TEST_CASE(every_one_of_255_vcpus_takes_its_interrupt) {
    MachineConfig config = MachineFixture::with("kernel", 255);
    config.x2apic_ids = true;
    MachineFixture bench(config);
    constexpr std::uint64_t all_others = 0xc4000;
    bench.guest({op(OP_LAPIC_WRITE, 0x300, all_others | 0x51)}, 7);
    BOOST_TEST(bench.count<event::Taken>() == 254U);
}

BOOST_AUTO_TEST_CASE(a_free_running_vcpu_takes_interrupts_from_halt) {
    MachineFixture bench(MachineFixture::with("kernel", 2, RunMode::free));
    bench.msi(0x51, 1);
    bench.machine.wait([&] { return bench.taken() == "1:51"; });
    BOOST_TEST(bench.taken() == "1:51");
    bench.machine.prove_quiet({0});
    BOOST_TEST(bench.last<event::Quiet>()->proven);
    bench.machine.prove_quiet({1});
    BOOST_TEST(bench.last<event::Quiet>()->proven);
    BOOST_TEST(bench.taken() == "1:51");
}

BOOST_AUTO_TEST_CASE(a_free_running_vcpu_executes_operations_with_interrupts_disabled) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.guest({op(OP_CLI)});
    bench.msi(0x51);
    bench.guest({observed(OP_LAPIC_READ, 0x220)});
    BOOST_TEST(bench.last<event::Observed>()->value == 0x20000U);
    BOOST_TEST(bench.taken() == "");
    bench.guest({op(OP_STI)});
    bench.machine.wait([&] { return bench.taken() == "0:51"; });
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(a_free_running_vcpu_rests_in_a_handler_that_stays_although_it_interrupted_an_operation) {
    MachineConfig config = MachineFixture::with("split", 1, RunMode::free);
    config.watchdog = std::chrono::milliseconds(3000);
    MachineFixture bench(config);
    constexpr std::uint64_t select = 0xfec00000;
    constexpr std::uint64_t window = 0xfec00010;
    bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    bench.guest({op(OP_WRITE, select, 0x10 + 2 * 20), op(OP_WRITE, window, 0x18051)});
    bench.machine.set_line(20, true, false);
    BOOST_TEST(bench.guest({op(OP_WRITE, window, 0x8051)}));
    bench.machine.set_line(20, false, false);
    BOOST_TEST(bench.guest({observed(OP_LAPIC_READ, 0x20)}));
    BOOST_TEST(bench.last<event::Observed>().has_value());
    BOOST_TEST(bench.guest({op(OP_RETURN)}));
}

BOOST_AUTO_TEST_CASE(what_a_free_running_handler_does_is_done_before_anybody_looks) {
    for (const std::string placement : {"kernel", "split"}) {
        MachineFixture bench(MachineFixture::with(placement, 1, RunMode::free));
        const auto out = [](std::uint64_t port, std::uint64_t value) {
            return op(OP_PORT_OUT, port, value, 1);
        };
        bench.guest({out(0x20, 0x11), out(0x21, 0x40), out(0x21, 4), out(0x21, 1), out(0x21, 0xf7),
                     op(OP_LAPIC_WRITE, 0x350, 0x700)});
        // It is written down before the exit, and the PIC's EOI comes after that.
        bench.machine.handler(0, 0x43, POLICY_LOWER | POLICY_EOI_PIC, 3);
        for (std::size_t round = 1; round <= 20; ++round) {
            bench.machine.set_line(3, true, false);
            bench.machine.settle();
            bench.machine.wait([&] { return bench.taken().size() == 5 * round - 1; });
            for (const NamedValue& field : bench.machine.inspect("pic", 0))
                if (field.name == "isr") BOOST_TEST(field.value == 0U);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
