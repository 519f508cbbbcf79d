// Real kernels under QEMU: `irqbench lab` from the outside.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/process.hpp"

using namespace irqbench;
using namespace irqbench::tests;
namespace fs = std::filesystem;

namespace {

/// An edge that is delivered, on any host.
constexpr const char* edge = R"({ "name": "edge", "arch": "x86_64", "source": "82093AA",
  "setup": [ { "ioapic": { "pin": 10, "vector": "0x51" } } ],
  "steps": [ { "raise": 10 }, { "ack": "0x51" }, { "lower": 10 }, { "quiet": true } ] })";

/// A folder to call `irqbench lab` in, and where its cache has the kernel.
struct Lab : Cli {
    int lab(std::vector<std::string> options, const std::vector<std::string>& command) {
        options.insert(options.begin(), "lab");
        options.emplace_back("--");
        options.insert(options.end(), command.begin(), command.end());
        Process process(folder(), options);
        const int status = process.wait();
        out = process.out();
        err = process.err();
        return status;
    }

    /// The image of the named kernel, as if it were the user's own.
    static std::string image() {
        const char* cache = std::getenv("XDG_CACHE_HOME");
        const char* home = std::getenv("HOME");
        const fs::path folder = cache != nullptr && *cache != '\0'
                                    ? fs::path(cache)
                                    : fs::path(home != nullptr ? home : "/") / ".cache";
        return (folder / "irqbench/lab/kernels/x86_64/6.1/image").string();
    }
};

const std::string kernel = "6.1";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lab_kernels, Lab)

BOOST_AUTO_TEST_CASE(a_run_inside_is_reported_as_one_outside) {
    const std::string good = file("good.json", edge);
    BOOST_TEST(lab({"--kernel", kernel}, {"run", good, "--irqchip", "kernel,split", "--format", "json"}) ==
               0);
    const auto report = nlohmann::json::parse(out);
    BOOST_TEST(report["summary"]["passed"] == 2);
    BOOST_TEST(report["results"][0]["file"] == good);
    BOOST_TEST(report["results"][0]["kernel"].get<std::string>().rfind("6.1.", 0) == 0U);
    BOOST_TEST(report["results"][1]["irqchip"] == "split");
}

BOOST_AUTO_TEST_CASE(a_failure_comes_with_its_events_and_its_status) {
    std::string wrong = edge;
    wrong.replace(wrong.find("\"ack\": \"0x51\""), 13, "\"ack\": \"0x52\"");
    BOOST_TEST(lab({"--kernel", kernel}, {"run", file("bad.json", wrong), "--irqchip", "kernel",
                                          "--trace-out", folder() + "/trace.jsonl"}) == 1);
    BOOST_TEST(out.find("expected  ack 0x52 on vCPU 0") != std::string::npos, out);
    BOOST_TEST(out.find("<-- nobody claimed this") != std::string::npos, out);
    BOOST_TEST(read("trace.jsonl").find("\"event\":\"taken\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(other_commands_run_inside_too) {
    BOOST_TEST(lab({"--kernel", kernel}, {"caps"}) == 0);
    BOOST_TEST(out.find("kernel         Linux 6.1.") == 0U, out);
    BOOST_TEST(lab({"--kernel", kernel}, {"check", file("broken.json", "{")}) == 2);
    BOOST_TEST((out + err).find("broken.json:1") != std::string::npos, out + err);
}

BOOST_AUTO_TEST_CASE(a_kernel_without_kvm_is_told_so) {
    BOOST_TEST(lab({"--kernel", image()}, {"caps"}) == 3);
    BOOST_TEST(err.find("no KVM inside: /dev/kvm: No such file or directory; no modules were given") !=
                   std::string::npos,
               err);
}

BOOST_AUTO_TEST_CASE(an_own_image_with_modules_runs) {
    const auto modules = fs::path(image()).parent_path() / "modules";
    BOOST_TEST(lab({"--kernel", image(), "--modules", modules.string()}, {"caps"}) == 0);
    BOOST_TEST(out.find("Linux 6.1.") != std::string::npos, out);
}

BOOST_AUTO_TEST_CASE(a_panic_is_quoted_with_the_console) {
    BOOST_TEST(lab({"--kernel", kernel, "--append", "rdinit=/nothing"}, {"caps"}) == 3);
    BOOST_TEST(err.find("kernel panic while it booted: ") != std::string::npos, err);
    BOOST_TEST(err.find("console: ") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_it_with_the_results_so_far) {
    const std::string good = file("good.json", edge);
    Process process(
        folder(), {"lab", "--kernel", kernel, "--", "run", good, "--repeat", "1000000", "--format", "jsonl"});
    wait_until([&process] { return process.out().find("\"record\":\"progress\"") != std::string::npos; });
    process.signal(SIGINT);
    BOOST_TEST(process.wait() == 130);
    BOOST_TEST(process.out().find("\"record\":\"result\"") != std::string::npos);
    BOOST_TEST(process.out().find("\"interrupted\":true") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
