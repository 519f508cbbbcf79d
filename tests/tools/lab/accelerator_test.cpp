#include "tools/lab/accelerator.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/program.hpp"

using namespace irqbench::tools::lab;

namespace {

/// The file system of a host.
struct Root : irqbench::tests::FakeHost {
    Root() { file("dev/kvm", ""); }

    void check_refused(const std::string& reason, Arch arch = host_arch()) const {
        const std::string message = "--accel kvm needs nested virtualisation, and " + reason;
        BOOST_CHECK_EXCEPTION(check_kvm_nests(arch, folder()), Unavailable,
                              [&message](const Unavailable& error) {
                                  BOOST_TEST_MESSAGE(error.what());
                                  return std::string(error.what()).find(message) == 0;
                              });
    }
};

boost::test_tools::assertion_result is_x86(boost::unit_test::test_unit_id) {
    return host_arch() == Arch::x86_64;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(accelerator, Root)

BOOST_AUTO_TEST_CASE(without_kvm_nothing_nests) {
    std::filesystem::remove(folder() / "dev/kvm");
    check_refused((folder() / "dev/kvm").string() + ": No such file or directory; --accel tcg needs none");
}

BOOST_AUTO_TEST_CASE(machines_of_another_architecture_do_not_nest) {
    const Arch other = host_arch() == Arch::x86_64 ? Arch::arm64 : Arch::x86_64;
    check_refused("machines of " + std::string(word(other)) + " are no guests of this host's KVM", other);
}

BOOST_AUTO_TEST_CASE(the_parameter_of_the_module_decides, *boost::unit_test::precondition(is_x86)) {
    file("sys/module/kvm_amd/parameters/nested", "1\n");
    BOOST_CHECK_NO_THROW(check_kvm_nests(Arch::x86_64, folder()));
    file("sys/module/kvm_amd/parameters/nested", "0\n");
    check_refused("kvm_amd has it switched off: `modprobe -r kvm_amd && modprobe kvm_amd nested=1`");
    file("sys/module/kvm_intel/parameters/nested", "Y\n");
    BOOST_CHECK_NO_THROW(check_kvm_nests(Arch::x86_64, folder()));
    file("sys/module/kvm_intel/parameters/nested", "N\n");
    check_refused("kvm_intel has it switched off");
}

BOOST_AUTO_TEST_CASE(another_kind_of_kvm_is_told, *boost::unit_test::precondition(is_x86)) {
    check_refused("the host's KVM is neither kvm_intel nor kvm_amd");
}

BOOST_AUTO_TEST_SUITE_END()
