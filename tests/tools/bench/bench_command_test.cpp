#include <boost/test/unit_test.hpp>

#include "tests/tools/bench/samples.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/bench/file.hpp"
#include "tools/bench/path.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

bool says(const std::string& text, const std::string& words) {
    BOOST_TEST_INFO(text);
    return text.find(words) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_command, Cli)

BOOST_AUTO_TEST_CASE(paths_are_a_list_without_order_or_repetition) {
    using tools::bench::parse_paths;
    using tools::bench::Path;
    BOOST_TEST((parse_paths("timer,msi,timer") == std::vector{Path::msi, Path::timer}));
    BOOST_TEST(parse_paths("all").size() == 7U);
    for (const auto& each : tools::bench::paths)
        BOOST_TEST((parse_paths(each.name) == std::vector{each.path}));
    BOOST_CHECK_THROW(static_cast<void>(parse_paths("")), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_path_that_there_is_not_is_answered_by_the_closest) {
    BOOST_TEST(run({"bench", "--path", "msi,irqdf"}) == 2);
    BOOST_TEST(says(err + out, "\"irqdf\" is no path, did you mean 'irqfd'?"));
}

BOOST_AUTO_TEST_CASE(model_mode_has_no_latency) {
    BOOST_TEST(run({"bench", "--irqchip", "kernel,model"}) == 2);
    BOOST_TEST(says(err + out, "virtual time"));
}

BOOST_AUTO_TEST_CASE(numbers_out_of_range_are_refused) {
    BOOST_TEST(run({"bench", "--samples", "0"}) == 2);
    BOOST_TEST(run({"bench", "--route-count", "4097"}) == 2);
    BOOST_TEST(run({"bench", "--vcpus", "0"}) == 2);
    host.capabilities.push_back({"max_vcpus", 8});
    BOOST_TEST(run({"bench", "--vcpus", "9"}) == 2);
    BOOST_TEST(says(err + out, "9 are more than this host's machines can have: 8"));
}

BOOST_AUTO_TEST_CASE(without_kvm_it_says_why_and_what_to_do) {
    host.unavailable = "/dev/kvm: Permission denied";
    host.placements = {"model"};
    BOOST_TEST(run({"bench"}) == 3);
    BOOST_TEST(says(err, "latency is measured on KVM"));
    BOOST_TEST(says(err, "usermod"));
}

BOOST_AUTO_TEST_CASE(a_host_of_which_nobody_knows_how_is_no_success) {
    host.arch = "riscv64";
    BOOST_TEST(run({"bench"}) == 3);
    BOOST_TEST(says(err, "riscv64"));
}

BOOST_AUTO_TEST_CASE(a_baseline_is_read_before_anything_is_measured) {
    BOOST_TEST(run({"bench", "--baseline", folder() + "/none.json"}) == 2);
    BOOST_TEST(says(err + out, "none.json"));
    const auto bad = file("bad.json", R"({ "irqbench_bench": 1, "kernel": 5 })");
    BOOST_TEST(run({"bench", "--baseline", bad}) == 2);
    BOOST_TEST(says(err + out, "bad.json:1: "));
    const auto other = file("other.json", tools::bench::file_text(made_up_report()));
    BOOST_TEST(run({"bench", "--guest", "spinning", "--baseline", other}) == 2);
    BOOST_TEST(says(err + out, "--guest is halted there and spinning here"));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_refused_first) {
    BOOST_TEST(run({"bench", "-o", folder() + "/none/new.json"}) == 2);
    BOOST_TEST(says(err + out, "--output: cannot write"));
}

BOOST_AUTO_TEST_SUITE_END()
