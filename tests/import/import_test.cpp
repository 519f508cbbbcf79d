#include "tools/import/scenario_text.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/import/playing.hpp"
#include "tests/scenarios/files.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/import/trace.hpp"

using namespace irqbench;
using namespace irqbench::tests;

BOOST_FIXTURE_TEST_SUITE(imports, Cli)

BOOST_AUTO_TEST_CASE(what_a_sample_becomes_takes_the_same_interrupts_on_the_model) {
    std::size_t samples = 0;
    for (const auto& sample : scenarios::files_below(samples_folder(), ".txt")) {
        ++samples;
        BOOST_TEST_CONTEXT(sample.filename()) {
            BOOST_TEST((play_on_the_model(imported(sample)) == taken_in(sample)));
        }
    }
    BOOST_TEST(samples >= 12U);
}

BOOST_AUTO_TEST_CASE(the_command_writes_a_scenario_that_check_accepts) {
    const std::string trace = (samples_folder() / "edge.txt").string();
    BOOST_TEST(run({"import", trace, "-o", folder() + "/edge.json"}) == 0, err);
    BOOST_TEST(out.empty());
    BOOST_TEST(run({"check", folder() + "/edge.json"}) == 0, out + err);
    BOOST_TEST(run({"import", trace}) == 0);
    BOOST_TEST(out == read("edge.json"));
}

BOOST_AUTO_TEST_CASE(a_storm_ends_the_scenario_and_fails_as_one) {
    has_model = true;
    host.placements = {"model"};
    const std::string trace = (samples_folder() / "storm.txt").string();
    const std::string storm = folder() + "/storm.json";
    BOOST_TEST(run({"import", trace, "--storm", "10", "-o", storm}) == 0, err);
    BOOST_TEST(
        err.find("a storm: vCPU 0 took 0x26 of pin 11 10 times in a row because the line was still high") !=
            std::string::npos,
        err);
    BOOST_TEST(run({"check", storm}) == 0, out + err);
    BOOST_TEST(run({"run", storm, "--irqchip", "model"}) == 1);
    BOOST_TEST(out.find("came      storm of 0x26 on vCPU 0") != std::string::npos, out);
    const std::string small = folder() + "/small.json";
    BOOST_TEST(run({"shrink", storm, "--irqchip", "model", "-o", small}) == 0, err);
    BOOST_TEST(read("small.json").size() < read("storm.json").size() / 3);
    BOOST_TEST(run({"run", small, "--irqchip", "model", "--report", folder() + "/storm.html"}) == 1);
    BOOST_TEST(out.find("came      storm of 0x26 on vCPU 0") != std::string::npos, out);
    BOOST_TEST(read("storm.html").find("storm") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_trace_without_the_storm_that_it_should_have_is_refused) {
    const std::string storm = (samples_folder() / "storm.txt").string();
    BOOST_TEST(run({"import", storm, "--storm", "1000"}) == 2);
    BOOST_TEST(err.find("no storm") != std::string::npos, err);
    // Raised again by somebody, it is another interrupt each time.
    BOOST_TEST(run({"import", (samples_folder() / "edge.txt").string(), "--storm", "2"}) == 2);
}

BOOST_AUTO_TEST_CASE(what_is_no_trace_is_refused_with_its_line) {
    const std::string path = file("broken.txt", "# tracer: nop\n\nwhat is this\n");
    BOOST_TEST(run({"import", path}) == 2);
    BOOST_TEST(run({"import", folder() + "/missing.txt"}) == 2);
    try {
        static_cast<void>(importing::read_trace(path));
        BOOST_TEST(false);
    } catch (const importing::TraceError& error) {
        BOOST_TEST(error.what() == path + ":3: no line of ftrace, trace-cmd report or perf script");
    }
}

BOOST_AUTO_TEST_SUITE_END()
