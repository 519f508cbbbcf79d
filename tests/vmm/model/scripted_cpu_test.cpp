#include "vmm/model/scripted_cpu.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/vmm/model/bench.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using vmm::RunMode;

BOOST_AUTO_TEST_SUITE(scripted_cpu)

BOOST_AUTO_TEST_CASE(an_interrupt_is_taken_ended_and_returned_from) {
    ModelBench bench(ModelBench::with());
    bench.raise(0x51);
    bench.raise(0x52);
    BOOST_TEST(bench.news() == "ack 0x51; ack 0x52");
    BOOST_TEST(bench.hardware->eois == 2);
}

BOOST_AUTO_TEST_CASE(interrupts_wait_while_the_flag_is_clear) {
    ModelBench bench(ModelBench::with());
    bench.guest({cli()});
    bench.raise(0x51);
    BOOST_TEST(bench.news() == "cli; idle, interrupts off");
    bench.guest({sti()});
    BOOST_TEST(bench.news() == "ack 0x51; sti; idle, window open");
}

BOOST_AUTO_TEST_CASE(sti_lets_one_more_instruction_through) {  // SDM vol. 3, 6.8.1
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 0x51, POLICY_STAY, std::nullopt);
    bench.guest({cli()});
    bench.raise(0x51);
    // hlt is executed and then interrupted; otherwise the CPU would sleep with the interrupt behind it.
    bench.guest({op(OP_STI_HALT, "sti; hlt")});
    bench.guest({op(OP_RETURN, "return")});
    BOOST_TEST(bench.news() ==
               "cli; idle, interrupts off; ack 0x51; in handler of 0x51, interrupts off; "
               "return 0x51; sti; hlt = 0x0; return; idle, window open");
}

BOOST_AUTO_TEST_CASE(what_an_operation_causes_comes_before_it_is_done) {
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 0x51, POLICY_STAY, std::nullopt);
    bench.guest({provoke(0x51)});
    BOOST_TEST(bench.news() == "ack 0x51; in handler of 0x51, interrupts off");
    bench.guest({op(OP_RETURN, "return")});
    BOOST_TEST(bench.news() == "return 0x51; provoke; return; idle, window open");
}

BOOST_AUTO_TEST_CASE(handlers_nest_only_where_they_enable_interrupts) {
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_NEST, std::nullopt);
    bench.machine.handler(0, 0x61, POLICY_STAY, std::nullopt);
    bench.raise(0x51);
    bench.raise(0x61);
    bench.raise(0x71);
    BOOST_TEST(bench.news() ==
               "ack 0x51; in handler of 0x51, window open; "
               "ack 0x61; in handler of 0x61, interrupts off");
    const auto& events = bench.trace.events();
    BOOST_TEST(std::get<vmm::event::Taken>(events[2].what).depth == 1);
    bench.guest({op(OP_RETURN, "return")});
    bench.guest({op(OP_RETURN, "return")});
    BOOST_TEST(bench.news() ==
               "return 0x61; ack 0x71; return; in handler of 0x51, window open; "
               "return 0x51; return; idle, window open");
}

BOOST_AUTO_TEST_CASE(an_eoi_comes_where_the_policy_has_it) {
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_EOI_LAPIC | POLICY_EOI_FIRST, std::nullopt);
    bench.machine.handler(0, 0x61, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    bench.machine.handler(0, 0x71, 0, std::nullopt);
    bench.raise(0x51);
    BOOST_TEST(bench.hardware->eois == 1);
    bench.guest({op(OP_RETURN, "return")});
    BOOST_TEST(bench.hardware->eois == 1);
    bench.raise(0x61);
    BOOST_TEST(bench.hardware->eois == 1);
    bench.guest({op(OP_RETURN, "return")});
    BOOST_TEST(bench.hardware->eois == 2);
    bench.raise(0x71);
    BOOST_TEST(bench.hardware->eois == 2);
    bench.guest({op(OP_EOI, "eoi")});
    BOOST_TEST(bench.hardware->eois == 3);
}

BOOST_AUTO_TEST_CASE(the_device_lets_go_before_the_eoi) {
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 0x51, POLICY_LOWER | POLICY_EOI_LAPIC, 9);
    bench.raise(0x51);
    BOOST_TEST(bench.news(vmm::Lane::host) == "device lowers 9");
}

BOOST_AUTO_TEST_CASE(hlt_with_interrupts_ends_with_one) {
    ModelBench bench(ModelBench::with());
    bench.guest({op(OP_HALT, "hlt")});
    BOOST_TEST(bench.news() == "halted");
    bench.raise(0x51);
    BOOST_TEST(bench.news() == "ack 0x51; hlt; idle, window open");
}

BOOST_AUTO_TEST_CASE(hlt_without_interrupts_ends_with_an_nmi_only) {
    ModelBench bench(ModelBench::with());
    bench.guest({cli(), op(OP_HALT, "hlt")});
    bench.raise(0x51);
    BOOST_TEST(bench.news() == "cli; halted, interrupts off");
    bench.machine.nmi(0);
    bench.machine.settle();
    BOOST_TEST(bench.news() == "nmi; hlt; idle, interrupts off");
}

BOOST_AUTO_TEST_CASE(a_halted_cpu_cannot_execute) {
    ModelBench bench(ModelBench::with());
    bench.guest({op(OP_HALT, "hlt")});
    BOOST_TEST(!bench.guest({cli()}));
    BOOST_TEST(bench.news(vmm::Lane::host).find("the vCPU is halted and cannot do this: ") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(nmis_are_blocked_until_any_iret_and_merge_meanwhile) {  // SDM vol. 3, 6.7.1
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 2, POLICY_STAY | POLICY_NEST, std::nullopt);
    const auto nmi = [&] {
        bench.machine.nmi(0);
        bench.machine.settle();
    };
    nmi();
    nmi();
    nmi();
    BOOST_TEST(bench.news() == "nmi; in handler of 0x02, window open");
    bench.raise(0x51);
    BOOST_TEST(bench.news() == "ack 0x51; nmi; in handler of 0x02, window open");
    bench.guest({op(OP_RETURN, "return")});
    bench.guest({op(OP_RETURN, "return")});
    BOOST_TEST(bench.news() ==
               "return 0x02; return; in handler of 0x02, window open; "
               "return 0x02; return; idle, window open");
}

BOOST_AUTO_TEST_CASE(an_nmi_does_not_ask_for_the_flag) {
    ModelBench bench(ModelBench::with());
    bench.guest({cli()});
    bench.news();
    bench.machine.nmi(0);
    bench.machine.settle();
    BOOST_TEST(bench.news() == "nmi");
}

BOOST_AUTO_TEST_CASE(an_operation_that_faults_is_over_and_the_next_one_follows) {
    ModelBench bench(ModelBench::with());
    BOOST_TEST(bench.guest({op(OP_MSR_WRITE, "msr 9", 9), cli()}));
    BOOST_TEST(bench.news() == "msr 9 -> #GP; cli; idle, interrupts off");
}

BOOST_AUTO_TEST_CASE(a_low_vector_is_an_exception_unless_it_is_declared) {
    ModelBench bench(ModelBench::with());
    bench.machine.handler(0, 0x10, POLICY_DECLARED | POLICY_EOI_LAPIC, std::nullopt);
    BOOST_TEST(bench.raise(0x10));
    BOOST_TEST(bench.news() == "ack 0x10");
    BOOST_TEST(bench.guest({provoke(0x0d)}));  // inside an operation it is the operation's
    BOOST_TEST(bench.news() == "provoke -> #GP");
    BOOST_TEST(!bench.raise(0x0d));
    BOOST_TEST(bench.news().find("#GP at 0x0") == 0);
    BOOST_TEST(bench.news(vmm::Lane::host).empty());
    BOOST_TEST(bench.told(vmm::Lane::host).find("an exception that nobody expected") == 0);
}

BOOST_AUTO_TEST_CASE(a_cpu_that_was_not_started_waits_for_its_sipi) {
    vmm::MachineConfig config = ModelBench::with(2);
    config.started = 1;
    ModelBench bench(config);
    bench.raise(0x51, 1);
    BOOST_TEST(bench.news() == "");
    bench.guest({op(OP_MSR_WRITE, "init", FakeHardware::reset_msr, 1)});
    bench.guest({op(OP_MSR_WRITE, "sipi", FakeHardware::reset_msr + 1, 1)});
    BOOST_TEST(bench.news() == "init; waiting for SIPI; sipi; started; ack 0x51; idle, window open");
    bench.guest({op(OP_MSR_WRITE, "sipi", FakeHardware::reset_msr + 1, 1)});
    BOOST_TEST(bench.news() == "sipi");  // it runs
}

BOOST_AUTO_TEST_CASE(init_ends_handlers_and_operations) {
    ModelBench bench(ModelBench::with(2));
    bench.machine.handler(1, 0x51, POLICY_STAY, std::nullopt);
    bench.guest({provoke(0x51)}, 1);
    bench.guest({op(OP_MSR_WRITE, "init", FakeHardware::reset_msr, 1)});
    bench.guest({op(OP_MSR_WRITE, "sipi", FakeHardware::reset_msr + 1, 1)});
    bench.news();
    BOOST_TEST(bench.guest({sti()}, 1));
    BOOST_TEST(bench.news() == "sti");  // and no `provoke`
    BOOST_TEST(!bench.guest({op(OP_RETURN, "return")}, 1));
}

BOOST_AUTO_TEST_CASE(init_to_itself_ends_the_operation_that_sent_it) {
    ModelBench bench(ModelBench::with());
    BOOST_TEST(bench.guest({op(OP_MSR_WRITE, "init", FakeHardware::reset_msr, 0)}));
    BOOST_TEST(bench.news() == "waiting for SIPI");
}

BOOST_AUTO_TEST_CASE(return_needs_a_handler_that_stays) {
    ModelBench bench(ModelBench::with());
    BOOST_TEST(!bench.guest({op(OP_RETURN, "return")}));
    BOOST_TEST(bench.told(vmm::Lane::host).find("the agent cannot do this here: return") == 0);
}

BOOST_AUTO_TEST_CASE(a_barrier_holds_until_all_are_there) {
    ModelBench bench(ModelBench::with(2, RunMode::free));
    const auto barrier = [](std::uint64_t all) { return op(OP_BARRIER, "barrier", 0, all); };
    bench.guest({barrier(2), cli()}, 0);
    BOOST_TEST(bench.told(vmm::Lane::host).find("the vCPU did not do this: cli") == 0);
    ModelBench both(ModelBench::with(2, RunMode::free));
    both.machine.guest(0, std::vector{barrier(2), cli()});
    BOOST_TEST(both.guest({barrier(2), cli()}, 1));
    BOOST_TEST(both.told(vmm::Lane::host) == "");
}

BOOST_AUTO_TEST_CASE(a_barrier_that_nobody_comes_to_ends_a_stepped_run) {
    ModelBench bench(ModelBench::with());
    BOOST_TEST(!bench.guest({op(OP_BARRIER, "barrier", 0, 2)}));
    BOOST_TEST(bench.told(vmm::Lane::host).find("waits at a barrier") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
