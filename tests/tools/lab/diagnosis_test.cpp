#include "tools/lab/diagnosis.hpp"

#include <boost/test/unit_test.hpp>

using namespace irqbench::tools::lab;
using Why = BootEnd::Why;

namespace {

BootEnd ended(Why why) {
    BootEnd end;
    end.why = why;
    end.waited = std::chrono::seconds(60);
    return end;
}

BootEnd ended_after_boot(Why why) {
    BootEnd end = ended(why);
    end.up = said::Up{"6.1.0-50-cloud-amd64", "#1"};
    end.kvm = said::Kvm{};
    return end;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnosis)

BOOST_AUTO_TEST_CASE(a_program_that_ended_is_no_trouble) {
    BootEnd end = ended_after_boot(Why::off);
    end.exit = said::Exit{1, 0};
    BOOST_TEST(!diagnose(end).has_value());
}

BOOST_AUTO_TEST_CASE(a_program_that_was_killed_is_named_with_what_it_was_at) {
    BootEnd end = ended_after_boot(Why::off);
    end.exit = said::Exit{0, 11};
    end.running = "split x86/a.json";
    BOOST_TEST(diagnose(end).value() == "irqbench was killed by signal 11 inside during split x86/a.json");
}

BOOST_AUTO_TEST_CASE(a_program_that_cannot_be_started_is_no_result) {
    BootEnd end = ended_after_boot(Why::off);
    end.exit = said::Exit{127, 0};
    BOOST_TEST(diagnose(end).value() == "irqbench could not be started inside");
}

BOOST_AUTO_TEST_CASE(a_panic_is_quoted) {
    BootEnd end = ended_after_boot(Why::gone);
    end.console = "[    3.1] Kernel panic - not syncing: Fatal exception in interrupt\n[    3.2] ---[ end";
    end.running = "kernel x86/b.json";
    BOOST_TEST(diagnose(end).value() ==
               "kernel panic during kernel x86/b.json: Fatal exception in interrupt");
    end.up.reset();
    end.kvm.reset();
    BOOST_TEST(diagnose(end).value() == "kernel panic while it booted: Fatal exception in interrupt");
}

BOOST_AUTO_TEST_CASE(a_kernel_without_kvm_is_told_how_to_get_it) {
    BootEnd end = ended_after_boot(Why::off);
    end.kvm = said::Kvm{"No such file or directory"};
    BOOST_TEST(diagnose(end).value() ==
               "no KVM inside: /dev/kvm: No such file or directory; no modules were given: build it with "
               "CONFIG_KVM=y and CONFIG_KVM_AMD=y, or name the folder of its modules with --modules");
    end.has_modules = true;
    end.modules.push_back({"/lab/kvm-amd.ko", "Exec format error"});
    BOOST_TEST(
        diagnose(end).value() ==
        "no KVM inside: /dev/kvm: No such file or directory; /lab/kvm-amd.ko: Exec format error, it is "
        "built for another kernel than Linux 6.1.0-50-cloud-amd64");
}

BOOST_AUTO_TEST_CASE(a_hang_is_told_with_how_long_was_waited) {
    BootEnd end = ended_after_boot(Why::silent);
    end.running = "split x86/c.json";
    BOOST_TEST(diagnose(end).value() == "it hung during split x86/c.json: nothing came for 60 s");
}

BOOST_AUTO_TEST_CASE(a_boot_that_takes_too_long_says_how_far_it_came) {
    BootEnd end = ended(Why::slow);
    BOOST_TEST(
        diagnose(end).value() ==
        "it did not boot within 60 s: it printed nothing at all: is it a kernel for this architecture, "
        "with a serial console?");
    end.console = "[    0.0] Linux version 6.1\n";
    BOOST_TEST(diagnose(end).value() ==
               "it did not boot within 60 s: it did not get as far as starting process 1");
    end.up = said::Up{"6.1", "#1"};
    BOOST_TEST(diagnose(end).value() == "it did not boot within 60 s: process 1 hangs");
}

BOOST_AUTO_TEST_CASE(complaints_of_qemu_are_passed_on) {
    BootEnd end = ended(Why::gone);
    end.qemu_status = 1;
    end.complaints = "qemu: linux kernel too old to load a ram disk\n";
    BOOST_TEST(diagnose(end).value() ==
               "QEMU ended with status 1: QEMU: qemu: linux kernel too old to load a ram disk");
}

BOOST_AUTO_TEST_CASE(a_machine_that_just_goes_is_no_success) {
    BOOST_TEST(diagnose(ended_after_boot(Why::gone)).value() ==
               "the machine ended too early (QEMU's status 0)");
}

BOOST_AUTO_TEST_CASE(last_lines_are_the_last) {
    BOOST_TEST(last_lines("a\nb\nc\n", 2, "> ") == "> b\n> c\n");
    BOOST_TEST(last_lines("a\nb\nc", 3, "") == "a\nb\nc\n");
    BOOST_TEST(last_lines("a", 5, "> ") == "> a\n");
    BOOST_TEST(last_lines("\n \n", 5, "> ") == "");
}

BOOST_AUTO_TEST_SUITE_END()
