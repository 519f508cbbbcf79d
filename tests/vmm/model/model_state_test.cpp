#include "vmm/model/model_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>

#include "tests/vmm/model/pc.hpp"
#include "vmm/arm64/model_hardware.hpp"

using namespace irqbench;
using namespace irqbench::tests;

BOOST_AUTO_TEST_SUITE(model_state)

BOOST_AUTO_TEST_CASE(a_pending_interrupt_is_taken_from_each_restore_again) {
    Pc pc;
    pc.guest({cli()});
    pc.msi(0x51);
    const auto state = pc.machine.save();
    pc.guest({sti()});
    pc.msi(0x52);
    pc.news();
    for (int times = 0; times < 2; ++times) {
        pc.machine.restore(*state, {});
        pc.guest({sti()});
        BOOST_TEST(pc.news().find("ack 0x51") != std::string::npos);
    }
    BOOST_TEST(pc.taken() == 4U);
}

BOOST_AUTO_TEST_CASE(a_handler_and_the_operation_it_interrupted_go_on) {
    Pc pc;
    pc.machine.handler(0, 0x51, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    pc.guest({op(OP_STI_HALT, "sti; hlt")});
    pc.msi(0x51);
    const auto state = pc.machine.save();
    for (int times = 0; times < 2; ++times) {
        pc.machine.restore(*state, {});
        pc.news();
        BOOST_TEST(pc.guest({op(OP_RETURN, "return")}));
        // The halt is over too, once its handler has been left.
        const std::string news = pc.news();
        BOOST_TEST(news.find("return") != std::string::npos);
        BOOST_TEST(news.find("sti; hlt") != std::string::npos);
        BOOST_TEST(pc.msi(0x52));
        BOOST_TEST(pc.news().find("ack 0x52") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(irqfds_are_those_of_the_state_with_the_eventfds_they_share) {
    Pc pc;
    pc.entry(10, 0x51);
    pc.irqfd("a", 10);
    const auto state = pc.machine.save();
    BOOST_TEST(pc.machine.deassign_irqfd("a").ok());
    BOOST_TEST(pc.irqfd("b", 10, false, "a").ok());
    pc.machine.restore(*state, {});
    pc.signal("b");  // is not there
    BOOST_TEST(pc.taken() == 0U);
    pc.signal("a");
    BOOST_TEST(pc.taken() == 1U);
    BOOST_TEST(pc.irqfd("b", 10, false, "a").error == EBUSY);
}

BOOST_AUTO_TEST_CASE(a_timer_that_was_armed_expires_after_a_restore) {
    Pc pc;
    pc.lapic("timer_divide", 0xb);
    pc.lapic("lvt_timer", 0x51);
    pc.lapic("timer_initial", 1000000);
    const auto state = pc.machine.save();
    BOOST_TEST(pc.await(1));
    pc.machine.restore(*state, {});
    BOOST_TEST(pc.await(2));
}

BOOST_AUTO_TEST_CASE(a_gic_keeps_what_is_pending) {
    ModelBench bench(ModelBench::with(), vmm::arm64::make_model_hardware);
    constexpr std::uint64_t isenabler1 = AGENT_GICD + 0x104, ispendr1 = AGENT_GICD + 0x204;
    bench.guest({cli(), op(OP_WRITE, "enable", isenabler1, 1), op(OP_WRITE, "pend", ispendr1, 1)});
    const auto state = bench.machine.save();
    for (std::size_t times = 1; times <= 2; ++times) {
        bench.machine.restore(*state, {});
        bench.guest({observed(OP_READ, "pending", ispendr1)});
        BOOST_TEST(bench.last<vmm::event::Observed>().value().value == 1U);
        bench.guest({op(OP_WRITE, "clear", AGENT_GICD + 0x284, 1)});
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_of_this_machine_is_refused) {
    Pc pc;
    Pc two(ModelBench::with(2));
    BOOST_CHECK_THROW(pc.machine.restore(*two.machine.save(), {}), std::invalid_argument);
    BOOST_CHECK_THROW(pc.machine.restore(*pc.machine.save(), {{"lapic"}, {}}), std::invalid_argument);
    ModelBench fake(ModelBench::with());
    BOOST_TEST(!fake.machine.unsaved().empty());
    BOOST_CHECK_THROW(static_cast<void>(fake.machine.save()), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
