#include "tools/lab/session.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/tools/lab/fake_qemu.hpp"
#include "tools/lab/packed_lines.hpp"

using namespace irqbench::tests;
using namespace irqbench::tools;
using namespace irqbench::tools::lab;
namespace fs = std::filesystem;

namespace {

/// A session on a machine that a script stands for.
struct Fake : FakeQemu {
    Fake() {
        job.folder = "/";
        job.records = true;
        job.arguments = {"run", "scenarios"};
        listener.progress = [](const ProgressState&) {};
        listener.output = [this](said::Stream, const std::string& text) { output += text; };
        listener.record = [this](const Record& record) { recorded += record_line(record); };
        listener.note = [this](const std::string& text) { notes += text + "\n"; };
    }

    Visit visit(const std::string& script) {
        const Kernel kernel{"test", Arch::x86_64, "", "", "/no/image", ""};
        return lab::visit(qemu(script), kernel, {}, Program{"/bin/true", {}}, job, patience, listener,
                          interrupted);
    }

    [[nodiscard]] std::size_t recorded_times(const std::string& text) const {
        std::size_t count = 0;
        for (auto at = recorded.find(text); at != std::string::npos; at = recorded.find(text, at + 1))
            ++count;
        return count;
    }

    Job job;
    Patience patience;
    Listener listener;
    std::string output;
    std::string notes;
    std::string recorded;
    std::atomic<bool> interrupted{false};
};

record::Started started(std::uint64_t index) {
    return {index, "scenario " + std::to_string(index), "file" + std::to_string(index), "split", "6.1-test"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(results_come_back_in_the_order_of_the_report) {
    Fake qemu;
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
    Fake qemu;
    qemu.job.records = false;
    const Visit visit = qemu.visit(R"(up
printf '%s\n' '{"event":"output","stream":"out","text":"kvm 12\n"}'
printf '%s\n' '{"event":"exit","status":5}'; echo '{"event":"off"}')");
    BOOST_TEST(qemu.output == "kvm 12\n");
    BOOST_TEST(visit.status == 5);
    BOOST_TEST(visit.trouble == "");
}

BOOST_AUTO_TEST_CASE(a_hang_is_the_verdict_of_its_scenario_and_the_rest_is_run_after_another_boot) {
    Fake qemu;
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
    Fake qemu;
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
    Fake qemu;
    qemu.patience.hangs = 2;
    const Visit visit = qemu.visit("up\n" + qemu.says(started(0)) + "exit");
    BOOST_TEST(visit.boots == 3U);
    BOOST_TEST(visit.trouble.find("given up after 3 hangs") == 0U, visit.trouble);
}

BOOST_AUTO_TEST_CASE(a_boot_that_never_ends_is_told_apart) {
    Fake qemu;
    qemu.patience.boot = std::chrono::seconds(1);
    const Visit visit = qemu.visit("sleep 100");
    BOOST_TEST(visit.boots == 3U);
    BOOST_TEST(visit.trouble.find("it did not boot within 1 s") == 0U, visit.trouble);
}

BOOST_AUTO_TEST_CASE(a_boot_that_is_lost_is_tried_again) {
    Fake qemu;
    qemu.patience.boot = std::chrono::seconds(5);
    const Visit visit = qemu.visit("[ $boot = 1 ] && sleep 100\nup\n" + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.boots == 2U);
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.results.size() == 1U);
    BOOST_TEST(qemu.notes.find("test: it did not boot within 5 s") == 0U, qemu.notes);
}

BOOST_AUTO_TEST_CASE(a_machine_that_goes_on_talking_has_not_hung) {
    Fake qemu;
    qemu.patience.silence = std::chrono::seconds(5);
    const Visit visit =
        qemu.visit("up\nfor i in 1 2 3 4 5 6 7; do sleep 1\n" + qemu.says(record::Progress{}) + "done\noff");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 1U);
}

BOOST_AUTO_TEST_CASE(an_interrupt_reaches_the_inside_and_what_there_is_comes_back) {
    Fake qemu;
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
    Fake qemu;
    const Visit visit = qemu.visit("up\n" + qemu.says(started(0)) + R"(
printf '%s\n' '{"event":"output","stream":"log","text":"4,300,12,-;WARNING: CPU: 0 PID: 1 at arch/x86/kvm/x86.c:1\n"}'
)" + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(qemu.notes ==
               "Linux 6.1-test logged during split file0: WARNING: CPU: 0 PID: 1 at arch/x86/kvm/x86.c:1\n");
}

BOOST_AUTO_TEST_CASE(records_may_come_packed_anew_in_each_boot) {
    Fake qemu;
    qemu.patience.silence = std::chrono::seconds(3);
    LinePacker first;
    LinePacker second;
    const auto says = [](LinePacker& packer, const Record& record) {
        return Fake::writes("out", packer.pack(record_line(record)));
    };
    std::string script = "up\nif [ $boot = 1 ]; then\n";
    script += says(first, finished(0));
    script += says(first, started(1));
    script += "sleep 100\nelse\n" + says(second, finished(2)) + "off\nfi";
    const Visit visit = qemu.visit(script);
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.results.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_line_that_is_no_record_is_told_and_harms_nothing) {
    Fake qemu;
    const Visit visit = qemu.visit(R"(up
printf '%s\n' '{"event":"output","stream":"out","text":"Segmentation fault\n"}'
)" + qemu.says(finished(0)) + "off");
    BOOST_TEST(visit.results.size() == 1U);
    BOOST_TEST(qemu.notes.find("a record that is none") != std::string::npos, qemu.notes);
}

BOOST_AUTO_TEST_CASE(the_hung_scenario_is_called_by_its_name) {
    Fake qemu;
    qemu.patience.silence = std::chrono::seconds(3);
    const Visit visit = qemu.visit("up\n[ $boot = 1 ] || { off; exit; }\n" + qemu.says(record::Begin{}) +
                                   qemu.says(started(4)) + "sleep 100");
    BOOST_REQUIRE(visit.results.size() == 1U);
    BOOST_TEST(visit.results[0].scenario == "scenario 4");
    BOOST_TEST(visit.results[0].runs == 1U);
    BOOST_TEST(visit.results[0].bad_runs == 1U);
}

BOOST_AUTO_TEST_CASE(what_later_boots_tell_again_is_heard_once) {
    Fake qemu;
    const Visit visit = qemu.visit("up\n" + qemu.says(record::Begin{"1", "6.1-test", 2}) +
                                   qemu.says(finished(0)) + "if [ $boot = 1 ]; then\n" +
                                   qemu.says(started(1)) + "exit\nfi\n" + qemu.says(finished(1)) + "off");
    BOOST_TEST(visit.boots == 2U);
    BOOST_TEST(qemu.recorded_times("\"record\":\"begin\"") == 1U);
    BOOST_TEST(qemu.recorded_times("\"scenario\":\"scenario 0\"") == 1U);
    BOOST_TEST(visit.results.size() == 2U);
}

BOOST_AUTO_TEST_CASE(results_of_an_earlier_run_go_along_to_every_boot) {
    Fake qemu;
    qemu.job.earlier = "earlier-records\n";
    const Visit visit = qemu.visit(
        "up\ngrep -a -q earlier-records \"$initrd\" || exit 1\n" + qemu.says(record::Begin{}) +
        "if [ $boot = 1 ]; then\n" + qemu.says(finished(0)) + qemu.says(started(1)) + "exit\nfi\n" +
        "grep -a -q '\"file\":\"file0\"' \"$initrd\" && grep -a -q '\"file\":\"file1\"' \"$initrd\" && off");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 2U);
}

BOOST_AUTO_TEST_CASE(a_machine_that_stops_between_process_1_and_the_run_is_lost) {
    Fake qemu;
    qemu.patience.boot = qemu.patience.silence = std::chrono::seconds(3);
    const Visit visit = qemu.visit(R"([ $boot != 1 ] || { up | head -n 1; sleep 100; }
up
[ $boot != 2 ] || sleep 100
)" + qemu.says(record::Begin{}) + qemu.says(finished(0)) +
                                   "off");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 3U);
    BOOST_TEST(visit.results.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_panic_before_process_1_is_tried_once_more_with_all_that_the_kernel_says) {
    Fake qemu;
    const std::string panic =
        "echo \"$append\" >> append; echo 'Kernel panic - not syncing: timer' > $console\n";
    BOOST_TEST(qemu.visit("if [ $boot = 1 ]; then\n" + panic + "exit; fi\nup\n" + qemu.says(record::Begin{}) +
                          qemu.says(finished(0)) + "off")
                   .trouble == "");
    Fake again;
    const Visit visit = again.visit(panic);
    BOOST_TEST(visit.boots == 2U);
    BOOST_TEST(visit.trouble == "kernel panic while it booted: timer");
    const std::string append = again.read("append");
    const std::string last = append.substr(append.find('\n') + 1);
    BOOST_TEST(append.find("earlyprintk") > append.find('\n'), append);
    BOOST_TEST(last.find("quiet") == std::string::npos, last);
    BOOST_TEST(visit.log.find("### boot 1\nKernel panic") == 0U, visit.log);
    BOOST_TEST(visit.log.find("### boot 2\nKernel panic") != std::string::npos, visit.log);
}

BOOST_AUTO_TEST_CASE(a_machine_with_a_cpu_that_does_not_tick_is_lost) {
    Fake qemu;
    const Visit visit = qemu.visit(R"(if [ $boot != 3 ]; then
echo '{"event":"up","release":"6.1-test","version":"#1"}'
echo '{"event":"stuck","cpu":1}'; echo '{"event":"off"}'; sleep 10; exit
fi
up
)" + qemu.says(record::Begin{}) + qemu.says(finished(0)) +
                                   "off");
    BOOST_TEST(visit.trouble == "");
    BOOST_TEST(visit.boots == 3U);
    BOOST_TEST(qemu.notes.find("test: CPU 1 of the machine gets no timer interrupts") == 0U, qemu.notes);
}

BOOST_AUTO_TEST_CASE(what_qemu_refuses_is_not_tried_again) {
    Fake qemu;
    const Visit visit = qemu.visit("echo 'no such machine' >&2; exit 1");
    BOOST_TEST(visit.boots == 1U);
    BOOST_TEST(visit.trouble == "QEMU ended with status 1: QEMU: no such machine");
}

BOOST_AUTO_TEST_CASE(traces_and_complaints_come_in_whole_lines) {
    Fake qemu;
    std::string traced;
    std::string complained;
    qemu.listener.output = [&](said::Stream stream, const std::string& text) {
        (stream == said::Stream::trace ? traced : complained) += "[" + text + "]";
    };
    qemu.visit("up\n" + qemu.writes("trace", "{\"a\":") + qemu.writes("err", "caf\xc3") +
               qemu.writes("trace", "1}\n{\"b\":2}\n{\"cut") + qemu.writes("err", "\xa9\nend") + "off");
    BOOST_TEST(traced == "[{\"a\":1}\n][{\"b\":2}\n]");
    BOOST_TEST(complained == "[caf\xc3\xa9\n][end\n]");
}

BOOST_AUTO_TEST_SUITE_END()
