#pragma once

#include <boost/test/unit_test.hpp>
#include <iostream>
#include <optional>
#include <string>

#include "vmm/kvm/system.hpp"

namespace irqbench {

/// Precondition of suites that need /dev/kvm: skips them, and prints the reason.
///     BOOST_AUTO_TEST_SUITE(name, *boost::unit_test::precondition(needs_kvm))
inline boost::test_tools::assertion_result needs_kvm(boost::unit_test::test_unit_id) {
    static const std::optional<std::string> reason = vmm::kvm::System::unavailable();
    if (reason) std::cout << "skipped: " << *reason << '\n';
    return !reason;
}

}  // namespace irqbench
