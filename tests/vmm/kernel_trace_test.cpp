#include "vmm/kernel_trace.hpp"

#include <boost/test/unit_test.hpp>
#include <system_error>

namespace irqbench::vmm {

BOOST_AUTO_TEST_SUITE(kernel_trace)

BOOST_AUTO_TEST_CASE(it_can_be_made_exactly_where_it_is_available) {
    const std::string reason = KernelTrace::unavailable();
    if (!reason.empty()) {
        BOOST_TEST_MESSAGE("no kernel events here: " + reason);
        BOOST_CHECK_THROW(KernelTrace(), std::system_error);
        return;
    }
    const auto one = KernelTrace::shared();
    BOOST_TEST(one == KernelTrace::shared());
    BOOST_TEST(one->events().fields.contains("kvm_userspace_exit"));
    one->start();
    BOOST_TEST(one->take().lost == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm
