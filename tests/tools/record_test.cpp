#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>
#include <system_error>

#include "tests/tools/cli_fixture.hpp"
#include "tools/record/line_filter.hpp"
#include "tools/record/recorded_command.hpp"
#include "vmm/trace_instance.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using tools::tracing::LineFilter;
using tools::tracing::RecordedCommand;

namespace {

const std::string entry_of_7 =
    "           CPU 0/KVM-7       [001] d..1.    12.000001: kvm_entry: vcpu 0, rip 0x1000\n";
const std::string entry_of_8 =
    "           CPU 0/KVM-8       [000] d..1.    12.000002: kvm_entry: vcpu 0, rip 0x1000\n";

bool is_7(std::uint32_t thread) { return thread == 7; }

}  // namespace

BOOST_AUTO_TEST_SUITE(record)

BOOST_AUTO_TEST_CASE(a_command_is_called_as_its_program_whoever_loads_it) {
    using tools::tracing::command_name;
    BOOST_TEST(command_name({"/usr/bin/qemu", "-m", "64"}) == "qemu");
    BOOST_TEST(command_name({"/a/lib/ld-linux-x86-64.so.2", "--library-path", "/a/lib", "--inhibit-cache",
                             "/a/bin/qemu", "-m"}) == "qemu");
    BOOST_TEST(command_name({"ld.so", "--list"}) == "ld.so");
}

BOOST_AUTO_TEST_CASE(lines_of_other_threads_are_left_out) {
    LineFilter filter(is_7);
    BOOST_TEST(filter.add(entry_of_8 + entry_of_7 + entry_of_8) == entry_of_7);
    BOOST_TEST(filter.kept() == 1U);
}

BOOST_AUTO_TEST_CASE(a_line_may_come_in_pieces) {
    for (std::size_t cut = 0; cut <= entry_of_7.size(); ++cut) {
        LineFilter filter(is_7);
        const std::string first = filter.add(entry_of_7.substr(0, cut));
        BOOST_TEST(first + filter.add(entry_of_7.substr(cut) + entry_of_8) == entry_of_7, cut);
    }
}

BOOST_AUTO_TEST_CASE(a_line_without_its_end_is_not_handed_over) {
    LineFilter filter(is_7);
    BOOST_TEST(filter.add(entry_of_7 + entry_of_7.substr(0, 60)) == entry_of_7);
    BOOST_TEST(filter.kept() == 1U);
}

BOOST_AUTO_TEST_CASE(where_events_were_lost_stays_in_the_text) {
    LineFilter filter(is_7);
    const std::string lost = "CPU:1 [LOST 123 EVENTS]\n";
    BOOST_TEST(filter.add(lost + entry_of_8 + lost) == lost + lost);
    BOOST_TEST(filter.lost() == 246U);
    BOOST_TEST(filter.kept() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_no_event_is_left_out) {
    LineFilter filter([](std::uint32_t) { return true; });
    BOOST_TEST(filter.add("# tracer: nop\n\nnonsense \xff\n") == "");
}

BOOST_AUTO_TEST_CASE(threads_of_the_process_and_of_the_kernel_are_traced) {
    vmm::TracedThreads threads(std::to_string(::getpid()));
    BOOST_TEST(threads.has(0));
    BOOST_TEST(threads.has(static_cast<std::uint32_t>(::gettid())));
    BOOST_TEST(threads.has(0x7fffffff));  // there is none any more
    BOOST_TEST(!threads.has(static_cast<std::uint32_t>(::getppid())));
}

BOOST_AUTO_TEST_CASE(threads_of_what_the_process_has_started_are_traced) {
    const RecordedCommand command({"sh", "-c", "exit 0"}, false);
    const auto child = static_cast<std::uint32_t>(command.process());
    vmm::TracedThreads of_ours(std::to_string(::getpid()));
    BOOST_TEST(of_ours.has(child));
    vmm::TracedThreads of_the_child(std::to_string(child));
    BOOST_TEST(of_the_child.has(child));
    BOOST_TEST(!of_the_child.has(static_cast<std::uint32_t>(::getpid())));
}

BOOST_FIXTURE_TEST_CASE(a_command_waits_until_it_is_told_to_begin, Cli) {
    const std::string witness = folder() + "/started";
    const std::string control = folder() + "/control";
    {
        const RecordedCommand never({"touch", witness}, false);
        // Another has the time that it would have needed.
        RecordedCommand command({"touch", control}, false);
        command.begin();
        command.wait();
        BOOST_TEST(command.complaint() == "");
    }
    BOOST_TEST(::access(control.c_str(), F_OK) == 0);
    BOOST_TEST(::access(witness.c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(a_command_that_is_not_there_is_refused_with_the_reason) {
    RecordedCommand command({"/nonexistent/vmm"}, false);
    BOOST_CHECK_EXCEPTION(command.begin(), std::system_error, [](const std::system_error& error) {
        return error.code().value() == ENOENT && std::string(error.what()).starts_with("/nonexistent/vmm: ");
    });
}

BOOST_AUTO_TEST_CASE(a_command_that_does_not_want_to_end_is_ended) {
    RecordedCommand asked({"sleep", "1000"}, false);
    asked.begin();
    BOOST_TEST(!asked.has_ended());
    asked.end();
    BOOST_TEST(asked.complaint() == "sleep was ended by signal 15");
    RecordedCommand failing({"sh", "-c", "exit 7"}, false);
    failing.begin();
    failing.wait();
    BOOST_TEST(failing.complaint() == "sh ended with 7");
}

BOOST_FIXTURE_TEST_CASE(it_wants_a_process_or_a_command, Cli) {
    BOOST_TEST(run({"record"}) == 2);
    BOOST_TEST(err.find("either --pid or the COMMAND") != std::string::npos, err);
    BOOST_TEST(run({"record", "--pid", "1", "--", "true"}) == 2);
    BOOST_TEST(run({"record", "--pid", "2147483646"}) == 2);
    BOOST_TEST(err.find("there is no process 2147483646") != std::string::npos, err);
    BOOST_TEST(run({"record", "--pid", "-1"}) == 2);
    BOOST_TEST(run({"record", "--size", "0", "--", "true"}) == 2);
}

BOOST_FIXTURE_TEST_CASE(what_could_not_be_kept_is_not_recorded, Cli) {
    const std::string witness = folder() + "/started";
    for (const std::string option : {"--output", "--trace"}) {
        for (const std::string& place : {folder() + "/none/a.json", folder()}) {
            BOOST_TEST(run({"record", option, place, "--", "touch", witness}) == 3);
            BOOST_TEST(err.find("cannot write " + place) != std::string::npos, err);
        }
    }
    BOOST_TEST(::access(witness.c_str(), F_OK) != 0);
}

BOOST_FIXTURE_TEST_CASE(without_tracefs_it_says_so_and_starts_nothing, Cli) {
    if (vmm::TraceInstance::unavailable().empty()) {
        BOOST_TEST_MESSAGE("tracefs is here");
        return;
    }
    const std::string witness = folder() + "/started";
    BOOST_TEST(run({"record", "--", "touch", witness}) == 3);
    BOOST_TEST(err.find("tracefs") != std::string::npos, err);
    BOOST_TEST(::access(witness.c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
