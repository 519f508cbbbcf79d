#include "tools/lab/own_kernel.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"

using namespace irqbench::tools::lab;
using namespace irqbench::tests;

namespace {

struct Build : FakeHost {
    Build() { file("bzImage", fake_bzimage("6.1.0-own")); }

    Kernel own(const std::string& modules) const {
        return own_kernel(folder() / "bzImage",
                          modules.empty() ? std::filesystem::path() : folder() / modules);
    }
    void check_refused(const std::string& modules, const std::string& reason) const {
        BOOST_CHECK_EXCEPTION(own(modules), Unavailable, [&reason](const Unavailable& error) {
            BOOST_TEST_MESSAGE(error.what());
            return std::string(error.what()).find(reason) != std::string::npos;
        });
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(own_kernel_, Build)

BOOST_AUTO_TEST_CASE(an_image_without_modules_has_what_its_header_tells) {
    const Kernel kernel = own("");
    BOOST_TEST(kernel.name == (folder() / "bzImage").string());
    BOOST_TEST((kernel.arch == Arch::x86_64));
    BOOST_TEST(kernel.release == "6.1.0-own");
    BOOST_TEST(kernel.image == folder() / "bzImage");
    BOOST_TEST(kernel.modules == "");
}

BOOST_AUTO_TEST_CASE(modules_are_found_from_their_folder_and_from_those_above) {
    file("root/lib/modules/6.1.0-own/modules.dep", "");
    file("root/lib/modules/6.0.0/modules.dep", "");
    for (const char* named : {"root/lib/modules/6.1.0-own", "root/lib/modules", "root"})
        BOOST_TEST(own(named).modules == std::filesystem::canonical(folder() / "root/lib/modules/6.1.0-own"));
}

BOOST_AUTO_TEST_CASE(a_merged_usr_is_no_second_set_of_modules) {
    file("root/usr/lib/modules/6.1.0-own/modules.dep", "");
    std::filesystem::create_directory_symlink("usr/lib", folder() / "root/lib");
    file("bzImage", fake_bzimage(""));
    BOOST_TEST(own("root").modules.filename() == "6.1.0-own");
}

BOOST_AUTO_TEST_CASE(modules_of_another_release_are_refused) {
    file("root/lib/modules/6.0.0/modules.dep", "");
    check_refused("root",
                  "has no modules of 6.1.0-own, but of 6.0.0: `make modules_install INSTALL_MOD_PATH=");
}

BOOST_AUTO_TEST_CASE(several_releases_are_refused_when_the_image_does_not_say_its_own) {
    file("bzImage", fake_bzimage(""));
    file("root/lib/modules/6.0.0/modules.dep", "");
    file("root/lib/modules/6.1.0/modules.dep", "");
    check_refused("root", "modules of several releases, 6.0.0, 6.1.0");
}

BOOST_AUTO_TEST_CASE(modules_without_modules_dep_are_refused_with_what_makes_one) {
    file("root/lib/modules/6.1.0-own/modules.order", "");
    const std::string command =
        "run `depmod -b " + std::filesystem::canonical(folder() / "root").string() + " 6.1.0-own`";
    check_refused("root", command);
    check_refused("root/lib/modules/6.1.0-own", command);
}

BOOST_AUTO_TEST_CASE(a_folder_without_modules_is_refused) {
    file("root/file", "");
    check_refused("root", "has no modules of 6.1.0-own: ");
    check_refused("none", "is no folder of modules");
}

BOOST_AUTO_TEST_CASE(an_image_for_another_architecture_is_refused) {
    file("Image", fake_arm64_image("6.1.0"));
    BOOST_TEST((own_kernel(folder() / "Image", {}, Arch::arm64).arch == Arch::arm64));
    BOOST_CHECK_EXCEPTION(
        own_kernel(folder() / "Image", {}, Arch::x86_64), Unavailable, [](const Unavailable& error) {
            return std::string(error.what()).find("is a kernel for arm64") != std::string::npos;
        });
}

BOOST_AUTO_TEST_SUITE_END()
