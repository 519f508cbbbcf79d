// `irqbench lab` up to the boot, for which a shell script stands.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/lab/fake_host.hpp"
#include "tools/irqbench/recorded_files.hpp"
#include "tools/lab/program.hpp"
#include "tools/lab/qemu.hpp"

using namespace irqbench::tests;
using irqbench::tools::InnerCommand;
using irqbench::tools::take_recorded_command;
using irqbench::tools::lab::Arch;
using irqbench::tools::lab::host_arch;
namespace fs = std::filesystem;

namespace {

struct LabCommandLine : Cli {
    LabCommandLine() {
        environment["TMPDIR"] = folder();
        qemu = fakes.program("my-qemu",
                             "[ \"$1\" != --version ] || { echo 'version 10.0.2'; exit; }\n"
                             "cd '" +
                                 fakes.folder().string() +
                                 "'\n"
                                 "echo \"$@\" >> boots; cat said");
        fakes.file("said", R"({"event":"up","release":"6.1-fake","version":"#1"}
{"event":"kvm","error":""}
{"event":"output","stream":"out","text":"from inside\n"}
{"event":"exit","status":0}
{"event":"off"}
)");
    }

    /// With a QEMU and a program that stand for real ones.
    int lab(std::vector<std::string> options, const std::vector<std::string>& inner) {
        options.insert(options.begin(), {"lab", "--qemu", qemu, "--program", "/bin/true"});
        options.emplace_back("--");
        options.insert(options.end(), inner.begin(), inner.end());
        return run(options);
    }
    [[nodiscard]] std::string image(const std::string& name) const {
        return fakes.file(
            name, host_arch() == Arch::x86_64 ? fake_bzimage("6.1-fake") : fake_arm64_image("6.1-fake"));
    }
    [[nodiscard]] std::string boots() const { return fakes.exists("boots") ? fakes.read("boots") : ""; }

    /// Inside it ends as here, and without a boot. Who has the architecture is another one.
    void check_same_without_boot(const std::vector<std::string>& inner, int status) {
        BOOST_TEST(run(inner) == status);
        std::string here = out + err;
        const std::string host_is = "this host's KVM is";
        if (const auto at = here.find(host_is); at != std::string::npos)
            here.replace(at, host_is.size(), "the lab's machines are");
        BOOST_TEST(lab({"--kernel", image("bzImage")}, inner) == status);
        BOOST_TEST(out + err == here);
        BOOST_TEST(boots() == "");
    }
    void check_refused(int status, const std::string& reason) const {
        BOOST_TEST(status == 2);
        BOOST_TEST(err.find(reason) != std::string::npos, err);
        BOOST_TEST(boots() == "");
    }

    FakeHost fakes;
    std::string qemu;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lab_command_line, LabCommandLine)

BOOST_AUTO_TEST_CASE(a_command_runs_inside) {
    BOOST_TEST(lab({"--kernel", image("bzImage")}, {"caps"}) == 0);
    BOOST_TEST(out == "from inside\n");
    BOOST_TEST(boots().find("-kernel " + image("bzImage")) != std::string::npos, boots());
}

BOOST_AUTO_TEST_CASE(what_selects_nothing_ends_as_here_and_without_a_boot) {
    file("a.json", scenario_text("claim", passing_steps));
    fs::create_directory(folder() + "/empty");
    check_same_without_boot({"run", folder(), "--filter", "("}, 2);
    check_same_without_boot({"run", folder(), "--filter", "nothing matches"}, 5);
    check_same_without_boot({"run", folder(), "--filter", "nothing matches", "--format", "json"}, 5);
    check_same_without_boot({"run", folder(), "--tag", "nothing"}, 5);
    check_same_without_boot({"check", folder() + "/empty"}, 5);
    check_same_without_boot({"list", folder() + "/a.json", folder() + "/none.json"}, 2);
    check_same_without_boot({"run", folder(), "--bogus"}, 2);
}

BOOST_AUTO_TEST_CASE(folders_without_a_scenario_for_the_machines_end_without_a_boot) {
    const bool on_x86 = host_arch() == Arch::x86_64;
    host.arch = on_x86 ? "x86_64" : "arm64";
    host.placements = {"kernel", "userspace", "model"};
    host.own["model"] = {{}, false};
    const std::string other = on_x86 ? "arm64" : "x86_64";
    const std::string steps =
        on_x86 ? R"({ "msi": { "event": 81, "address": 0 } }, { "ack": 81 })" : passing_steps;
    const std::string foreign = file("a.json", R"({ "name": "claim", "arch": ")" + other +
                                                   R"(", "source": "a test", "steps": [ )" + steps + " ] }");
    check_same_without_boot({"run", folder()}, 5);
    BOOST_TEST(err.find("1 file for " + other + " left out") != std::string::npos, err);
    check_same_without_boot({"run", folder(), "--irqchip", "kernel", "--format", "tap"}, 5);
    // What is named has a result, if only as skipped, our model runs any, and other commands do not ask.
    const std::vector<std::vector<std::string>> others = {
        {"run", foreign}, {"run", folder(), "--irqchip", "model"}, {"check", folder()}};
    for (const auto& inner : others) {
        (void)lab({"--kernel", image("bzImage")}, inner);
        BOOST_TEST(boots() != "");
        fs::remove(fakes.folder() / "boots");
    }
}

BOOST_AUTO_TEST_CASE(a_part_without_a_file_ends_without_a_boot) {
    file("a.json", scenario_text("claim", passing_steps));
    check_same_without_boot({"run", folder(), "--shard", "2/2"}, 5);
    check_same_without_boot({"run", folder(), "--shard", "2/2", "--format", "json"}, 5);
    (void)lab({"--kernel", image("bzImage")}, {"run", folder(), "--shard", "1/2"});
    BOOST_TEST(boots() != "");
}

BOOST_AUTO_TEST_CASE(what_machines_of_another_architecture_lack_is_said_without_a_boot) {
    const std::string own = file("own.json", R"({ "name": "own", "arch": "arm64", "source": "a test",
        "steps": [ { "msi": { "event": 81, "address": 0 } }, { "ack": 81 } ] })");
    const std::string foreign = file("x86/foreign.json", scenario_text("foreign", passing_steps));
    // Those that go on find that the program is not for arm64, or that there is no such kernel.
    const auto on_arm64 = [&](const std::vector<std::string>& inner) {
        std::vector<std::string> all{"lab", "--arch", "arm64", "--qemu", qemu, "--"};
        if (host_arch() == Arch::x86_64) all.insert(all.begin() + 5, {"--program", "/bin/true"});
        all.insert(all.end(), inner.begin(), inner.end());
        environment["XDG_CACHE_HOME"] = folder() + "/cache";
        const int status = run(all);
        BOOST_TEST(boots() == "");
        return status;
    };
    BOOST_TEST(on_arm64({"run", own, "--irqchip", "split"}) == 5);
    BOOST_TEST(out.find("arm64 has no split irqchip mode") != std::string::npos, out);
    BOOST_TEST(on_arm64({"run", folder(), "--irqchip", "split"}) == 5);
    BOOST_TEST(out.find("arm64 has no split irqchip mode") != std::string::npos, out);
    BOOST_TEST(on_arm64({"run", folder() + "/x86"}) == 5);
    BOOST_TEST(
        err.find("1 file for x86_64 left out: the lab's machines are arm64; --irqchip model runs them") !=
            std::string::npos,
        err);
    BOOST_TEST(on_arm64({"run", foreign, "--irqchip", "kernel"}) == 5);
    BOOST_TEST(out.find("is for x86_64, the lab's machines are arm64") != std::string::npos, out);
    BOOST_TEST(on_arm64({"record", "--", "true"}) == 3);
    BOOST_TEST(on_arm64({"record", "--trace", "-", "--", "true"}) == 3);
    for (const std::string modes : {"kernel", "kernel,split"})
        BOOST_TEST(on_arm64({"run", own, "--irqchip", modes}) == 3);
    // fuzz needs all of the modes, diff two of them.
    const std::string why = "nothing to compare: split: arm64 has no split irqchip mode\n";
    BOOST_TEST(on_arm64({"fuzz", "--between", "kernel,model,split", "--out", "-"}) == 5);
    BOOST_TEST(err.ends_with(why), err);
    BOOST_TEST(on_arm64({"diff", own, "--between", "kernel,split"}) == 5);
    BOOST_TEST(out.find("0 alike, 0 different, 0 known to differ, 1 not compared") != std::string::npos, out);
    BOOST_TEST(on_arm64({"bench", "--path", "msi"}) == 3);
    BOOST_TEST(on_arm64({"fuzz", "--between", "kernel,model", "--out", "-"}) == 3);
    BOOST_TEST(on_arm64({"diff", own, "--between", "kernel,model,split"}) == 3);
}

BOOST_AUTO_TEST_CASE(files_that_no_machine_can_have_are_refused) {
    const std::string reason = ": of the host's /dev, /proc and /sys the machines have only /dev/shm";
    for (const char* path : {"/dev/stdin", "/proc/self/status", "/sys/kernel"})
        check_refused(lab({"--kernel", image("bzImage")}, {"check", path}), path + reason);
    fs::create_symlink("/proc/self/status", folder() + "/link.json");
    check_refused(lab({"--kernel", image("bzImage")}, {"check", folder() + "/link.json"}), reason);
    const std::string pipe = folder() + "/pipe.json";
    BOOST_REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    check_refused(lab({"--kernel", image("bzImage")}, {"check", pipe}), "is neither a file nor a folder");
    const auto before = fs::current_path();
    fs::current_path("/proc/self");
    const int status = lab({"--kernel", image("bzImage")}, {"caps"});
    fs::current_path(before);
    check_refused(status, "the current folder, /proc/");
}

BOOST_AUTO_TEST_CASE(a_recording_that_could_not_be_had_from_a_machine_is_refused) {
    const auto record = [this](std::vector<std::string> words) {
        words.insert(words.begin(), "record");
        return lab({"--kernel", image("bzImage")}, words);
    };
    check_refused(record({"--pid", "1"}), "nothing runs inside but the COMMAND behind --");
    const std::string end = "files that are written inside end with the machine";
    check_refused(record({"-o", "a.json", "--", "true"}), end);
    check_refused(record({"--trace", "a.txt", "--", "true"}), end);
    check_refused(record({"--", "no-such-vmm"}), "there is no no-such-vmm");
    BOOST_TEST(record({"--trace", "-", "--", "true", folder()}) == 0);
    BOOST_TEST(out == "from inside\n");
}

BOOST_AUTO_TEST_CASE(what_a_recorded_command_names_goes_with_it) {
    const std::string disk = file("a/disk.img", "bytes");
    const std::string firmware = file("b/c/bios.bin", "bytes");
    const std::string script = file("vmm", "#!/bin/sh -e\n");
    InnerCommand inner;
    const std::vector<std::string> command = {
        script, "-L",        folder() + "/b", "-drive", "file=" + disk + ",if=virtio",
        "kvm",  "/dev/null", "/nowhere"};
    inner.arguments = {"record", "--"};
    inner.arguments.insert(inner.arguments.end(), command.begin(), command.end());
    take_recorded_command(command, inner);
    const auto has = [](const std::vector<fs::path>& all, const fs::path& path) {
        return std::find(all.begin(), all.end(), path) != all.end();
    };
    BOOST_TEST(has(inner.files, disk));
    BOOST_TEST(has(inner.files, firmware));
    BOOST_TEST(has(inner.folders, folder() + "/b"));
    BOOST_TEST(has(inner.folders, folder() + "/b/c"));
    BOOST_TEST(!has(inner.files, "/dev/null"));
    BOOST_TEST((inner.programs == std::vector<fs::path>{script, "/bin/sh"}));
    InnerCommand by_name;
    by_name.arguments = {"record", "--", "sh"};
    take_recorded_command({"sh"}, by_name);
    BOOST_TEST(fs::path(by_name.arguments.back()).is_absolute());
}

BOOST_AUTO_TEST_CASE(options_before_a_subcommand_count_or_are_refused) {
    environment["XDG_CACHE_HOME"] = folder();
    for (const char* arch : {"x86_64", "arm64"}) {
        const std::string place = std::string("irqbench/lab/kernels/") + arch + "/6.1/";
        file(place + "image", "");
        file(place + "kernel.json", std::string(R"({"release":"6.1-)") + arch + R"(","version":"1"})");
    }
    for (const char* arch : {"x86_64", "arm64"}) {
        BOOST_TEST(run({"lab", "--arch", arch, "kernels", "list"}) == 0);
        BOOST_TEST(out.find(std::string("6.1    6.1-") + arch + " (1)\n") != std::string::npos, out);
    }
    BOOST_TEST(run({"lab", "--arch", "x86_64", "kernels", "list", "--arch", "arm64"}) == 0);
    BOOST_TEST(out.find("6.1-arm64") != std::string::npos, out);
    check_refused(run({"lab", "--smp", "4", "kernels", "list"}),
                  "--smp is for machines, and `list` boots none");
    check_refused(run({"lab", "kernels", "list", "--", "caps"}),
                  "what is behind -- runs in a machine, and `list` boots none");
}

BOOST_AUTO_TEST_CASE(without_a_place_for_a_cache_only_what_needs_it_fails) {
    BOOST_TEST(lab({"--kernel", image("bzImage")}, {"caps"}) == 0);
    BOOST_TEST(fs::exists(folder() + "/irqbench-lab-" + std::to_string(getuid())));
    fs::create_symlink("my-qemu", fakes.folder() / "bin" / irqbench::tools::lab::qemu_program(host_arch()));
    BOOST_TEST(run({"lab", "--program", "/bin/true", "--kernel", image("bzImage"), "--", "caps"}) == 0);
    BOOST_TEST(out == "from inside\n");
    BOOST_TEST(lab({"--kernel", "6.1"}, {"caps"}) == 3);
    BOOST_TEST(err.find("the lab has no place for its cache") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(a_path_may_have_commas_and_a_kernel_is_booted_once) {
    const std::string comma = image("b,c/bzImage");
    const std::string plain = image("plain");
    fs::create_symlink("plain", fakes.folder() / "same");
    const std::string list = plain + "," + plain + "," + (fakes.folder() / "same").string();
    BOOST_TEST(lab({"--kernel", comma, "--kernel", list, "--jobs", "1"}, {"caps"}) == 0);
    const std::string all = boots();
    BOOST_TEST(std::count(all.begin(), all.end(), '\n') == 2);
    BOOST_TEST(all.find("-kernel " + comma + " ") != std::string::npos);
    BOOST_TEST(all.find("-kernel " + plain + " ") != std::string::npos);
    fs::remove(fakes.folder() / "boots");
    check_refused(lab({"--kernel", plain + ",none"}, {"caps"}), "none is neither an image nor one of");
}

BOOST_AUTO_TEST_CASE(a_bench_whose_result_would_be_lost_is_refused) {
    const auto bench = [this](std::vector<std::string> words) {
        words.insert(words.begin(), "bench");
        return lab({"--kernel", image("bzImage")}, words);
    };
    check_refused(bench({"-o", "base.json"}), "--output: files that are written inside end with the machine");
    check_refused(bench({"--report", "out.html"}), "--report: files that are written inside end with");
    check_refused(bench({"--irqchip", "kernel,model"}), "model mode runs on virtual time");
    check_refused(bench({"--baseline", folder() + "/none.json"}), "none.json");
    check_refused(bench({"--baseline", "/proc/self/status"}), "of the host's /dev, /proc and /sys");
    BOOST_TEST(bench({"--baseline", file("base.json", "{}"), "--format", "json"}) == 0);
    BOOST_TEST(out == "from inside\n");
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_inside_is_refused) {
    file("a.json", scenario_text("claim", passing_steps));
    check_refused(lab({"--kernel", image("bzImage")}, {"compare", "a", "b"}), "needs no machine");
    check_refused(lab({"--kernel", image("bzImage")}, {"run", folder(), "--states", folder()}),
                  "--states: files that are written inside end with the machine");
}

BOOST_AUTO_TEST_CASE(a_search_for_differences_may_be_silent_as_long_as_it_was_asked_to_take) {
    qemu = fakes.program("my-qemu", "[ \"$1\" != --version ] || { echo 'version 10.0.2'; exit; }\ncd '" +
                                        fakes.folder().string() + "'\nhead -2 said; sleep 2; tail -3 said");
    const std::vector<std::string> impatient{"--kernel", image("bzImage"), "--timeout", "1"};
    BOOST_TEST(lab(impatient, {"fuzz", "--between", "userspace,model", "--out", "-", "--seconds", "5"}) == 0);
    BOOST_TEST(lab(impatient, {"fuzz", "--between", "userspace,model", "--out", "-", "--count", "5"}) == 3);
    BOOST_TEST(err.find("nothing came for 1 s") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(append_adds_up) {
    BOOST_TEST(lab({"--kernel", image("bzImage"), "--append", "a=1 b", "--append", "c=2"}, {"caps"}) == 0);
    BOOST_TEST(boots().find(" a=1 b c=2\n") != std::string::npos, boots());
}

BOOST_AUTO_TEST_CASE(another_architecture_needs_a_program_of_its_own) {
    const std::string other = host_arch() == Arch::x86_64 ? "arm64" : "x86_64";
    BOOST_TEST(run({"lab", "--arch", other, "--", "caps"}) == 3);
    BOOST_TEST(err == "irqbench: machines of " + other + " need an irqbench for " + other +
                          " that is linked statically: build it (docs/lab.md), or name it with --program\n");
}

BOOST_AUTO_TEST_SUITE_END()
