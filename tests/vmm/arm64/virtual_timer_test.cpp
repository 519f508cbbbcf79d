#include "vmm/arm64/virtual_timer.hpp"

#include <boost/test/unit_test.hpp>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"

using irqbench::irqchip::arm64::sysreg;
using irqbench::vmm::arm64::VirtualTimer;

namespace {

constexpr std::uint32_t cntfrq = sysreg(3, 3, 14, 0, 0), cntvct = sysreg(3, 3, 14, 0, 2),
                        cntv_tval = sysreg(3, 3, 14, 3, 0), cntv_ctl = sysreg(3, 3, 14, 3, 1),
                        cntv_cval = sysreg(3, 3, 14, 3, 2), icc_pmr = sysreg(3, 0, 4, 6, 0);

}  // namespace

BOOST_AUTO_TEST_SUITE(virtual_timer)

BOOST_AUTO_TEST_CASE(it_rises_at_the_compare_value_and_stays_high) {
    VirtualTimer timer;
    BOOST_TEST(timer.write(cntv_cval, 1000, 0));
    BOOST_TEST(!timer.rises(0).has_value());
    BOOST_TEST(timer.write(cntv_ctl, 1, 0));
    BOOST_TEST(timer.rises(999).value() == 1000U);
    BOOST_TEST(!timer.level(999));
    BOOST_TEST(timer.level(1000));
    BOOST_TEST(timer.level(5000));
    BOOST_TEST(!timer.rises(1000).has_value());
    BOOST_TEST(timer.read(cntv_ctl, 999).value() == 1U);
    BOOST_TEST(timer.read(cntv_ctl, 1000).value() == 5U);
}

BOOST_AUTO_TEST_CASE(imask_hides_the_condition_from_the_line_alone) {
    VirtualTimer timer;
    timer.write(cntv_ctl, 3, 10);
    BOOST_TEST(!timer.level(10));
    BOOST_TEST(timer.read(cntv_ctl, 10).value() == 7U);
    timer.write(cntv_ctl, 2, 10);
    BOOST_TEST(timer.read(cntv_ctl, 10).value() == 2U);
}

BOOST_AUTO_TEST_CASE(tval_counts_down_from_now_and_may_be_negative) {
    VirtualTimer timer;
    timer.write(cntv_ctl, 1, 0);
    timer.write(cntv_tval, 50, 100);
    BOOST_TEST(timer.read(cntv_cval, 100).value() == 150U);
    BOOST_TEST(timer.read(cntv_tval, 140).value() == 10U);
    BOOST_TEST(timer.read(cntv_tval, 151).value() == 0xFFFF'FFFFU);
    timer.write(cntv_tval, 0xFFFF'FFFF, 100);
    BOOST_TEST(timer.read(cntv_cval, 100).value() == 99U);
    BOOST_TEST(timer.level(100));
}

BOOST_AUTO_TEST_CASE(it_has_five_registers_of_which_the_counter_cannot_be_written) {
    VirtualTimer timer;
    BOOST_TEST(timer.read(cntfrq, 7).value() == VirtualTimer::frequency_hz);
    BOOST_TEST(timer.read(cntvct, 7).value() == 7U);
    BOOST_TEST(!timer.read(icc_pmr, 7).has_value());
    for (const std::uint32_t fixed : {cntfrq, cntvct, icc_pmr}) BOOST_TEST(!timer.write(fixed, 1, 7));
}

BOOST_AUTO_TEST_SUITE_END()
