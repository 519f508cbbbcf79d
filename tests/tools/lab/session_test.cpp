#include "tools/lab/session.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <thread>

#include "tools/report/records.hpp"

using namespace irqbench::tools;
using namespace irqbench::tools::lab;
namespace fs = std::filesystem;

namespace {

/// Stands for QEMU: a shell script that says what a machine would.
class FakeQemu {
  public:
    FakeQemu() {
        std::string name = (fs::temp_directory_path() / "irqbench-lab-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        job.folder = "/";
        job.records = true;
        job.arguments = {"run", "scenarios"};
        listener.progress = [](const ProgressState&) {};
        listener.output = [this](said::Stream, const std::string& text) { output += text; };
        listener.record = [this](const Record& record) { recorded += record_line(record); };
        listener.note = [this](const std::string& text) { notes += text + "\n"; };
    }
    ~FakeQemu() { fs::remove_all(folder_); }
    FakeQemu(const FakeQemu&) = delete;
    FakeQemu& operator=(const FakeQemu&) = delete;

    /// @param script is a body of sh(1); $boot counts from 1, $initrd and $console are files
    Visit visit(const std::string& script) {
        const fs::path program = folder_ / "qemu";
        const std::string end = says(record::End{});
        std::ofstream(program)
            << "#!/bin/sh\n"
            << "cd " << folder_.string() << "\n"
            << "echo x >> boots; boot=$(wc -l < boots)\n"
            << "while [ $# -gt 0 ]; do case $1 in -initrd) initrd=$2;; "
               "-serial) case $2 in file:*) console=${2#file:};; esac;; esac; shift; done\n"
            << "up() { echo '{\"event\":\"up\",\"release\":\"6.1-test\",\"version\":\"#1\"}'; "
               "echo '{\"event\":\"kvm\",\"error\":\"\"}'; }\n"
            << "off() { " << end
            << "echo '{\"event\":\"exit\",\"status\":0}'; echo '{\"event\":\"off\"}'; }\n"
            << script << "\n";
        fs::permissions(program, fs::perms::owner_all);
        const Qemu qemu{program, {}, {}, "10.0.0"};
        const Kernel kernel{"test", Arch::x86_64, "", "", "/no/image", ""};
        return lab::visit(qemu, kernel, {}, Program{"/bin/true", {}}, job, patience, listener, interrupted);
    }

    /// A line of sh that says what a run would write: a record.
    std::string says(const Record& record) {
        const fs::path file = folder_ / ("record" + std::to_string(++records_));
        std::string escaped;
        for (const char c : record_line(record)) {
            if (c == '\n')
                escaped += "\\n";
            else
                escaped += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
        }
        std::ofstream(file) << R"({"event":"output","stream":"out","text":")" << escaped << "\"}\n";
        return "cat " + file.filename().string() + "\n";
    }

    [[nodiscard]] fs::path folder() const { return folder_; }

    Job job;
    Patience patience;
    Listener listener;
    std::string output;
    std::string notes;
    std::string recorded;
    std::atomic<bool> interrupted{false};

  private:
    fs::path folder_;
    int records_ = 0;
};

record::Started started(std::uint64_t index) { return {index, "file" + std::to_string(index), "split"}; }

record::Finished finished(std::uint64_t index) {
    record::Finished record;
    record.index = index;
    record.result.scenario = "scenario " + std::to_string(index);
    record.result.file = "file" + std::to_string(index);
    record.result.irqchip = "split";
    record.result.kernel = "6.1-test";
    return record;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(results_come_back_in_the_order_of_the_report) {
    FakeQemu qemu;
    const Visit visit = qemu.visit("up\n" + qemu.says(started(1)) + qemu.says(finished(1)) +
                                   qemu.says(started(0)) + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.release == "6.1-test");
    BOOST_TEST(visit.boots == 1U);
    BOOST_REQUIRE(visit.results.size() == 2U);
    BOOST_TEST(visit.results[0].scenario == "scenario 0");
    BOOST_TEST(visit.results[1].scenario == "scenario 1");
}

BOOST_AUTO_TEST_CASE(other_commands_have_their_output_passed_on) {
    FakeQemu qemu;
    qemu.job.records = false;
    const Visit visit = qemu.visit(R"(up
printf '%s\n' '{"event":"output","stream":"out","text":"kvm 12\n"}'
printf '%s\n' '{"event":"exit","status":5}'; echo '{"event":"off"}')");
    BOOST_TEST(qemu.output == "kvm 12\n");
    BOOST_TEST(visit.status == 5);
    BOOST_TEST(visit.trouble == "");
}

BOOST_AUTO_TEST_CASE(a_hang_is_the_verdict_of_its_scenario_and_the_rest_is_run_after_another_boot) {
    FakeQemu qemu;
    qemu.patience.silence = std::chrono::seconds(5);
    const Visit visit = qemu.visit(
        "up\nif [ $boot = 1 ]; then\n" + qemu.says(started(0)) + qemu.says(finished(0)) +
        qemu.says(started(1)) + "sleep 100\nelse\n" +
        // What is done goes along, the scenario that hung among it.
        "grep -a -q -- --resume \"$initrd\" && grep -a -q '\"file\":\"file1\"' \"$initrd\" || exit 1\n" +
        qemu.says(started(2)) + qemu.says(finished(2)) + "off\nfi");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 2U);
    BOOST_REQUIRE(visit.results.size() == 3U);
    using Kind = irqbench::scenarios::Verdict::Kind;
    BOOST_TEST((visit.results[0].verdict.kind == Kind::pass));
    BOOST_TEST((visit.results[1].verdict.kind == Kind::error));
    BOOST_TEST(visit.results[1].verdict.reason == "it hung during split file1: nothing came for 5 s");
    BOOST_TEST(visit.results[1].kernel == "6.1-test");
    // Those who listen hear of it too.
    BOOST_TEST(qemu.recorded.find("it hung during split file1") != std::string::npos);
    BOOST_TEST((visit.results[2].verdict.kind == Kind::pass));
}

BOOST_AUTO_TEST_CASE(of_several_suspects_each_is_tried_alone) {
    FakeQemu qemu;
    const Visit visit = qemu.visit(
        "up\nif [ $boot = 1 ]; then\n" + qemu.says(started(0)) + qemu.says(started(1)) +
        "echo 'Kernel panic - not syncing: hard' > $console\nexit\nelif [ $boot = 2 ]; then\n" +
        "grep -a -q -- --jobs \"$initrd\" || exit 1\n" + qemu.says(started(0)) + qemu.says(finished(0)) +
        qemu.says(started(1)) + "echo 'Kernel panic - not syncing: hard' > $console\nexit\nelse\noff\nfi");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 3U);
    BOOST_REQUIRE(visit.results.size() == 2U);
    BOOST_TEST(visit.results[0].verdict.reason == "");
    BOOST_TEST(visit.results[1].verdict.reason == "kernel panic during split file1: hard");
}

BOOST_AUTO_TEST_CASE(hangs_without_end_are_given_up) {
    FakeQemu qemu;
    qemu.patience.hangs = 2;
    const Visit visit = qemu.visit("up\n" + qemu.says(started(0)) + "exit");
    BOOST_TEST(visit.boots == 3U);
    BOOST_TEST(visit.trouble.find("given up after 3 hangs") == 0U, visit.trouble);
}

BOOST_AUTO_TEST_CASE(a_boot_that_never_ends_is_told_apart) {
    FakeQemu qemu;
    qemu.patience.boot = std::chrono::seconds(1);
    const Visit visit = qemu.visit("sleep 100");
    BOOST_TEST(visit.boots == 3U);
    BOOST_TEST(visit.trouble.find("it did not boot within 1 s") == 0U, visit.trouble);
}

BOOST_AUTO_TEST_CASE(a_boot_that_is_lost_is_tried_again) {
    FakeQemu qemu;
    qemu.patience.boot = std::chrono::seconds(5);
    const Visit visit = qemu.visit("[ $boot = 1 ] && sleep 100\nup\n" + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.boots == 2U);
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.results.size() == 1U);
    BOOST_TEST(qemu.notes.find("test: it did not boot within 5 s") == 0U, qemu.notes);
}

BOOST_AUTO_TEST_CASE(a_machine_that_goes_on_talking_has_not_hung) {
    FakeQemu qemu;
    qemu.patience.silence = std::chrono::seconds(5);
    const Visit visit =
        qemu.visit("up\nfor i in 1 2 3 4 5 6 7; do sleep 1\n" + qemu.says(record::Progress{}) + "done\noff");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 1U);
}

BOOST_AUTO_TEST_CASE(an_interrupt_reaches_the_inside_and_what_there_is_comes_back) {
    FakeQemu qemu;
    std::thread user([&qemu] {
        while (!fs::exists(qemu.folder() / "ready"))
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        qemu.interrupted = true;
    });
    const Visit visit = qemu.visit("up\n" + qemu.says(finished(0)) +
                                   "touch ready; read line; [ \"$line\" = interrupt ] || exit 1\n" +
                                   qemu.says(finished(1)) + "off");
    user.join();
    BOOST_TEST(visit.interrupted);
    BOOST_TEST(visit.results.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_warning_of_the_kernel_is_told_with_what_was_running) {
    FakeQemu qemu;
    const Visit visit = qemu.visit("up\n" + qemu.says(started(0)) + R"(
printf '%s\n' '{"event":"output","stream":"log","text":"4,300,12,-;WARNING: CPU: 0 PID: 1 at arch/x86/kvm/x86.c:1\n"}'
)" + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(qemu.notes ==
               "Linux 6.1-test logged during split file0: WARNING: CPU: 0 PID: 1 at arch/x86/kvm/x86.c:1\n");
}

BOOST_AUTO_TEST_CASE(a_line_that_is_no_record_is_told_and_harms_nothing) {
    FakeQemu qemu;
    const Visit visit = qemu.visit(R"(up
printf '%s\n' '{"event":"output","stream":"out","text":"Segmentation fault\n"}'
)" + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.results.size() == 1U);
    BOOST_TEST(qemu.notes.find("a record that is none") != std::string::npos, qemu.notes);
}

BOOST_AUTO_TEST_SUITE_END()
