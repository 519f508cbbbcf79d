#include "irqchip/arm64/gicv2.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/gic_fixture.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

/// GICD_SGIR.
constexpr std::uint32_t all_others = 1U << 24;
constexpr std::uint32_t self = 2U << 24;
constexpr std::uint32_t reserved = 3U << 24;
constexpr std::uint32_t to(std::uint32_t cpus) { return cpus << 16; }
/// What IAR reads for an SGI.
constexpr std::uint32_t from(std::uint32_t cpu, std::uint32_t sgi) { return cpu << 10 | sgi; }

constexpr Gicv2Options cpus(unsigned count) { return {count, 64, 5, 3}; }

std::string told(GuestGicv2& guest) {
    std::string told;
    for (unsigned cpu = 0; cpu < guest.gic.options().cpus; ++cpu)
        if (!guest.output(cpu).empty()) told += std::to_string(cpu);
    return told;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gicv2)

BOOST_AUTO_TEST_CASE(level_spi_goes_from_line_to_acknowledge_to_eoi) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.output() == "irq");
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.take() == 1023);
    guest.lower(40);
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
    BOOST_TEST(guest.state(40) == "inactive");
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(level_line_still_high_at_eoi_is_delivered_again) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(edge_while_active_is_delivered_after_the_eoi) {
    GuestGicv2 guest;
    guest.edge(40);
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.lower(40);
    guest.raise(40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(enabling_a_level_spi_does_not_latch_its_line) {  // row Q11
    GuestGicv2 guest;
    guest.raise(40);
    guest.enable(40);
    guest.lower(40);
    BOOST_TEST(guest.state(40) == "inactive");
    BOOST_TEST(guest.output() == "");
}

BOOST_AUTO_TEST_CASE(eoi_mode_1_drops_the_priority_and_dir_deactivates) {
    GuestGicv2 guest;
    guest.put_cpu(gicc::ctlr, 0x203);
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.eoi(40) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.state(40) == "pending active");
    BOOST_TEST(guest.dir(40) == "eoi of spi 40");
    BOOST_TEST(guest.dir(40) == "nothing");
    BOOST_TEST(guest.take() == 40);
    guest.put_cpu(gicc::ctlr, 3);
    BOOST_TEST(guest.dir(40) == "nothing");
    BOOST_TEST(guest.state(40) == "pending active");
}

BOOST_AUTO_TEST_CASE(special_and_missing_intids_end_nothing) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    for (const std::uint32_t intid : {1020U, 1023U}) BOOST_TEST(guest.eoi(intid) == "nothing");
    BOOST_TEST(guest.running() == 0);
    BOOST_TEST(guest.eoi(96) == "nothing");
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.state(40) == "pending active");
}

BOOST_AUTO_TEST_CASE(priorities_preempt_and_the_mask_holds_back) {
    GuestGicv2 guest;
    for (const std::uint32_t intid : {40U, 41U}) guest.enable(intid);
    guest.priority(40, 0x80);
    guest.priority(41, 0x40);
    guest.raise(40);
    guest.put_cpu(gicc::pmr, 0x80);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.get_cpu(gicc::hppir) == 40);
    guest.put_cpu(gicc::pmr, 0xFF);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.get_cpu(gicc::apr) == 1U << 16);
    guest.raise(41);
    BOOST_TEST(guest.take() == 41);
    BOOST_TEST(guest.running() == 0x40);
    guest.put_cpu(gicc::apr, 0);
    BOOST_TEST(guest.running() == 0xFF);
}

BOOST_AUTO_TEST_CASE(group_1_is_shown_to_its_aliases_or_with_ack_ctl) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.set_group(40, 1);
    guest.raise(40);
    BOOST_TEST(guest.output() == "irq");
    BOOST_TEST(guest.take() == 1022);
    BOOST_TEST(guest.get_cpu(gicc::hppir) == 1022);
    BOOST_TEST(guest.get_cpu(gicc::ahppir) == 40);
    BOOST_TEST(guest.get_cpu(gicc::aiar) == 40);
    BOOST_TEST(guest.get_cpu(gicc::nsapr) == 1);
    BOOST_TEST(guest.get_cpu(gicc::apr) == 0);
    BOOST_TEST(guest.put_cpu(gicc::aeoir, 40) == "eoi of spi 40");
    guest.put_cpu(gicc::ctlr, 7);
    BOOST_TEST(guest.get_cpu(gicc::hppir) == 40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
    guest.set_group(40, 0);
    BOOST_TEST(guest.get_cpu(gicc::ahppir) == 1023);
    BOOST_TEST(guest.get_cpu(gicc::aiar) == 1023);
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(group_0_comes_by_fiq_if_it_is_told_to) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.output() == "irq");
    guest.put_cpu(gicc::ctlr, 0xB);
    BOOST_TEST(guest.output() == "fiq");
    guest.set_group(40, 1);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(distributor_and_cpu_interface_each_gate_a_group) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.raise(40);
    guest.put(gicd::ctlr, 2);
    BOOST_TEST(guest.output() == "");
    guest.put(gicd::ctlr, 1);
    BOOST_TEST(guest.output() == "irq");
    guest.put_cpu(gicc::ctlr, 2);
    BOOST_TEST(guest.output() == "");
    guest.set_group(40, 1);
    BOOST_TEST(guest.output() == "");
    guest.put(gicd::ctlr, 2);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(a_binary_point_that_changes_while_one_runs_splits_the_running_priority_too) {
    GuestGicv2 guest;
    for (const std::uint32_t intid : {40U, 41U}) {
        guest.priority(intid, intid == 40 ? 0x48 : 0x40);
        guest.enable(intid);
    }
    guest.raise(40);
    BOOST_TEST(guest.get_cpu(gicc::iar) == 40);
    guest.put_cpu(gicc::bpr, 4);
    guest.raise(41);
    BOOST_TEST(guest.output() == "");
    guest.put_cpu(gicc::bpr, 2);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(common_binary_point_makes_group_1_follow_group_0) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.set_group(40, 1);
    guest.priority(40, 0xB8);
    guest.put_cpu(gicc::bpr, 4);
    guest.put_cpu(gicc::ctlr, 0x17);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.running() == 0xA0);
    BOOST_TEST(guest.get_cpu(gicc::abpr) == 3);
}

BOOST_AUTO_TEST_CASE(every_target_sees_an_spi_and_the_first_takes_it) {
    GuestGicv2 guest(cpus(4));
    guest.enable(40);
    guest.raise(40);
    guest.targets(40, 0xE);
    BOOST_TEST(told(guest) == "123");
    BOOST_TEST(guest.take(2) == 40);
    BOOST_TEST(told(guest) == "");
    BOOST_TEST(guest.take(1) == 1023);
    BOOST_TEST(guest.eoi(40, 2) == "eoi of spi 40");
    BOOST_TEST(told(guest) == "123");
    guest.targets(40, 0);
    BOOST_TEST(told(guest) == "");
    BOOST_TEST(guest.state(40) == "pending");
}

BOOST_AUTO_TEST_CASE(ppi_is_each_cpus_own) {
    GuestGicv2 guest(cpus(2));
    guest.enable(27, 0);
    guest.enable(27, 1);
    guest.raise(27, 1);
    BOOST_TEST(told(guest) == "1");
    BOOST_TEST(guest.take(1) == 27);
    BOOST_TEST(guest.eoi(27, 1) == "nothing");
}

BOOST_AUTO_TEST_CASE(sgir_names_cpus_in_three_ways) {
    struct Row {
        std::uint32_t value;
        const char* cpus;
    };
    for (const Row row : {Row{to(0x0A), "13"}, Row{to(0xFF), "0123"}, Row{all_others | to(0x0F), "023"},
                          Row{self | to(0x0F), "1"}, Row{reserved | to(0x0F), ""}, Row{to(0xF0), ""}}) {
        GuestGicv2 guest(cpus(4));
        guest.put(gicd::sgir, row.value | 1U << 15 | 7, 1);
        BOOST_TEST(told(guest) == row.cpus);
        for (unsigned cpu = 0; cpu < 4; ++cpu)
            if (!guest.output(cpu).empty()) BOOST_TEST(guest.take(cpu) == from(1, 7));
    }
}

BOOST_AUTO_TEST_CASE(sgi_of_two_cpus_is_taken_twice_the_lower_source_first) {  // row A02
    GuestGicv2 guest(cpus(4));
    guest.put(gicd::sgir, to(1) | 3, 2);
    guest.put(gicd::sgir, to(1) | 3, 1);
    guest.put(gicd::sgir, to(1) | 3, 1);
    BOOST_TEST(guest.get(gicd::spendsgir) == 0x0600'0000);
    BOOST_TEST(guest.get_cpu(gicc::hppir) == from(1, 3));
    BOOST_TEST(guest.take() == from(1, 3));
    BOOST_TEST(guest.state(3) == "pending active");
    BOOST_TEST(guest.take() == 1023);
    BOOST_TEST(guest.eoi(from(1, 3)) == "nothing");
    BOOST_TEST(guest.take() == from(2, 3));
    BOOST_TEST(guest.state(3) == "active");
    guest.eoi(from(2, 3));
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(pending_sources_can_be_set_and_cleared) {
    GuestGicv2 guest(cpus(4));
    guest.put(gicd::spendsgir + 5, 0x0C, 0, 1);
    BOOST_TEST(guest.state(5) == "pending");
    guest.put(gicd::cpendsgir + 5, 0x04, 0, 1);
    BOOST_TEST(guest.get_cpu(gicc::hppir) == from(3, 5));
    guest.put(gicd::cpendsgir + 5, 0x08, 0, 1);
    BOOST_TEST(guest.state(5) == "inactive");
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(a_peek_acknowledges_nothing) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.raise(40);
    const Gicv2 before = guest.gic;
    BOOST_TEST(guest.gic.peek_cpu_interface(0, gicc::iar) == 40);
    BOOST_TEST(guest.gic.peek_cpu_interface(0, gicc::aiar) == 1023);
    BOOST_TEST(guest.gic.peek_cpu_interface(0, 0x30) == 0);
    BOOST_TEST((guest.gic == before));
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST((guest.gic != before));
}

BOOST_AUTO_TEST_CASE(state_of_an_interrupt_can_be_seen) {
    GuestGicv2 guest;
    guest.enable(40);
    guest.set_group(40, 1);
    guest.priority(40, 0x48);
    guest.raise(40);
    guest.targets(40, 1);
    const InterruptState state = guest.gic.state(0, 40);
    BOOST_TEST((state == InterruptState{Group::group1, true, true, false, true, false, false, 0x48}));
    BOOST_TEST(guest.gic.distributor().targets(40) == 1);
    BOOST_TEST(
        (guest.gic.state(0, 3) == InterruptState{Group::group0, true, false, false, false, false, true, 0}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
