#include "vmm/kernel_version.hpp"

#include <boost/test/unit_test.hpp>

using namespace irqbench::vmm;

BOOST_AUTO_TEST_SUITE(kernel_version)

BOOST_AUTO_TEST_CASE(numbers_are_read_up_to_what_is_none) {
    BOOST_TEST((parse_kernel_version("6.1.176") == KernelVersion{6, 1, 176}));
    BOOST_TEST((parse_kernel_version("6.13") == KernelVersion{6, 13, 0}));
    BOOST_TEST((parse_kernel_version("6.13-rc3") == KernelVersion{6, 13, 0}));
    BOOST_TEST((parse_kernel_version("7.2.13+deb14-cloud-amd64") == KernelVersion{7, 2, 13}));
    BOOST_TEST((parse_kernel_version("6.12.3.4") == KernelVersion{6, 12, 3}));
    BOOST_TEST((parse_kernel_version("next") == KernelVersion{}));
    BOOST_TEST((parse_kernel_version("") == KernelVersion{}));
}

BOOST_AUTO_TEST_CASE(they_are_ordered_by_number_not_by_letter) {
    BOOST_TEST((parse_kernel_version("6.9") < parse_kernel_version("6.10")));
    BOOST_TEST((parse_kernel_version("6.12.95") < parse_kernel_version("7.2")));
    BOOST_TEST((parse_kernel_version("6.1.9") < parse_kernel_version("6.1.10")));
}

BOOST_AUTO_TEST_CASE(the_stable_release_of_a_debian_kernel_is_in_its_version) {
    const auto running = running_kernel_version;
    BOOST_TEST((running("6.1.0-50-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-09-01)") ==
                KernelVersion{6, 1, 176}));
    BOOST_TEST((running("6.12.95+bpo-cloud-amd64", "#1 SMP Debian 6.12.95-1~bpo12+1 (2026-09-01)") ==
                KernelVersion{6, 12, 95}));
    BOOST_TEST((running("6.18.44", "#1 SMP PREEMPT_DYNAMIC @0") == KernelVersion{6, 18, 44}));
}

BOOST_AUTO_TEST_CASE(a_version_of_another_series_is_not_believed) {
    BOOST_TEST(
        (running_kernel_version("6.14.3-mine", "#1 SMP built on Debian 12") == KernelVersion{6, 14, 3}));
}

BOOST_AUTO_TEST_SUITE_END()
