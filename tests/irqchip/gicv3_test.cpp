#include "irqchip/arm64/gicv3.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/gic_fixture.hpp"

namespace irqbench::irqchip::arm64 {

BOOST_AUTO_TEST_SUITE(gicv3)

BOOST_AUTO_TEST_CASE(level_spi_goes_from_line_to_acknowledge_to_eoi) {
    GuestGicv3 guest;
    guest.enable(40);
    BOOST_TEST(guest.output() == "");
    guest.raise(40);
    BOOST_TEST(guest.output() == "irq");
    BOOST_TEST(guest.state(40) == "pending");
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.state(40) == "pending active");
    guest.lower(40);
    BOOST_TEST(guest.state(40) == "active");
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
    BOOST_TEST(guest.state(40) == "inactive");
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(level_line_still_high_at_eoi_is_delivered_again) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.take() == 1023);
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
    BOOST_TEST(guest.output() == "irq");
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(level_line_that_falls_before_the_acknowledge_leaves_nothing) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    guest.lower(40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(edge_is_kept_when_the_line_falls) {
    GuestGicv3 guest;
    guest.edge(40);
    guest.enable(40);
    guest.raise(40);
    guest.lower(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.state(40) == "active");
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(edge_held_high_comes_once) {
    GuestGicv3 guest;
    guest.edge(40);
    guest.enable(40);
    guest.raise(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.raise(40);
    BOOST_TEST(guest.state(40) == "active");
    guest.eoi(40);
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(edge_while_active_is_delivered_after_the_eoi) {
    GuestGicv3 guest;
    guest.edge(40);
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.lower(40);
    guest.raise(40);
    guest.lower(40);
    guest.raise(40);
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.output() == "");
    guest.eoi(40);
    BOOST_TEST(guest.take() == 40);
    guest.eoi(40);
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(line_is_asserted_while_any_driver_asserts_it) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40, 0, LineSource::wire);
    guest.raise(40, 0, LineSource::resample);
    guest.lower(40, 0, LineSource::wire);
    BOOST_TEST(guest.state(40) == "pending");
    guest.lower(40, 0, LineSource::resample);
    BOOST_TEST(guest.state(40) == "inactive");
}

BOOST_AUTO_TEST_CASE(line_high_before_the_spi_becomes_edge_triggered_is_no_edge) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    guest.edge(40);
    BOOST_TEST(guest.state(40) == "inactive");
    guest.edge(40, false);
    BOOST_TEST(guest.state(40) == "pending");
}

BOOST_AUTO_TEST_CASE(disabled_spi_stays_pending_and_comes_when_enabled) {
    GuestGicv3 guest;
    guest.raise(40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.state(40) == "pending");
    guest.enable(40);
    BOOST_TEST(guest.output() == "irq");
    guest.disable(40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.state(40) == "pending");
}

BOOST_AUTO_TEST_CASE(spi_disabled_while_active_ends_as_usual) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.disable(40);
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
    BOOST_TEST(guest.state(40) == "pending");
    BOOST_TEST(guest.output() == "");
}

BOOST_AUTO_TEST_CASE(latch_of_a_level_spi_is_gone_with_the_acknowledge) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.set_pending(40);
    BOOST_TEST(guest.state(40) == "pending");
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.state(40) == "active");
    guest.set_pending(40);
    BOOST_TEST(guest.state(40) == "pending active");
    guest.clear_pending(40);
    BOOST_TEST(guest.state(40) == "active");
}

BOOST_AUTO_TEST_CASE(clear_pending_does_not_lower_a_line) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    guest.set_pending(40);
    guest.clear_pending(40);
    BOOST_TEST(guest.state(40) == "pending");
    guest.lower(40);
    BOOST_TEST(guest.state(40) == "inactive");
    guest.set_pending(40);
    guest.raise(40);
    guest.lower(40);
    BOOST_TEST(guest.state(40) == "pending");
}

BOOST_AUTO_TEST_CASE(active_set_by_the_guest_holds_an_interrupt_back) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.set_active(40);
    guest.raise(40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.state(40) == "pending active");
    guest.clear_active(40);
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(active_cleared_by_the_guest_tells_nobody_and_keeps_the_priority) {
    GuestGicv3 guest;
    guest.priority(40, 0x80);
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.clear_active(40);
    BOOST_TEST(guest.running() == 0x80);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(eoi_mode_1_drops_the_priority_and_dir_deactivates) {
    GuestGicv3 guest;
    guest.set(icc::ctlr, 2);
    guest.enable(40);
    guest.enable(41);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.raise(41);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.take() == 41);
    BOOST_TEST(guest.dir(40) == "eoi of spi 40");
    BOOST_TEST(guest.dir(40) == "nothing");
    BOOST_TEST(guest.state(40) == "pending");
    BOOST_TEST(guest.running() == 0);
}

BOOST_AUTO_TEST_CASE(dir_without_eoi_mode_1_does_nothing) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.dir(40) == "nothing");
    BOOST_TEST(guest.state(40) == "pending active");
}

BOOST_AUTO_TEST_CASE(another_cpu_may_deactivate) {
    GuestGicv3 guest(GuestGicv3::cpus(2));
    guest.set(icc::ctlr, 2, 1);
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take(0) == 40);
    BOOST_TEST(guest.dir(40, 1) == "eoi of spi 40");
    BOOST_TEST(guest.running(0) == 0);
}

BOOST_AUTO_TEST_CASE(eoi_of_what_another_cpu_has_active_drops_nothing_there) {
    GuestGicv3 guest(GuestGicv3::cpus(2));
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take(0) == 40);
    BOOST_TEST(guest.eoi(40, 1) == "nothing");
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.running(0) == 0);
}

BOOST_AUTO_TEST_CASE(eoi_out_of_order_drops_the_highest_and_deactivates_nothing) {
    GuestGicv3 guest;
    guest.priority(40, 0x80);
    guest.priority(41, 0x40);
    guest.enable(40);
    guest.enable(41);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.raise(41);
    BOOST_TEST(guest.take() == 41);
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.running() == 0x80);
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.eoi(41) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.state(41) == "pending active");
}

BOOST_AUTO_TEST_CASE(eoi_by_the_register_of_the_other_group_deactivates_nothing) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.eoi0(40) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.state(40) == "pending active");
}

BOOST_AUTO_TEST_CASE(special_and_missing_intids_end_nothing) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    for (const std::uint32_t intid : {1020U, 1021U, 1022U, 1023U}) {
        BOOST_TEST(guest.eoi(intid) == "nothing");
        BOOST_TEST(guest.running() == 0);
    }
    guest.set(icc::ctlr, 2);
    for (const std::uint32_t intid : {96U, 1019U, 1020U, 1023U, 1024U, 8191U, 8192U, 0xFF'FFFFU})
        BOOST_TEST(guest.dir(intid) == "nothing");
    BOOST_TEST(guest.eoi(96) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.state(40) == "pending active");
}

BOOST_AUTO_TEST_CASE(ppi_is_each_cpus_own) {
    GuestGicv3 guest(GuestGicv3::cpus(2));
    guest.enable(27, 0);
    guest.enable(27, 1);
    guest.raise(27, 1);
    BOOST_TEST(guest.output(0) == "");
    BOOST_TEST(guest.output(1) == "irq");
    BOOST_TEST(guest.state(27, 0) == "inactive");
    BOOST_TEST(guest.take(1) == 27);
    BOOST_TEST(guest.eoi(27, 1) == "nothing");
    BOOST_TEST(guest.take(1) == 27);
    guest.lower(27, 1);
    guest.eoi(27, 1);
    BOOST_TEST(guest.take(1) == 1023);
}

BOOST_AUTO_TEST_CASE(distributor_and_cpu_interface_each_gate_a_group) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    guest.raise(27);
    guest.enable(27);
    guest.priority(27, 8);
    BOOST_TEST(guest.output() == "irq");
    guest.put(gicd3::ctlr, 1);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.take() == 1023);
    BOOST_TEST(guest.reg(icc::hppir1) == 1023);
    guest.put(gicd3::ctlr, 2);
    guest.set(icc::igrpen1, 0);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.reg(icc::hppir1) == 1023);
    guest.set(icc::igrpen1, 1);
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(group_0_comes_by_fiq_and_through_its_own_registers) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.set_group(40, 0);
    guest.raise(40);
    BOOST_TEST(guest.output() == "fiq");
    BOOST_TEST(guest.take() == 1023);
    BOOST_TEST(guest.reg(icc::hppir1) == 1023);
    BOOST_TEST(guest.reg(icc::hppir0) == 40);
    BOOST_TEST(guest.take0() == 40);
    BOOST_TEST(guest.reg(icc::ap0r) == 1);
    BOOST_TEST(guest.reg(icc::ap1r) == 0);
    BOOST_TEST(guest.eoi0(40) == "eoi of spi 40");
}

BOOST_AUTO_TEST_CASE(group_changed_while_pending_moves_the_interrupt) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    guest.set_group(40, 0);
    BOOST_TEST(guest.output() == "fiq");
    guest.set_group(40, 1);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(the_higher_group_hides_the_lower) {
    GuestGicv3 guest;
    guest.set_group(40, 0);
    for (const std::uint32_t intid : {40U, 41U}) {
        guest.enable(intid);
        guest.raise(intid);
    }
    guest.priority(40, 0x40);
    guest.priority(41, 0x80);
    BOOST_TEST(guest.output() == "fiq");
    BOOST_TEST(guest.take() == 1023);
    guest.priority(40, 0xC0);
    BOOST_TEST(guest.output() == "irq");
    BOOST_TEST(guest.take0() == 1023);
    guest.set(icc::igrpen1, 0);
    BOOST_TEST(guest.output() == "fiq");
}

BOOST_AUTO_TEST_CASE(a_copy_goes_its_own_way_and_equals_only_its_like) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    Gicv3 copy = guest.gic;
    BOOST_TEST((copy == guest.gic));
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST((copy != guest.gic));
    BOOST_TEST(copy.read_sysreg(0, icc::iar1).value() == 40);
    BOOST_TEST((copy == guest.gic));
}

BOOST_AUTO_TEST_CASE(a_peek_acknowledges_nothing) {
    GuestGicv3 guest;
    guest.enable(40);
    guest.raise(40);
    const Gicv3 before = guest.gic;
    BOOST_TEST(guest.gic.peek_sysreg(0, icc::iar1).value() == 40);
    BOOST_TEST(guest.gic.peek_sysreg(0, icc::iar0).value() == 1023);
    BOOST_TEST((guest.gic == before));
    BOOST_TEST(!guest.gic.peek_sysreg(0, icc::eoir1));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
