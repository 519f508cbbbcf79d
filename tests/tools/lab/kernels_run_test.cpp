// Real kernels under QEMU: `irqbench lab` from the outside.
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/process.hpp"
#include "vmm/kvm/fd.hpp"

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

BOOST_AUTO_TEST_CASE(what_a_bench_measures_inside_is_the_baseline_of_the_next) {
    const std::vector<std::string> bench = {"bench",     "--path", "msi,ipi",   "--irqchip", "kernel",
                                            "--samples", "10",     "--warm-up", "1"};
    std::vector<std::string> first = bench;
    first.insert(first.end(), {"--format", "json"});
    BOOST_REQUIRE(lab({"--kernel", kernel}, first) == 0);
    const auto report = nlohmann::json::parse(out);
    BOOST_TEST(report["kernel"].get<std::string>().find("6.1.") != std::string::npos, report["kernel"]);
    BOOST_TEST(report["measured"].size() == 2U, out);
    const std::string baseline = file("base.json", out);
    std::vector<std::string> second = bench;
    second.insert(second.end(), {"--baseline", baseline});
    const int status = lab({"--kernel", kernel}, second);
    BOOST_TEST((status == 0 || status == 1), out + err);
    BOOST_TEST(out.find("base.json") != std::string::npos, out);
}

/// Longer than what irqbench does to know its host, so that its machine is the one that is entered most.
BOOST_AUTO_TEST_CASE(a_recording_made_inside_is_a_scenario_here) {
    constexpr int many = 100;
    std::string steps = R"({ "quiet": true })";
    for (int i = 0; i < many; ++i) steps += R"(, { "msi": { "vector": "0x91" } }, { "ack": "0x91" })";
    const std::string played = file("many.json", scenario_text("many", steps));
    const std::string self = IRQBENCH_COMMAND;
    const auto command = [&](std::vector<std::string> options) {
        options.insert(options.begin(), "record");
        options.insert(options.end(), {"--", self, "run", played, "--irqchip", "split"});
        return options;
    };
    BOOST_REQUIRE(lab({"--kernel", kernel}, command({})) == 0);
    BOOST_TEST(err.find("1 passed") != std::string::npos, err);
    int taken = 0;
    for (std::size_t at = 0; (at = out.find("\"ack\": \"0x91\"", at)) != std::string::npos; ++at) ++taken;
    BOOST_TEST(taken == many);
    const std::string shown = file("shown.json", out);
    for (const std::vector<std::string>& use :
         {std::vector<std::string>{"check", shown}, {"run", shown, "--irqchip", "model"}}) {
        Process process(folder(), use);
        BOOST_TEST(process.wait() == 0, process.out() + process.err());
    }
    BOOST_TEST(lab({"--kernel", kernel}, command({"--trace", "-"})) == 0);
    BOOST_TEST(out.find(" kvm_entry: ") != std::string::npos);
    BOOST_TEST(lab({"--kernel", kernel}, {"record", "--", "false"}) == 2);
    BOOST_TEST(err.find("false ended with 1") != std::string::npos, err);
    BOOST_TEST(err.find("KVM did nothing for false") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(files_are_inside_as_they_are_here) {
    file("real/good.json", edge);
    fs::permissions(file("real/closed.json", edge), fs::perms::none);
    fs::create_directory_symlink("real", folder() + "/link");
    fs::create_directory_symlink("..", folder() + "/real/up");
    fs::create_symlink("nowhere", folder() + "/real/dangling.json");
    fs::create_symlink("real/good.json", folder() + "/again.json");
    // Behind a link `..` is not where it came from.
    std::string other = edge;
    file("a/other.json", other.replace(other.find("edge"), 4, "other"));
    fs::create_directory(folder() + "/a/b");
    fs::create_directory_symlink("a/b", folder() + "/deep");
    fs::permissions(folder(), fs::perms(0755));
    const fs::path shared = "/dev/shm" / fs::path(folder()).filename();
    fs::copy(folder(), shared, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    const std::vector<std::string> check = {"check", "deep/../other.json", folder() + "/again.json", folder(),
                                            shared.string()};
    Process here(folder(), check);
    BOOST_TEST(here.wait() == 2);
    const std::string said_here = here.out() + here.err();
    BOOST_TEST(lab({"--kernel", kernel}, check) == 2);
    fs::remove_all(shared);
    BOOST_TEST(out + err == said_here);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_here_cannot_be_read_inside) {
    // Nor can a socket, by root either.
    sockaddr_un address{AF_UNIX, {}};
    const std::string path = folder() + "/socket.json";
    BOOST_REQUIRE(path.size() < sizeof address.sun_path);
    std::copy(path.begin(), path.end(), address.sun_path);
    const vmm::kvm::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    file("good.json", edge);
    BOOST_TEST(lab({"--kernel", kernel}, {"check", folder()}) == 2);
    BOOST_TEST(out ==
               path + ":1: /: cannot be read: Permission denied\n2 files: 1 good, 1 malformed, 0 invalid\n");
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

// The program of this run opens nothing of KVM, so that the first VM and the last are process 1's.
BOOST_AUTO_TEST_CASE(process_1_keeps_a_vm_open) {
    BOOST_TEST(lab({"--kernel", kernel, "--program", IRQBENCH_LAB_WITNESS}, {"caps"}) == 0);
    BOOST_TEST(out == "anon_inode:kvm-vm\n");
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
