#include "tools/lab/modules.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/payload.hpp"

using namespace irqbench::tools::lab;

namespace {

/// A folder of modules with KVM for both kinds of CPU.
struct Modules : irqbench::tests::FakeHost {
    Modules() {
        for (const char* module : {"kvm/kvm", "kvm/kvm-amd", "kvm/kvm-intel", "lib/irqbypass", "crypto/ccp"})
            file(std::string("modules/kernel/") + module + ".ko.xz", module);
        file("modules/modules.dep",
             "kernel/kvm/kvm.ko.xz: kernel/lib/irqbypass.ko.xz\n"
             "kernel/kvm/kvm-amd.ko.xz: kernel/kvm/kvm.ko.xz kernel/lib/irqbypass.ko.xz "
             "kernel/crypto/ccp.ko.xz\n"
             "kernel/kvm/kvm-intel.ko.xz: kernel/kvm/kvm.ko.xz kernel/lib/irqbypass.ko.xz\n"
             "kernel/lib/irqbypass.ko.xz:\n"
             "kernel/crypto/ccp.ko.xz:\n");
        file("modules/modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n");
    }

    ModuleSet find(const std::vector<std::string>& wanted) const {
        return find_modules(folder() / "modules", wanted);
    }
    [[nodiscard]] std::string order(const std::vector<std::string>& wanted) const {
        std::string names;
        for (const auto& file : find(wanted).files) names += module_name(file) + " ";
        return names;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(modules, Modules)

BOOST_AUTO_TEST_CASE(a_module_comes_behind_all_it_needs) {
    BOOST_TEST(order({"kvm_amd"}) == "irqbypass kvm ccp kvm_amd ");
}

BOOST_AUTO_TEST_CASE(what_two_modules_need_comes_once) {
    BOOST_TEST(order({"kvm_intel", "kvm_amd"}) == "irqbypass kvm kvm_intel ccp kvm_amd ");
    BOOST_TEST(order({"kvm", "kvm"}) == "irqbypass kvm ");
}

BOOST_AUTO_TEST_CASE(hyphen_and_underscore_are_the_same_in_names) {
    BOOST_TEST(order({"kvm-amd"}) == order({"kvm_amd"}));
    BOOST_TEST((find({"virtio-pci"}).built_in == std::vector<std::string>{"virtio-pci"}));
}

BOOST_AUTO_TEST_CASE(files_are_found_where_they_are) {
    const auto set = find({"irqbypass"});
    BOOST_REQUIRE(set.files.size() == 1U);
    BOOST_TEST(set.files[0] == folder() / "modules/kernel/lib/irqbypass.ko.xz");
}

BOOST_AUTO_TEST_CASE(what_is_built_in_is_told_from_what_is_missing) {
    const auto set = find({"virtio_pci", "kvm_arm"});
    BOOST_TEST(set.files.empty());
    BOOST_TEST((set.built_in == std::vector<std::string>{"virtio_pci"}));
    BOOST_TEST((set.missing == std::vector<std::string>{"kvm_arm"}));
}

BOOST_AUTO_TEST_CASE(without_a_folder_everything_is_missing) {
    const auto set = find_modules({}, std::vector<std::string>{"kvm"});
    BOOST_TEST((set.missing == std::vector<std::string>{"kvm"}));
}

BOOST_AUTO_TEST_CASE(modules_that_need_each_other_end) {
    file("modules/modules.dep",
         "kernel/kvm/kvm.ko.xz: kernel/lib/irqbypass.ko.xz\n"
         "kernel/lib/irqbypass.ko.xz: kernel/kvm/kvm.ko.xz\n");
    BOOST_TEST(order({"kvm"}) == "irqbypass kvm ");
}

BOOST_AUTO_TEST_CASE(a_module_says_what_it_is_built_for) {
    using namespace std::string_literals;
    BOOST_TEST(module_release("ELF\0license=GPL\0vermagic=6.1.0-own SMP mod_unload \0name=kvm\0"s) ==
               "6.1.0-own");
    BOOST_TEST(module_release("\0vermagic=6.1.0\0"s) == "6.1.0");
    BOOST_TEST(module_release("\0vermagic="s) == "");
    BOOST_TEST(module_release("no vermagic=6.1.0 "s) == "");
}

BOOST_AUTO_TEST_CASE(a_module_of_another_release_is_told_as_that) {
    BOOST_TEST(module_complaint("kvm.ko", "Exec format error", "6.1.0") ==
               "kvm.ko: Exec format error, it is built for another kernel than Linux 6.1.0");
    BOOST_TEST(module_complaint("kvm.ko", "Exec format error", "") ==
               "kvm.ko: Exec format error, it is built for another kernel than this one");
    BOOST_TEST(module_complaint("kvm.ko", "Invalid argument", "6.1.0") == "kvm.ko: Invalid argument");
}

BOOST_AUTO_TEST_CASE(modules_of_another_release_than_the_image_are_not_booted) {
    const Kernel kernel{"bzImage", Arch::x86_64, "6.1.0-own", "", folder() / "bzImage", folder() / "modules"};
    const std::string begin("text\0vermagic=", 14);
    for (const char* module : {"kvm/kvm", "kvm/kvm-amd", "kvm/kvm-intel", "lib/irqbypass", "crypto/ccp"})
        file(std::string("modules/kernel/") + module + ".ko.xz", begin + "6.1.0-own SMP ");
    Initramfs initramfs;
    BOOST_TEST(add_kernel_modules(initramfs, kernel));
    file("modules/kernel/kvm/kvm.ko.xz", begin + "6.0.0 SMP ");
    BOOST_CHECK_EXCEPTION(add_kernel_modules(initramfs, kernel), std::runtime_error,
                          [](const std::exception& error) {
                              BOOST_TEST_MESSAGE(error.what());
                              return std::string(error.what())
                                         .find(
                                             "kvm.ko.xz is built for Linux 6.0.0, and the kernel is Linux "
                                             "6.1.0-own") != std::string::npos;
                          });
}

BOOST_AUTO_TEST_CASE(a_listed_file_that_is_not_there_is_an_error) {
    std::filesystem::remove(folder() / "modules/kernel/lib/irqbypass.ko.xz");
    BOOST_CHECK_EXCEPTION(find({"kvm"}), std::runtime_error, [](const std::exception& error) {
        return std::string(error.what())
                   .find("irqbypass.ko.xz is listed in modules.dep and does not exist") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(a_folder_without_modules_dep_is_an_error) {
    std::filesystem::remove(folder() / "modules/modules.dep");
    BOOST_CHECK_THROW(find({"kvm"}), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
