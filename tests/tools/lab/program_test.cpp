#include "tools/lab/program.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <iterator>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/machine.hpp"

namespace irqbench::tools::lab {

using tests::FakeHost;

BOOST_AUTO_TEST_SUITE(lab_program)

BOOST_AUTO_TEST_CASE(that_of_another_architecture_is_where_the_build_leaves_it) {
    const FakeHost host;
    const auto own = host.file("build/release/irqbench", "");
    BOOST_TEST(program_beside(own, Arch::arm64) == "");
    const auto installed = host.file("build/release/irqbench-arm64", "");
    BOOST_TEST(program_beside(own, Arch::arm64) == installed);
    BOOST_TEST(program_beside(own, Arch::x86_64) == "");
    const auto built = host.file("build/arm64/irqbench", "");
    BOOST_TEST(program_beside(own, Arch::arm64) == built);
}

BOOST_AUTO_TEST_CASE(a_folder_of_its_name_is_no_program) {
    const FakeHost host;
    static_cast<void>(host.file("build/arm64/irqbench/file", ""));
    BOOST_TEST(program_beside(host.folder() / "build/release/irqbench", Arch::arm64) == "");
}

BOOST_AUTO_TEST_CASE(an_arm64_machine_has_the_gic_that_is_asked_for) {
    MachineSetup setup;
    setup.arch = Arch::arm64;
    const auto machine_of = [&setup] {
        const Command command = qemu_command({}, {}, setup, "initrd", "console");
        const auto at = std::find(command.arguments.begin(), command.arguments.end(), "-machine");
        return at == command.arguments.end() ? std::string() : *std::next(at);
    };
    BOOST_TEST(machine_of() == "virt,virtualization=on,gic-version=3");
    setup.gic = "v2";
    BOOST_TEST(machine_of() == "virt,virtualization=on,gic-version=2");
    setup.arch = Arch::x86_64;
    BOOST_TEST(machine_of() == "q35");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tools::lab
