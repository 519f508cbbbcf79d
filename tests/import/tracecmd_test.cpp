#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/import/playing.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/import/trace.hpp"

using namespace irqbench;
using irqbench::tests::Cli;

namespace {

/// One recording of `scenarios/x86/ioapic/level_line_held_over_eoi_is_delivered_again.json` on a Linux 6.12,
/// in both versions of the file, without what is not KVM's, and what `trace-cmd report` prints of it.
std::filesystem::path recording(const std::string& name) {
    return tests::samples_folder().parent_path() / "trace_dat" / name;
}

const std::array<std::string, 2> versions = {"version_6.dat", "version_7.dat"};

std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// What follows the scenario's head, which names the trace.
std::string steps_of(const std::string& scenario) { return scenario.substr(scenario.find("\"vcpus\"")); }

/// Debian has the library as a shared one only, and a static irqbench goes without.
bool has_library() {
    try {
        static_cast<void>(importing::read_tracecmd_file(recording("version_6.dat").string()));
    } catch (const importing::TraceError& error) {
        return std::string(error.what()).find("without libtracecmd") == std::string::npos;
    }
    return true;
}

struct Fixture : Cli {
    Fixture() : reads(has_library()) {
        if (!reads) BOOST_TEST_MESSAGE("skipped: built without libtracecmd");
    }

    /// What `import` says of a file of these bytes, beyond its name.
    std::string complaint(const std::string& bytes) {
        const std::string path = file("broken.dat", bytes);
        const int status = run({"import", path, "-o", folder() + "/out.json"});
        BOOST_TEST((status == 0 || status == 2), status << ": " << err);
        if (status == 0) return "";
        BOOST_TEST(err.find("broken.dat") != std::string::npos, err);
        return err;
    }

    bool reads;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(trace_dat, Fixture)

BOOST_AUTO_TEST_CASE(a_trace_dat_becomes_the_scenario_of_its_text) {
    if (!reads) return;
    for (const std::string thread : {"134", "139"}) {
        BOOST_TEST(run({"import", recording("report.txt").string(), "--pid", thread}) == 0, err);
        const std::string expected = steps_of(out);
        BOOST_TEST(expected.find("\"ack\"") != std::string::npos);
        for (const auto& version : versions) {
            BOOST_TEST(run({"import", recording(version).string(), "--pid", thread}) == 0, err);
            BOOST_TEST(steps_of(out) == expected, version);
        }
    }
}

// Version 7 ends with options, of which the last say nothing of the events.
BOOST_AUTO_TEST_CASE(a_trace_dat_that_is_cut_off_is_refused_unless_nothing_is_missing) {
    if (!reads) return;
    for (const auto& version : versions) {
        const std::string whole = bytes_of(recording(version));
        BOOST_TEST(complaint(whole).empty());
        const std::string expected = steps_of(read("out.json"));
        std::size_t refused = 0;
        std::size_t cut = 0;
        constexpr std::size_t step = 211;
        for (std::size_t length = 10; length < whole.size(); length += step, ++cut) {
            if (complaint(whole.substr(0, length)).empty()) {
                BOOST_TEST(steps_of(read("out.json")) == expected, version << " of " << length << " bytes");
                continue;
            }
            ++refused;
            BOOST_TEST(err.find(": broken behind record 0: libtracecmd c") != std::string::npos, err);
        }
        BOOST_TEST(refused + 1 >= cut);
    }
}

// The library crashes on some of these, and says nothing to others.
BOOST_AUTO_TEST_CASE(a_trace_dat_with_wrong_bytes_is_a_trace_or_refused) {
    if (!reads) return;
    constexpr std::size_t files = 200;
    std::mt19937 random(7);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < files; ++i) {
        std::string bytes = bytes_of(recording(versions[i % versions.size()]));
        for (std::size_t wrong = 0; wrong <= i % 9; ++wrong)
            bytes[10 + random() % (bytes.size() - 10)] = static_cast<char>(random());
        BOOST_TEST_CONTEXT("file " << i) { refused += complaint(bytes).empty() ? 0U : 1U; }
    }
    BOOST_TEST(refused > 0);
    BOOST_TEST(refused < files);
}

BOOST_AUTO_TEST_CASE(an_error_in_a_trace_dat_names_the_record) {
    if (!reads) return;
    std::string bytes = bytes_of(recording("version_6.dat"));
    const std::string format = "\"vcpu %u, rip 0x%lx";
    const auto at = bytes.find(format);
    BOOST_REQUIRE(at != std::string::npos);
    bytes[at + 1] = 'w';
    BOOST_TEST(complaint(bytes).find("broken.dat: record ") != std::string::npos, err);
    BOOST_TEST(err.find("kvm_entry in words that no known kernel writes") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(a_trace_may_come_through_a_pipe) {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe(ends.data()) == 0);
    const std::string text = bytes_of(tests::samples_folder() / "edge.txt");
    BOOST_REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    BOOST_TEST(run({"import", fmt::format("/proc/self/fd/{}", ends[0])}) == 0, err);
    ::close(ends[0]);
    const std::string piped = steps_of(out);
    BOOST_TEST(run({"import", (tests::samples_folder() / "edge.txt").string()}) == 0, err);
    BOOST_TEST(piped == steps_of(out));
}

BOOST_AUTO_TEST_SUITE_END()
