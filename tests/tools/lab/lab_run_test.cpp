#include "tools/irqbench/lab_run.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/tools/lab/fake_qemu.hpp"
#include "tools/irqbench/kernel_labels.hpp"
#include "tools/report/report.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools;
namespace fs = std::filesystem;

namespace {

lab::Kernel kernel_named(const std::string& name, const std::string& release) {
    return {name, lab::Arch::x86_64, release, "", "/no/" + name, ""};
}

/// A `run` on kernels that a script stands for.
struct Fake : FakeQemu {
    Fake() {
        plan.kernels = {kernel_named("old", "6.1-test"), kernel_named("new", "7.2-test")};
        plan.program = {"/bin/true", {}};
        plan.inner.name = "run";
        plan.inner.arguments = {"run", "scenarios"};
        plan.inner.format = "jsonl";
        plan.log_folder = folder() / "logs";
    }

    int run(const std::string& script) {
        std::ostringstream out_stream;
        std::ostringstream err_stream;
        Surroundings surroundings{
            out_stream,
            err_stream,
            is_terminal,
            is_terminal,
            [](const char*) { return std::string(); },
            [] { return vmm::Host(); },
            [](const vmm::MachineConfig&, vmm::Trace&) { return std::unique_ptr<vmm::Machine>(); },
            interrupted};
        plan.qemu = qemu(
            "name=$(basename $kernel); release=6.1-test; [ $name != new ] || release=7.2-test\n" + script);
        const int status = run_lab(plan, surroundings);
        out = out_stream.str();
        err = err_stream.str();
        return status;
    }

    [[nodiscard]] std::vector<Record> records() const {
        std::vector<Record> all;
        std::istringstream lines(out);
        for (std::string line; std::getline(lines, line);) all.push_back(parse_record(line));
        return all;
    }
    template <class T>
    [[nodiscard]] std::vector<T> records_of_kind() const {
        std::vector<T> found;
        for (const Record& each : records())
            if (const auto* it = std::get_if<T>(&each)) found.push_back(*it);
        return found;
    }

    /// The same on both kernels, each with its own release.
    std::string says_release(Record record) {
        const auto of = [&](const std::string& release) {
            std::visit(
                [&](auto& each) {
                    if constexpr (requires { each.kernel; }) each.kernel = release;
                    if constexpr (requires { each.result; }) each.result.kernel = release;
                },
                record);
            return says(record);
        };
        const std::string old = of("6.1-test");
        return "if [ $release = 6.1-test ]; then\n" + old + "else\n" + of("7.2-test") + "fi\n";
    }

    LabPlan plan;
    bool is_terminal = false;
    std::string out;
    std::string err;
    std::atomic<bool> interrupted{false};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lab_run)

BOOST_AUTO_TEST_CASE(what_ends_in_an_error_on_an_emulated_processor_is_played_again) {
    const auto says_retry = [](const auto& prepare) {
        Fake lab;
        lab.plan.kernels.resize(1);
        prepare(lab.plan);
        const auto count = [](const std::string& word) {
            return "tr '\\0' '\\n' <$initrd | grep -a -c -x -e '" + word + "' >>found\n";
        };
        lab.run(count("--retry-errors") + count("--jobs") + "up\noff");
        return lab.read("found");
    };
    BOOST_TEST(says_retry([](LabPlan&) {}) == "1\n1\n");
    BOOST_TEST(says_retry([](LabPlan& plan) { plan.setup.accelerator = "kvm"; }) == "0\n1\n");
    BOOST_TEST(says_retry([](LabPlan& plan) { plan.inner.counts_errors = true; }) == "0\n1\n");
}

BOOST_AUTO_TEST_CASE(records_of_several_kernels_name_them_and_have_indices_of_the_whole) {
    Fake lab;
    const int status = lab.run("up $release\n" + lab.says_release(record::Begin{"1", "", 2}) +
                               lab.says_release(record::Started{1, "scenario 1", "file1", "split", ""}) +
                               lab.says_release(record::Progress{1, 0, 2, ""}) +
                               lab.says_release(finished(0)) + lab.says_release(finished(1)) + "off");
    BOOST_TEST(status == 0);
    std::set<std::string> kernels;
    for (const auto& begin : lab.records_of_kind<record::Begin>()) kernels.insert(begin.kernel);
    BOOST_TEST(kernels.size() == 2U);
    BOOST_TEST(lab.records_of_kind<record::Begin>().size() == 2U);
    std::set<std::uint64_t> indices;
    for (const auto& each : lab.records_of_kind<record::Finished>()) {
        indices.insert(each.index);
        BOOST_TEST((each.index % 2 == 0) == (each.result.kernel == "6.1-test"));
    }
    BOOST_TEST((indices == std::set<std::uint64_t>{0, 1, 2, 3}));
    for (const auto& each : lab.records_of_kind<record::Started>())
        BOOST_TEST(each.index == (each.kernel == "6.1-test" ? 2U : 3U));
    for (const auto& each : lab.records_of_kind<record::Progress>()) BOOST_TEST(each.kernel != "");
    BOOST_TEST(lab.records_of_kind<record::End>().size() == 1U);
}

BOOST_AUTO_TEST_CASE(every_format_is_of_the_results_of_all_kernels) {
    const auto report = [](const std::string& format) {
        Fake lab;
        lab.plan.inner.format = format;
        BOOST_TEST(lab.run("up $release\n" + lab.says_release(record::Begin{"1", "", 1}) +
                           lab.says_release(finished(0)) + "off") == 0);
        return lab.out;
    };
    for (const char* format : {"json", "junit", "tap", "ktap", "text"}) {
        std::vector<Result> results;
        for (const char* release : {"6.1-test", "7.2-test"}) results.push_back(finished(0, release).result);
        ReportOptions options;
        options.format = format;
        // The one line that says how long it took is not to be compared.
        const auto without_time = [](std::string text) {
            return std::regex_replace(text, std::regex(" in [0-9.]+ s\n"), "\n");
        };
        BOOST_TEST(without_time(report(format)) == without_time(report_text(results, options)), format);
    }
}

BOOST_AUTO_TEST_CASE(a_page_is_written_here_of_the_results_of_all_kernels) {
    Fake lab;
    lab.plan.inner.report = (lab.folder() / "out.html").string();
    BOOST_TEST(lab.run("up $release\n" + lab.says_release(record::Begin{"1", "", 1}) +
                       lab.says_release(finished(0)) + "off") == 0);
    const std::string page = lab.read("out.html");
    for (const std::string said :
         {"<!doctype html>", "irqbench on several kernels", R"("kernel":"6.1")", R"("kernel":"7.2")"})
        BOOST_TEST(page.find(said) != std::string::npos, said);
    Fake nowhere;
    nowhere.plan.inner.report = (nowhere.folder() / "none" / "out.html").string();
    BOOST_CHECK_THROW(nowhere.run("exit 1"), std::exception);
}

BOOST_AUTO_TEST_CASE(jobs_are_machines_at_a_time) {
    // Each waits until the other has booted, for a while.
    const auto met = [](std::uint32_t jobs) {
        Fake lab;
        lab.plan.jobs = jobs;
        const std::string tries = jobs == 1 ? "5" : "600";
        lab.run("up $release\nother=old; [ $name != old ] || other=new\ntouch here.$name; tries=" + tries +
                "\nwhile [ $tries -gt 0 ] && [ ! -e here.$other ]; do sleep 0.1; tries=$((tries - 1)); done\n"
                "[ -e here.$other ] && echo $name >> met\noff");
        return lab.read("met");
    };
    const std::string both = met(2);
    BOOST_TEST((both == "old\nnew\n" || both == "new\nold\n"), both);
    BOOST_TEST(met(1) == "new\n");
}

BOOST_AUTO_TEST_CASE(machines_share_the_cpus_of_the_host) {
    const auto shares = [](std::uint32_t host_cpus, std::size_t kernels, std::uint32_t machines = 0,
                           std::uint32_t cpus = 0) {
        const Shares got = share_host(host_cpus, kernels, machines, cpus);
        return fmt::format("{} of {}", got.machines, got.cpus);
    };
    BOOST_TEST(shares(2, 1) == "1 of 2");
    BOOST_TEST(shares(2, 4) == "2 of 1");
    BOOST_TEST(shares(8, 4) == "4 of 2");
    BOOST_TEST(shares(7, 4) == "4 of 1");
    BOOST_TEST(shares(64, 4) == "4 of 2");
    BOOST_TEST(shares(1, 1) == "1 of 1");
    BOOST_TEST(shares(0, 3) == "1 of 1", "nobody knows how many the host has");
    BOOST_TEST(shares(2, 4, 1) == "1 of 2", "one machine at a time has the host for itself");
    BOOST_TEST(shares(2, 4, 9) == "4 of 1");
    BOOST_TEST(shares(2, 4, 0, 3) == "2 of 3");
}

BOOST_AUTO_TEST_CASE(progress_is_of_all_machines) {
    Fake lab;
    lab.is_terminal = true;
    lab.run("up $release\n" + lab.says_release(record::Begin{"1", "", 2}) +
            lab.says_release(record::Progress{1, 0, 2, "scenario 1"}) + "off");
    BOOST_TEST(lab.err.find("2/4") != std::string::npos, lab.err);
    lab.plan.inner.quiet = true;
    lab.run("up $release\noff");
    BOOST_TEST(lab.err == "");
}

BOOST_AUTO_TEST_CASE(a_kernel_that_does_not_boot_is_a_result_of_its_own) {
    Fake lab;
    const int status = lab.run(
        "[ $name = old ] || { echo 'Kernel panic - not syncing: no' > $console; exit; }\nup $release\n" +
        lab.says_release(record::Begin{"1", "", 1}) + lab.says_release(finished(0)) + "off");
    BOOST_TEST(status == 3);
    std::map<std::uint64_t, std::string> verdicts;
    for (const auto& each : lab.records_of_kind<record::Finished>())
        verdicts[each.index] = each.result.kernel + ": " + each.result.verdict.reason;
    BOOST_TEST(verdicts.size() == 2U);
    BOOST_TEST(verdicts[0] == "6.1-test: ");
    BOOST_TEST(verdicts[1] == "new: kernel panic while it booted: no");
    // So that whoever counts tasks comes to the right number.
    std::uint64_t tasks = 0;
    for (const auto& each : lab.records_of_kind<record::Begin>()) tasks += each.tasks;
    BOOST_TEST(tasks == 2U);
}

BOOST_AUTO_TEST_CASE(the_result_of_a_kernel_that_stops_later_comes_behind_its_others) {
    Fake lab;
    BOOST_TEST(lab.run("up $release\n" + lab.says_release(record::Begin{"1", "", 2}) +
                       "[ $name = old ] || exit 0\n" + lab.says_release(finished(0)) +
                       lab.says_release(finished(1)) + "off") == 3);
    std::map<std::uint64_t, std::string> kernels;
    for (const auto& each : lab.records_of_kind<record::Finished>()) kernels[each.index] = each.result.kernel;
    BOOST_TEST(kernels.size() == 3U);
    BOOST_TEST(kernels[5] == "7.2-test");
}

BOOST_AUTO_TEST_CASE(kernels_of_one_release_are_told_apart_by_their_images) {
    Fake lab;
    lab.plan.kernels = {kernel_named("old", "6.1-test"), kernel_named("other", "6.1-test")};
    const std::string script =
        "up $release\n" + lab.says_release(record::Begin{"1", "", 1}) + lab.says_release(finished(0)) + "off";
    BOOST_TEST(lab.run(script) == 0);
    std::set<std::string> kernels;
    for (const auto& each : lab.records_of_kind<record::Finished>()) kernels.insert(each.result.kernel);
    BOOST_TEST((kernels == std::set<std::string>{"6.1-test (old)", "6.1-test (other)"}));
    lab.plan.inner.format = "text";
    lab.run(script);
    BOOST_TEST(lab.out.find("6.1-test (other)") != std::string::npos, lab.out);
}

BOOST_AUTO_TEST_CASE(each_kernel_goes_on_from_its_own_results) {
    Fake lab;
    const fs::path earlier = lab.folder() / "earlier";
    auto done = finished(7);
    done.result.kernel = "7.2-test";
    std::ofstream(earlier) << record_line(done);
    lab.plan.inner.resume = earlier.string();
    // Both are given a file, as the option is among the arguments; the one of the old kernel is empty.
    BOOST_TEST(lab.run("up $release\ngrep -a -q done.jsonl $initrd || exit 1\n"
                       "if grep -a -q file7 $initrd; then echo $name >> had; fi\n" +
                       lab.says_release(record::Begin{"1", "", 1}) + lab.says_release(finished(0)) + "off") ==
               0);
    BOOST_TEST(lab.read("had") == "new\n");
    // Nor is it overwritten.
    lab.plan.inner.trace_out = earlier.string();
    BOOST_TEST(lab.run("exit 1") == 2);
    BOOST_TEST(lab.read("earlier") == record_line(done));
    lab.plan.inner.trace_out.clear();
    std::ofstream(earlier) << "nonsense\n";
    BOOST_CHECK_THROW(lab.run("exit 1"), CLI::ValidationError);
}

BOOST_AUTO_TEST_CASE(traces_of_several_machines_do_not_tear_each_other) {
    Fake lab;
    lab.plan.jobs = 2;
    lab.plan.inner.trace_out = (lab.folder() / "trace").string();
    const std::string half(1000, 'x');
    BOOST_TEST(lab.run("up $release\n" + lab.says_release(record::Begin{"1", "", 1}) +
                       "for i in 1 2 3 4 5 6 7 8 9 10; do\n" + FakeQemu::writes("trace", half) +
                       "sleep 0.01\n" + FakeQemu::writes("trace", half + "\n") + "done\n" +
                       lab.says_release(finished(0)) + "off") == 0);
    std::istringstream lines(lab.read("trace"));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) BOOST_TEST(line.size() == 2000U);
    BOOST_TEST(count == 20U);
}

BOOST_AUTO_TEST_CASE(traces_of_kernels_of_one_release_name_them) {
    Fake lab;
    for (auto& kernel : lab.plan.kernels) kernel.release = "6.1-test";
    lab.plan.inner.trace_out = (lab.folder() / "trace").string();
    const std::string event = R"({"scenario":"a","kernel":"6.1-test","at_ns":1})";
    BOOST_TEST(lab.run("up 6.1-test\n" + lab.says(record::Begin{"1", "6.1-test", 1}) +
                       FakeQemu::writes("trace", event + "\nno event\n") + lab.says(finished(0)) + "off") ==
               0);
    const std::string trace = lab.read("trace");
    for (const std::string name : {"old", "new"})
        BOOST_TEST(trace.find(R"({"scenario":"a","kernel":"6.1-test ()" + name +
                              ")\",\"at_ns\":1}\nno event\n") != std::string::npos,
                   trace);
}

BOOST_AUTO_TEST_CASE(in_a_trace_for_a_viewer_each_run_of_each_kernel_is_a_process_with_its_name) {
    Fake lab;
    for (auto& kernel : lab.plan.kernels) kernel.release = "6.1-test";
    lab.plan.inner.trace_out = (lab.folder() / "trace.json").string();
    const std::string lines = R"([
{"ph":"M","pid":1,"tid":0,"name":"process_name","args":{"name":"a, kernel, Linux 6.1-test"}},
{"ph":"M","pid":2,"tid":0,"name":"process_name","args":{"name":"b, kernel, Linux 6.1-test"}},
{"ph":"i","pid":1,"tid":1,"name":"raise"}
]
)";
    BOOST_TEST(lab.run("up 6.1-test\n" + lab.says(record::Begin{"1", "6.1-test", 1}) +
                       FakeQemu::writes("trace", lines) + lab.says(finished(0)) + "off") == 0);
    std::map<std::string, int> marks;
    std::map<std::uint64_t, std::string> processes;
    for (const auto& event : nlohmann::json::parse(lab.read("trace.json"))) {
        const auto process = event["pid"].get<std::uint64_t>();
        if (event["ph"] == "M")
            BOOST_TEST(processes.try_emplace(process, event["args"]["name"]).second);
        else
            ++marks[processes.at(process)];
    }
    BOOST_TEST(processes.size() == 4U);
    BOOST_TEST((marks == std::map<std::string, int>{{"a, kernel, Linux 6.1-test (old)", 1},
                                                    {"a, kernel, Linux 6.1-test (new)", 1}}));
}

BOOST_AUTO_TEST_CASE(complaints_of_several_kernels_say_whose_they_are) {
    Fake lab;
    lab.run("up $release\n" + FakeQemu::writes("err", "irqbench: no\n") +
            lab.says_release(record::Begin{"1", "", 1}) + lab.says_release(finished(0)) + "off");
    BOOST_TEST(lab.err.find("old: irqbench: no\n") != std::string::npos, lab.err);
    BOOST_TEST(lab.err.find("new: irqbench: no\n") != std::string::npos, lab.err);
}

BOOST_AUTO_TEST_CASE(the_console_of_every_kernel_is_kept) {
    Fake lab;
    lab.run("echo \"hello from $name\" > $console\nup $release\n" +
            lab.says_release(record::Begin{"1", "", 1}) + lab.says_release(finished(0)) + "off");
    std::string all;
    for (const auto& entry : fs::directory_iterator(lab.plan.log_folder)) {
        BOOST_TEST(entry.path().filename().string().find("x86_64-") == 0U);
        all += lab.read("logs/" + entry.path().filename().string());
    }
    BOOST_TEST(all.find("hello from old") != std::string::npos, all);
    BOOST_TEST(all.find("hello from new") != std::string::npos, all);
}

BOOST_AUTO_TEST_CASE(labels_lead_back_to_releases) {
    const std::vector<lab::Kernel> different = {kernel_named("a", "6.1"), kernel_named("b", "7.2")};
    const KernelLabels plain(different);
    BOOST_TEST(plain.label(0, "6.1") == "6.1");
    BOOST_TEST((plain.release(0, "6.1") == std::optional<std::string>("6.1")));
    BOOST_TEST(!plain.release(1, "6.1"));
    const std::vector<lab::Kernel> unknown = {kernel_named("a", ""), kernel_named("b", "7.2")};
    const KernelLabels named(unknown);
    BOOST_TEST(named.label(0, "7.2") == "7.2 (a)");
    BOOST_TEST((named.release(0, "7.2 (a)") == std::optional<std::string>("7.2")));
    BOOST_TEST(!named.release(1, "7.2 (a)"));
    BOOST_TEST(!named.release(1, "7.2"));
}

BOOST_AUTO_TEST_SUITE_END()
