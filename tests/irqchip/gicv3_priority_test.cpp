#include <boost/test/unit_test.hpp>

#include "irqchip/arm64/gicv3.hpp"
#include "tests/irqchip/gic_fixture.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

/// SPIs 40 and up with these priorities, enabled.
GuestGicv3 with_priorities(std::initializer_list<std::uint8_t> priorities) {
    GuestGicv3 guest;
    std::uint32_t intid = 40;
    for (const std::uint8_t priority : priorities) {
        guest.priority(intid, priority);
        guest.enable(intid++);
    }
    return guest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gicv3_priority)

BOOST_AUTO_TEST_CASE(pending_interrupts_are_taken_by_priority_then_by_intid) {
    GuestGicv3 guest = with_priorities({0x80, 0x40, 0x40, 0xC0});
    for (std::uint32_t intid = 40; intid < 44; ++intid) guest.raise(intid);
    for (const std::uint32_t expected : {41U, 42U, 40U, 43U}) {
        BOOST_TEST(guest.reg(icc::hppir1) == expected);
        BOOST_TEST(guest.take() == expected);
        guest.lower(expected);
        guest.eoi(expected);
    }
    BOOST_TEST(guest.reg(icc::hppir1) == 1023);
}

BOOST_AUTO_TEST_CASE(priority_changed_while_pending_counts_at_once) {
    GuestGicv3 guest = with_priorities({0x80, 0x90});
    guest.raise(40);
    guest.raise(41);
    guest.priority(41, 0x10);
    BOOST_TEST(guest.take() == 41);
}

BOOST_AUTO_TEST_CASE(priority_mask_holds_back_its_own_value_and_all_below) {
    GuestGicv3 guest = with_priorities({0x80});
    guest.raise(40);
    guest.set(icc::pmr, 0x80);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.take() == 1023);
    BOOST_TEST(guest.reg(icc::hppir1) == 40);
    guest.set(icc::pmr, 0x88);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(the_lowest_priority_is_never_signalled) {
    GuestGicv3 guest = with_priorities({0xFF});
    guest.raise(40);
    BOOST_TEST(guest.reg(icc::pmr) == 0xF8);
    BOOST_TEST(guest.output() == "");
}

BOOST_AUTO_TEST_CASE(higher_priority_preempts_and_running_priority_follows) {
    GuestGicv3 guest = with_priorities({0x80, 0x78, 0x80});
    guest.raise(40);
    BOOST_TEST(guest.running() == 0xFF);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.running() == 0x80);
    guest.raise(42);
    BOOST_TEST(guest.output() == "");
    guest.raise(41);
    BOOST_TEST(guest.output() == "irq");
    BOOST_TEST(guest.take() == 41);
    BOOST_TEST(guest.running() == 0x78);
    BOOST_TEST(guest.reg(icc::ap1r) == (1U << 16 | 1U << 15));
    guest.lower(41);
    guest.eoi(41);
    BOOST_TEST(guest.running() == 0x80);
    BOOST_TEST(guest.reg(icc::ap1r) == 1U << 16);
    guest.lower(40);
    guest.eoi(40);
    BOOST_TEST(guest.take() == 42);
}

BOOST_AUTO_TEST_CASE(binary_point_1_says_which_bits_preempt) {
    struct Row {
        unsigned binary_point;
        bool preempts;
    };
    // 0x80 runs, 0x70 waits: they differ from bit 4 up, so a split at bit 7 alone tells them apart to the
    // last.
    for (const Row row : {Row{0, true}, Row{3, true}, Row{4, true}, Row{5, true}, Row{7, true}}) {
        GuestGicv3 guest = with_priorities({0x80, 0x70});
        guest.set(icc::bpr1, row.binary_point);
        guest.raise(40);
        BOOST_TEST(guest.take() == 40);
        guest.raise(41);
        BOOST_TEST((guest.output() == "irq") == row.preempts, "binary point " << row.binary_point);
    }
    // 0x60 runs, 0x50 waits: bits 5 and 4.
    for (const Row row : {Row{4, true}, Row{5, true}, Row{6, false}, Row{7, false}}) {
        GuestGicv3 guest = with_priorities({0x60, 0x50});
        guest.set(icc::bpr1, row.binary_point);
        guest.raise(40);
        BOOST_TEST(guest.take() == 40);
        guest.raise(41);
        BOOST_TEST((guest.output() == "irq") == row.preempts, "binary point " << row.binary_point);
    }
}

BOOST_AUTO_TEST_CASE(active_priority_is_the_part_that_preempts) {
    GuestGicv3 guest = with_priorities({0xB8});
    guest.set(icc::bpr1, 6);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.running() == 0x80);
    BOOST_TEST(guest.reg(icc::ap1r) == 1U << 16);
    BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
}

// IHI 0048B.b, 3.3.3: the group priority of what waits against that of the running priority, both as the
// binary point is now.
BOOST_AUTO_TEST_CASE(a_binary_point_that_changes_while_one_runs_splits_the_running_priority_too) {
    struct Row {
        unsigned binary_point;
        bool preempts;
    };
    // 0x48 runs, as the finest split has it; 0x40 waits: they differ in bit 3 alone.
    for (const Row row : {Row{3, true}, Row{4, false}, Row{5, false}, Row{7, false}}) {
        GuestGicv3 guest = with_priorities({0x48, 0x40});
        guest.raise(40);
        BOOST_TEST(guest.take() == 40);
        BOOST_TEST(guest.running() == 0x48);
        guest.set(icc::bpr1, row.binary_point);
        guest.raise(41);
        BOOST_TEST((guest.output() == "irq") == row.preempts, "binary point " << row.binary_point);
        BOOST_TEST((guest.take() == 41) == row.preempts);
        BOOST_TEST(guest.reg(icc::hppir1) == (row.preempts ? 1023U : 41U));
    }
}

// IHI 0069, ICC_BPR0_EL1: with 7 there is no group priority at all.
BOOST_AUTO_TEST_CASE(without_group_priority_bits_one_is_taken_and_none_preempts) {
    GuestGicv3 guest = with_priorities({0x80, 0x00});
    guest.set_group(40, 0);
    guest.set_group(41, 0);
    guest.set(icc::bpr0, 7);
    guest.raise(40);
    BOOST_TEST(guest.take0() == 40);
    guest.raise(41);
    BOOST_TEST(guest.output() == "");
}

BOOST_AUTO_TEST_CASE(group_0_splits_one_bit_higher_than_group_1_for_the_same_binary_point) {
    GuestGicv3 guest = with_priorities({0xB8});
    guest.set_group(40, 0);
    guest.set(icc::bpr0, 4);
    guest.raise(40);
    BOOST_TEST(guest.take0() == 40);
    BOOST_TEST(guest.running() == 0xA0);
}

BOOST_AUTO_TEST_CASE(common_binary_point_makes_group_1_follow_group_0) {
    GuestGicv3 guest = with_priorities({0xB8});
    guest.set(icc::bpr0, 4);
    guest.set(icc::bpr1, 3);
    guest.set(icc::ctlr, 1);
    BOOST_TEST(guest.reg(icc::bpr1) == 5);
    guest.set(icc::bpr1, 7);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    BOOST_TEST(guest.running() == 0xA0);
    guest.set(icc::bpr0, 7);
    BOOST_TEST(guest.reg(icc::bpr1) == 7);
    guest.set(icc::ctlr, 0);
    BOOST_TEST(guest.reg(icc::bpr1) == 3);
}

BOOST_AUTO_TEST_CASE(binary_points_do_not_go_below_their_minimum) {
    GuestGicv3 guest;
    BOOST_TEST(guest.reg(icc::bpr0) == 2);
    BOOST_TEST(guest.reg(icc::bpr1) == 3);
    guest.set(icc::bpr0, 0);
    guest.set(icc::bpr1, 0);
    BOOST_TEST(guest.reg(icc::bpr0) == 2);
    BOOST_TEST(guest.reg(icc::bpr1) == 3);
    guest.set(icc::bpr0, 0xF5);
    BOOST_TEST(guest.reg(icc::bpr0) == 5);
}

BOOST_AUTO_TEST_CASE(active_priorities_written_by_the_guest_count) {
    GuestGicv3 guest = with_priorities({0x80});
    guest.raise(40);
    guest.set(icc::ap0r, 1U << 16);
    BOOST_TEST(guest.running() == 0x80);
    BOOST_TEST(guest.output() == "");
    guest.set(icc::ap0r, 0);
    BOOST_TEST(guest.output() == "irq");
}

BOOST_AUTO_TEST_CASE(eoi_drops_group_1_first_where_both_groups_have_the_level) {
    GuestGicv3 guest;
    guest.set(icc::ap0r, 1U << 16);
    guest.set(icc::ap1r, 1U << 16 | 1U << 20);
    guest.eoi(40);
    BOOST_TEST(guest.reg(icc::ap0r) == 1U << 16);
    BOOST_TEST(guest.reg(icc::ap1r) == 1U << 20);
    guest.eoi(40);
    BOOST_TEST(guest.reg(icc::ap0r) == 0);
    guest.eoi(40);
    BOOST_TEST(guest.reg(icc::ap1r) == 0);
    BOOST_TEST(guest.eoi(40) == "nothing");
}

BOOST_AUTO_TEST_CASE(implementations_have_four_to_eight_priority_bits) {
    struct Row {
        unsigned bits;
        std::uint8_t mask;
        unsigned binary_point0;
        unsigned active_registers;
        std::uint32_t active_mask;
    };
    for (const Row row :
         {Row{4, 0xF0, 3, 1, 0xFFFF}, Row{5, 0xF8, 2, 1, all_ones}, Row{6, 0xFC, 1, 2, all_ones},
          Row{7, 0xFE, 0, 4, all_ones}, Row{8, 0xFF, 0, 4, all_ones}}) {
        BOOST_TEST_CONTEXT(row.bits << " bits") {
            Gicv3Options options;
            options.priority_bits = row.bits;
            GuestGicv3 guest(options);
            BOOST_TEST(guest.reg(icc::pmr) == row.mask);
            BOOST_TEST((guest.reg(icc::ctlr) >> 8 & 7) == row.bits - 1);
            BOOST_TEST(guest.reg(icc::bpr0) == row.binary_point0);
            BOOST_TEST(guest.reg(icc::bpr1) == row.binary_point0 + 1);
            guest.priority(40, 0xFF);
            BOOST_TEST(guest.get(0x400 + 40, 1) == row.mask);
            for (unsigned n = 0; n < 4; ++n) {
                const bool exists = n < row.active_registers;
                BOOST_TEST((guest.set(icc::ap1r + n, all_ones) == (exists ? "nothing" : "undefined")));
                BOOST_TEST(guest.gic.peek_sysreg(0, icc::ap0r + n).has_value() == exists);
                if (exists) BOOST_TEST(guest.reg(icc::ap1r + n) == row.active_mask);
                if (exists) guest.set(icc::ap1r + n, 0);
            }
            // One step apart, as far as preemption goes.
            const unsigned step = 1U << (row.bits == 8 ? 1 : 8 - row.bits);
            guest.priority(40, static_cast<std::uint8_t>(0x80 + step));
            guest.priority(41, 0x80);
            guest.enable(40);
            guest.enable(41);
            guest.raise(40);
            BOOST_TEST(guest.take() == 40);
            BOOST_TEST(guest.running() == 0x80 + step);
            guest.raise(41);
            BOOST_TEST(guest.take() == 41);
            BOOST_TEST(guest.running() == 0x80);
            const unsigned level = 0x80 / step;
            BOOST_TEST(guest.reg(icc::ap1r + level / 32) == (level % 32 == 31 ? 1U << 31 : 3U << level % 32));
            BOOST_TEST(guest.eoi(41) == "eoi of spi 41");
            BOOST_TEST(guest.eoi(40) == "eoi of spi 40");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_lowest_of_256_priorities_does_not_preempt_its_neighbour) {
    Gicv3Options options;
    options.priority_bits = 8;
    GuestGicv3 guest(options);
    guest.priority(40, 0x81);
    guest.priority(41, 0x80);
    guest.enable(40);
    guest.enable(41);
    guest.raise(40);
    BOOST_TEST(guest.take() == 40);
    guest.raise(41);
    BOOST_TEST(guest.output() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
