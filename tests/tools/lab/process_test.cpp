#include "tools/lab/process.hpp"

#include <fcntl.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <system_error>
#include <thread>

using namespace irqbench::tools::lab;

namespace {

const std::atomic<bool> never{false};

Output shell(const std::string& script, const std::vector<std::string>& environment = {}) {
    return run_program({{"sh", "-c", script}, environment, {}}, never);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(process)

BOOST_AUTO_TEST_CASE(both_streams_and_the_status_come_back) {
    const Output output = shell("echo out; echo err >&2; exit 3");
    BOOST_TEST(output.out == "out\n");
    BOOST_TEST(output.err == "err\n");
    BOOST_TEST(output.status == 3);
}

BOOST_AUTO_TEST_CASE(more_than_a_pipe_holds_comes_back) {
    BOOST_TEST(shell("head -c 1000000 /dev/zero | tr '\\0' x").out.size() == 1'000'000U);
}

BOOST_AUTO_TEST_CASE(its_input_is_empty) { BOOST_TEST(shell("cat; echo end").out == "end\n"); }

BOOST_AUTO_TEST_CASE(variables_are_added_and_replaced) {
    ::setenv("IRQBENCH_TEST_VARIABLE", "before", 1);
    BOOST_TEST(shell("echo $IRQBENCH_TEST_VARIABLE").out == "before\n");
    BOOST_TEST(shell("echo $IRQBENCH_TEST_VARIABLE", {"IRQBENCH_TEST_VARIABLE=after"}).out == "after\n");
    ::unsetenv("IRQBENCH_TEST_VARIABLE");
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_an_error_with_its_name) {
    try {
        run_program({{"/no/such/program"}, {}, {}}, never);
        BOOST_FAIL("it was started");
    } catch (const std::system_error& error) {
        BOOST_TEST(error.code().value() == ENOENT);
        BOOST_TEST(std::string(error.what()).find("/no/such/program") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_signal_that_ends_it_is_a_status_of_its_own) {
    BOOST_TEST(shell("kill -9 $$").status == 128 + SIGKILL);
}

BOOST_AUTO_TEST_CASE(an_interrupt_kills_it_and_what_it_started) {
    const std::atomic<bool> now{true};
    const Output output = run_program({{"sh", "-c", "sleep 1000 & wait"}, {}, {}}, now);
    BOOST_TEST(output.status == 128 + SIGKILL);
}

BOOST_AUTO_TEST_CASE(it_is_killed_with_its_owner) {
    pid_t pid = 0;
    {
        Process process({{"sh", "-c", "echo $$; exec sleep 1000"}, {}, {}});
        std::string text;
        while (text.find('\n') == std::string::npos) {
            char c = 0;
            if (::read(process.out().get(), &c, 1) == 1) text += c;
        }
        pid = std::stoi(text);
        BOOST_TEST(::kill(pid, 0) == 0);
    }
    BOOST_TEST(::kill(pid, 0) != 0);
}

BOOST_AUTO_TEST_CASE(writing_to_one_that_has_ended_is_no_signal) {
    Process process({{"true"}, {}, {}});
    process.wait();
    BOOST_TEST(!process.write("text"));
}

BOOST_AUTO_TEST_CASE(a_command_is_shown_as_a_shell_takes_it) {
    BOOST_TEST(shell_text({{"qemu", "-append", "a b", "", "it's"}, {"A=1"}, {}}) ==
               "A=1 qemu -append 'a b' '' 'it'\\''s'");
}

BOOST_AUTO_TEST_SUITE_END()
