#include "tests/tools/process.hpp"

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/needs_kvm.hpp"
#include "tests/scenarios/schema_validator.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/report/records.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

/// The undefined behaviour sanitizer opens a pipe to look at an object, and calls it invalid when it cannot.
boost::test_tools::assertion_result without_sanitizers(boost::unit_test::test_unit_id) {
#ifdef __SANITIZE_ADDRESS__
    std::cout << "skipped: a sanitizer needs file descriptors of its own\n";
    return false;
#else
    return true;
#endif
}

/// A folder with a scenario that passes on any host, and the command on it.
struct Command : Cli {
    Command() { file("good.json", scenario_text("good", passing_steps)); }

    /// The command with more runs to do than it will ever get to.
    [[nodiscard]] std::vector<std::string> endless(const std::string& format) const {
        return {"run",  folder() + "/good.json", "--repeat",  "1000000", "--jobs", "2", "--format",
                format, "--trace-out",           trace_path()};
    }
    [[nodiscard]] std::string trace_path() const { return folder() + "/trace.jsonl"; }

    /// A trace is written when a run is over, so then there is a result.
    void wait_for_a_run() const {
        wait_until([this] {
            std::error_code error;
            const auto size = std::filesystem::file_size(trace_path(), error);
            return !error && size > 0;
        });
    }
};

void limit_open_files(rlim_t soft, rlim_t hard) {
    const rlimit limit{soft, hard};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(126);
}

/// Assigns forty irqfds, each of which is an open file, so more than thirty-two.
std::string forty_irqfds() {
    std::string steps;
    for (int i = 0; i < 40; ++i)
        steps += R"({ "irqfd": { "name": "dev )" + std::to_string(i) + R"(", "gsi": )" +
                 std::to_string(24 + i) + R"( } }, )";
    return scenario_text("forty irqfds", steps + passing_steps);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(process, Command, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(signals_end_it_with_the_results_so_far) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        BOOST_TEST_CONTEXT(strsignal(number)) {
            std::filesystem::remove(trace_path());
            Process process(folder(), endless("json"));
            wait_for_a_run();
            process.signal(number);
            BOOST_TEST(process.wait() == 130);
            const auto report = nlohmann::json::parse(process.out());
            BOOST_TEST(scenarios::results_schema_accepts(report));
            BOOST_TEST(report["summary"]["passed"].get<std::size_t>() == report["results"].size());
            BOOST_TEST(!report["results"].empty());
            BOOST_TEST(process.err() == "irqbench: interrupted: these are the results so far\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(an_interrupted_tap_is_whole_and_bails_out) {
    Process process(folder(), endless("tap"));
    wait_for_a_run();
    process.signal(SIGTERM);
    BOOST_TEST(process.wait() == 130);
    BOOST_TEST(process.out().rfind("TAP version 13\n1..", 0) == 0U);
    BOOST_TEST(process.out().find("\nok 1 - good [") != std::string::npos);
    BOOST_TEST(process.out().ends_with("\nBail out! interrupted\n"));
}

BOOST_AUTO_TEST_CASE(killed_it_leaves_whole_records_up_to_the_last) {
    file("broken.json", "{");
    Process process(folder(),
                    {"run", folder(), "--repeat", "1000000", "--irqchip", "kernel", "--format", "jsonl"});
    wait_until([&process] { return process.out().find(R"({"record":"progress",)") != std::string::npos; });
    process.signal(SIGKILL);
    BOOST_TEST(process.wait() == 128 + SIGKILL);
    BOOST_TEST(process.out().ends_with('\n'));
    std::istringstream lines(process.out());
    std::size_t results = 0;
    std::size_t started = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto record = tools::parse_record(line);
        if (std::holds_alternative<tools::record::Finished>(record)) ++results;
        if (std::holds_alternative<tools::record::Started>(record)) ++started;
    }
    BOOST_TEST(results == 1U);
    BOOST_TEST(started == 1U);
}

BOOST_AUTO_TEST_CASE(a_signal_that_the_parent_ignores_stays_ignored) {
    auto arguments = endless("json");
    arguments[3] = "100";
    Process process(folder(), arguments, [] { std::signal(SIGHUP, SIG_IGN); });
    wait_for_a_run();
    process.signal(SIGHUP);
    BOOST_TEST(process.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_trace_is_read_by_another_process_where_the_parent_ignores_its_end) {
    const std::string recording = IRQBENCH_SOURCE_DIR "/tests/import/trace_dat/version_6.dat";
    Process plain(folder(), {"import", recording});
    BOOST_TEST_REQUIRE(plain.wait() == 0);
    const std::string scenario = plain.out() + plain.err();
    Process process(folder(), {"import", recording}, [] { std::signal(SIGCHLD, SIG_IGN); });
    BOOST_TEST(process.wait() == 0);
    BOOST_TEST(process.out() + process.err() == scenario);
}

BOOST_AUTO_TEST_CASE(the_soft_limit_of_open_files_is_raised) {
    const std::string path = file("many.json", forty_irqfds());
    Process process(folder(), {"run", path, "--irqchip", "kernel"}, [] {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit_open_files(32, limit.rlim_max);
    });
    BOOST_TEST(process.wait() == 0);
    BOOST_TEST(process.err() == "");
}

BOOST_AUTO_TEST_CASE(too_few_open_files_are_an_error_with_a_remedy,
                     *boost::unit_test::precondition(without_sanitizers)) {
    const std::string path = file("many.json", forty_irqfds());
    Process process(folder(), {"run", path, "--irqchip", "kernel"}, [] { limit_open_files(32, 32); });
    BOOST_TEST(process.wait() == 3);
    BOOST_TEST(
        process.out().find(
            "Too many open files; this process may open 32: raise `ulimit -Hn`, or use fewer --jobs") !=
        std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
