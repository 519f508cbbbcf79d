#include "tools/bench/noise.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

using namespace irqbench::tools::bench;
namespace fs = std::filesystem;

namespace {

/// A /proc and a /sys of files that are made up.
struct MadeUpHost {
    MadeUpHost() {
        std::string pattern = (fs::temp_directory_path() / "irqbench-noise-XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
        root = pattern;
    }
    ~MadeUpHost() { fs::remove_all(root); }
    MadeUpHost(const MadeUpHost&) = delete;
    MadeUpHost& operator=(const MadeUpHost&) = delete;

    void file(const std::string& name, const std::string& text) const {
        fs::create_directories((root / name).parent_path());
        std::ofstream(root / name) << text;
    }
    /// The one thing that is said.
    [[nodiscard]] std::string only(const Load& load = {1, 4}) const {
        const auto all = noise_of(root, load);
        return all.size() == 1 ? all.front() : "of " + std::to_string(all.size());
    }
    [[nodiscard]] bool says(const std::string& words, const Load& load = {1, 4}) const {
        BOOST_TEST_INFO(only(load));
        return only(load).find(words) != std::string::npos;
    }

    fs::path root;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_noise, MadeUpHost)

BOOST_AUTO_TEST_CASE(of_what_cannot_be_read_nothing_is_said) { BOOST_TEST(noise_of(root, {1, 4}).empty()); }

BOOST_AUTO_TEST_CASE(a_quiet_host_has_no_warning) {
    file("proc/loadavg", "0.05 0.10 0.10 1/100 4711\n");
    file("proc/stat", "cpu  100 0 100 100000 0 0 0 1 0 0\n");
    file("proc/cpuinfo", "processor : 0\nflags : fpu vme constant_tsc\n");
    file("proc/version", "Linux version 6.1.0 (x) #1 SMP PREEMPT_DYNAMIC Debian\n");
    file("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "performance\n");
    file("sys/devices/system/cpu/smt/active", "0\n");
    file("sys/module/kvm/parameters/halt_poll_ns", "0\n");
    BOOST_TEST(noise_of(root, {2, 4}).empty());
}

BOOST_AUTO_TEST_CASE(one_governor_that_saves_power_is_enough) {
    file("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "performance\n");
    file("sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "schedutil\n");
    BOOST_TEST(says("schedutil"));
}

BOOST_AUTO_TEST_CASE(threads_of_one_core_are_named) {
    file("sys/devices/system/cpu/smt/active", "1\n");
    BOOST_TEST(says("SMT"));
}

BOOST_AUTO_TEST_CASE(load_counts_by_the_cpu) {
    file("proc/loadavg", "1.50 0.10 0.10 1/100 4711\n");
    BOOST_TEST(says("1.50 of 4 CPUs"));
    BOOST_TEST(noise_of(root, {1, 64}).empty());
}

BOOST_AUTO_TEST_CASE(stolen_time_is_told_from_a_thousandth_on) {
    file("proc/stat", "cpu  100 0 100 99000 0 0 0 800 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    BOOST_TEST(says("0.8 %"));
    file("proc/stat", "cpu  100 0 100 99000 0 0 0 10 0 0\n");
    BOOST_TEST(noise_of(root, {1, 4}).empty());
    file("proc/stat", "cpu  100 0\n");
    BOOST_TEST(noise_of(root, {1, 4}).empty());
}

BOOST_AUTO_TEST_CASE(a_virtual_machine_is_known_by_its_flag_alone) {
    file("proc/cpuinfo", "flags : fpu hypervisor_like\n");
    BOOST_TEST(noise_of(root, {1, 4}).empty());
    file("proc/cpuinfo", "flags : fpu hypervisor\n");
    BOOST_TEST(says("virtual machine"));
}

BOOST_AUTO_TEST_CASE(more_busy_threads_than_cpus_are_named) {
    BOOST_TEST(says("2 threads of the measurement are busy on 1 CPU:", {2, 1}));
    BOOST_TEST(noise_of(root, {2, 2}).empty());
}

BOOST_AUTO_TEST_CASE(a_kernel_that_does_not_preempt_is_named) {
    file("proc/version", "Linux version 6.1.0 (x) #1 SMP Debian\n");
    BOOST_TEST(says("not preemptible"));
}

BOOST_AUTO_TEST_CASE(polling_before_a_halt_is_named) {
    file("sys/module/kvm/parameters/halt_poll_ns", "200000\n");
    BOOST_TEST(says("up to 200 us"));
}

BOOST_AUTO_TEST_SUITE_END()
