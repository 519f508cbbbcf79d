#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <sstream>

#include "tests/tools/golden.hpp"
#include "tests/tools/samples.hpp"
#include "tools/report/json.hpp"
#include "tools/report/junit.hpp"
#include "tools/report/matrix.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/tap.hpp"
#include "tools/report/text.hpp"
#include "tools/report/timeline.hpp"
#include "tools/report/words.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools;

namespace {

constexpr std::chrono::microseconds elapsed{1'234'567};

std::size_t longest_line(const std::string& text) {
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
    return longest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reports)

BOOST_AUTO_TEST_CASE(text) {
    BOOST_TEST(is_golden(text_report(sample_results(), elapsed, {}), "report.txt"));
}

BOOST_AUTO_TEST_CASE(verbose_text_in_colour) {
    TextStyle style;
    style.verbose = true;
    style.colour = true;
    BOOST_TEST(is_golden(text_report(sample_results(), elapsed, style), "report_verbose_colour.txt"));
}

BOOST_AUTO_TEST_CASE(json) { BOOST_TEST(is_golden(json_report(sample_results()), "report.json")); }

BOOST_AUTO_TEST_CASE(junit) { BOOST_TEST(is_golden(junit_report(sample_results()), "report.xml")); }

BOOST_AUTO_TEST_CASE(tap) { BOOST_TEST(is_golden(tap_report(sample_results()), "report.tap")); }

BOOST_AUTO_TEST_CASE(a_failure_in_full) {
    BOOST_TEST(is_golden(failure_text(failed_sample(), {}), "failure.txt"));
}

BOOST_AUTO_TEST_CASE(a_failure_of_several_runs_and_iterations) {
    Result result = failed_sample();
    result.runs = 100;
    result.bad_runs = 3;
    result.verdict.failure->iteration = 6;
    result.verdict.failure->iterations = 8;
    result.source = "82093AA 3.2.4";
    BOOST_TEST(is_golden(failure_text(result, {}), "failure_repeated.txt"));
}

BOOST_AUTO_TEST_CASE(a_quiet_that_was_not_proven) {
    Story story;
    story.act({}, R"({ "cli": 0 })").claim(scenarios::expect::Quiet{}, R"({ "quiet": true })");
    story.happens(event_of(vmm::event::Quiet{false, "interrupts are disabled", {}}, vmm::Lane::guest, 0));
    Result result = failed_sample();
    result.verdict = story.judged();
    result.excerpt = excerpt(story.trace, *result.verdict.failure);
    BOOST_TEST(is_golden(failure_text(result, {}), "failure_invalid.txt"));
}

BOOST_AUTO_TEST_CASE(a_failure_that_should_be_over) {
    Result result = failed_sample();
    result.verdict.failure->remark = "Linux 6.13 was to have fixed this; this is 6.14.2";
    BOOST_TEST(failure_text(result, {})
                   .find("20 us after unmask 10\n  Linux 6.13 was to have fixed this; this is 6.14.2\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_matrix_of_one_folder_has_no_sum) {
    const auto results = sample_results();
    BOOST_TEST(is_golden(matrix(std::span(results).first(2)), "matrix_one_folder.txt"));
    BOOST_TEST(matrix({}) == "");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_do_not_break_the_json) {
    auto results = sample_results();
    results.front().file = "caf\xe9.json";
    BOOST_TEST(json_report(results).find("caf\xef\xbf\xbd.json") != std::string::npos);
}

/// With what neither XML nor a terminal takes as it is.
std::vector<Result> hostile_results() {
    auto results = sample_results();
    results.resize(3);
    for (Result& result : results)
        result.scenario = "a\x01\x1b[2J\n\t\xef\xbf\xbe\xef\xbf\xbf\xed\xa0\x80\xff\u00e9 \u0085<&\">";
    results[1].verdict.reason = results[2].verdict.reason = results[0].scenario;
    return results;
}

BOOST_AUTO_TEST_CASE(junit_holds_only_what_xml_allows) {
    const std::string text = junit_report(hostile_results());
    for (const char c : text) BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
    for (const char* refused : {"\xef\xbf\xbe", "\xef\xbf\xbf", "\xed\xa0\x80", "\xff"})
        BOOST_TEST(text.find(refused) == std::string::npos);
    BOOST_TEST(text.find("name=\"a\ufffd\ufffd[2J&#10;&#9;\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\u00e9 "
                         "\u0085&lt;&amp;&quot;&gt;\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_cannot_take_over_the_terminal_or_begin_a_line) {
    TextStyle style;
    style.verbose = true;
    const std::string name =
        "a\ufffd\ufffd[2J  \xef\xbf\xbe\xef\xbf\xbf\ufffd\ufffd\ufffd\ufffd\u00e9 \ufffd<&\">";
    for (const std::string& text :
         {text_report(hostile_results(), elapsed, style), tap_report(hostile_results())}) {
        BOOST_TEST(text.find(name) != std::string::npos);
        for (const char c : text) BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
    }
}

BOOST_AUTO_TEST_CASE(a_reason_of_several_lines_is_one_for_scripts_and_indented_for_readers) {
    auto results = sample_results();
    results.back().verdict.reason = "exit 17\nrip 0x20000";
    BOOST_TEST(json_report(results).find("\"reason\": \"exit 17 rip 0x20000\"") != std::string::npos);
    BOOST_TEST(text_report(results, elapsed, {}).find("        exit 17\n        rip 0x20000\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(trace_lines_of_every_kind_of_event) {
    using namespace vmm::event;
    std::vector<vmm::Event> trace;
    const auto add = [&trace](decltype(vmm::Event::what) what, vmm::Lane lane,
                              std::optional<std::uint32_t> vcpu = {}) {
        trace.push_back(event_of(std::move(what), lane, vcpu));
        trace.back().at = std::chrono::nanoseconds(trace.size() * 1500);
        trace.back().step = static_cast<std::uint32_t>(trace.size());
    };
    add(Call{"raise", "10", 10, {1, 0}}, vmm::Lane::host);
    add(Call{"route", "24", {}, {0, 22}}, vmm::Lane::host);
    add(Wire{10, "pin 10 up"}, vmm::Lane::wire);
    add(Resampled{"dev", 2}, vmm::Lane::host);
    add(DoorbellRung{"bell", 1}, vmm::Lane::host);
    add(EoiExit{0x51}, vmm::Lane::kernel);
    add(Taken{0x51, Kind::interrupt, 1, 0x20123}, vmm::Lane::guest, 0);
    add(Taken{2, Kind::nmi, 0, 0x20123}, vmm::Lane::guest, 1);
    add(GuestEoi{0x51}, vmm::Lane::guest, 0);
    add(Returned{0x51}, vmm::Lane::guest, 0);
    add(Started{}, vmm::Lane::guest, 1);
    add(OperationDone{"read msr 0x1b", 0xfee00900, {}}, vmm::Lane::guest, 0);
    add(OperationDone{"write msr 0x800", 0, 13}, vmm::Lane::guest, 0);
    add(OperationDone{"cli", 0, {}}, vmm::Lane::guest, 0);
    add(Fault{14, 2, 0x20123, 0xdead000}, vmm::Lane::guest, 0);
    add(Rest{RestState::in_handler, false, 1, 0x51}, vmm::Lane::guest, 0);
    add(Rest{RestState::halted, true, 0, 0}, vmm::Lane::guest, 1);
    add(Storm{2001}, vmm::Lane::guest, 0);
    add(Quiet{true, {}, {}}, vmm::Lane::guest, 0);
    add(Quiet{true, {}, 0x50}, vmm::Lane::guest, 0);
    add(Quiet{false, "interrupts are disabled", {}}, vmm::Lane::guest, 0);
    add(Observed{"ioapic 10 remote_irr", 1}, vmm::Lane::host);
    add(Trouble{"vCPU 0 got no CPU time", true}, vmm::Lane::host);
    add(Kernel{"kvm_ioapic_set_irq", {{"e", 0x51}, {"pin", 10}, {"coalesced", 0}}}, vmm::Lane::kernel);
    add(KernelLost{17}, vmm::Lane::kernel);
    BOOST_TEST(is_golden(trace_lines(failed_sample(), 2, std::nullopt, trace), "trace.jsonl"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(timelines)

namespace {

/// Many events of a width that does not fit, on every lane.
Excerpt wide_excerpt() {
    Excerpt wide;
    const std::string text(60, 'x');
    for (std::uint32_t vcpu = 0; vcpu < 3; ++vcpu)
        wide.events.push_back(
            event_of(vmm::event::OperationDone{text + " y", 0, {}}, vmm::Lane::guest, vcpu));
    wide.events.push_back(event_of(vmm::event::Wire{10, text}, vmm::Lane::wire));
    wide.events.push_back(event_of(vmm::event::Call{text, "", {}, {}}));
    wide.events.push_back(taken(0x51, 2));
    wide.marked = 5;
    return wide;
}

scenarios::Failure failure_at(std::size_t event, std::size_t end) {
    scenarios::Failure failure;
    failure.event = event;
    failure.end = end;
    return failure;
}

}  // namespace

BOOST_AUTO_TEST_CASE(fits_its_width_where_it_can) {
    BOOST_TEST(longest_line(timeline(wide_excerpt(), "nobody claimed this", 120)) <= 120U);
    BOOST_TEST(is_golden(timeline(wide_excerpt(), "nobody claimed this", 120), "timeline_wide.txt"));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_goes_on_in_a_further_line) {
    Excerpt narrow;
    for (std::uint32_t vcpu = 0; vcpu < 5; ++vcpu)
        narrow.events.push_back(
            event_of(vmm::event::OperationDone{"write ioapic 0x24", 0xfee0'0900'1234'5678, {}},
                     vmm::Lane::guest, vcpu));
    narrow.events.push_back(
        event_of(vmm::event::Wire{10, "ioapic pin 10 sends vector 0x51 to 0"}, vmm::Lane::wire));
    narrow.marked = 4;
    const std::string text = timeline(narrow, "nobody claimed this");
    BOOST_TEST(longest_line(text) <= 100U);
    BOOST_TEST(text.find("vCPU 4: write ioapic") != std::string::npos);
    BOOST_TEST(text.find("...") == std::string::npos);
    std::string words;
    std::istringstream in(text);
    for (std::string word; in >> word;) words += word + ' ';
    BOOST_TEST(words.find("sends vector 0x51 to 0 ") != std::string::npos);
    std::size_t values = 0;
    for (auto at = words.find("0xfee0090012345678"); at != std::string::npos;
         at = words.find("0xfee0090012345678", at + 1))
        ++values;
    BOOST_TEST(values == 5U);
    BOOST_TEST(is_golden(text, "timeline_narrow.txt"));
}

BOOST_AUTO_TEST_CASE(wires_of_several_gsis_share_a_column) {
    Excerpt two;
    two.events = {event_of(vmm::event::Wire{10, "up"}, vmm::Lane::wire),
                  event_of(vmm::event::Wire{11, "up"}, vmm::Lane::wire)};
    BOOST_TEST(timeline(two, "").find("wires") != std::string::npos);
    two.events.pop_back();
    BOOST_TEST(timeline(two, "").find("gsi 10") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(whatever_happened_fits_a_hundred_columns_and_is_all_there) {
    namespace event = vmm::event;
    std::mt19937 dice(1);
    const auto below = [&dice](std::uint32_t count) { return static_cast<std::uint32_t>(dice() % count); };
    const auto words = [&](const char* letter) {
        std::string text;
        for (std::uint32_t i = below(20); i-- > 0;) {
            for (std::uint32_t length = 1 + below(below(8) == 0 ? 90 : 9); length-- > 0;) text += letter;
            text += ' ';
        }
        return text + letter;
    };
    // Of two bytes, so that a place between them can be seen.
    const char* const letters[] = {"x", "\xc3\xa9"};
    for (int turn = 0; turn < 500; ++turn) {
        Excerpt many;
        std::chrono::nanoseconds at{};
        for (std::uint32_t i = 1 + below(12); i-- > 0;) {
            const std::string text = words(letters[below(2)]);
            const auto vcpu = below(below(2) == 0 ? 2 : 300);
            switch (below(6)) {
                case 0: many.events.push_back(event_of(event::Call{text, "", {}, {}})); break;
                case 1: many.events.push_back(event_of(event::Wire{10, text}, vmm::Lane::wire)); break;
                case 2:
                    many.events.push_back(
                        event_of(event::OperationDone{text, 0, {}}, vmm::Lane::guest, vcpu));
                    break;
                case 3:
                    many.events.push_back(event_of(
                        event::Kernel{"kvm_" + text, {{"pin", below(24)}, {"e", ~0ULL}}}, vmm::Lane::kernel));
                    break;
                case 4: many.events.push_back(event_of(event::Resampled{text, below(9)})); break;
                default: many.events.push_back(taken(below(256), vcpu));
            }
            // Up to days.
            at += std::chrono::nanoseconds(below(1000)) * (below(4) == 0 ? 100'000'000'000 : 1000);
            many.events.back().at = at;
        }
        if (below(2) == 0) many.marked = below(static_cast<std::uint32_t>(many.events.size()));
        const std::string text = timeline(many, "nobody claimed this");
        BOOST_REQUIRE(is_utf8(text));
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            const auto is_first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; };
            BOOST_REQUIRE_MESSAGE(std::count_if(line.begin(), line.end(), is_first_byte) <= 100, text);
        }
        // Each line is of one event, so that its words follow each other.
        const auto without_spaces = [](std::string spaced) {
            std::erase_if(spaced, [](char c) { return c == ' ' || c == '\n'; });
            return spaced;
        };
        std::string left = without_spaces(text);
        for (const vmm::Event& each : many.events) {
            const std::string told = without_spaces(vmm::describe_in_lane(each));
            const auto found = left.find(told);
            BOOST_REQUIRE_MESSAGE(found != std::string::npos, told << " is not in\n" << text);
            left.erase(0, found + told.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_happened_is_no_timeline) { BOOST_TEST(timeline({}, "mark") == ""); }

BOOST_AUTO_TEST_CASE(ends_with_the_offending_event_and_is_short) {
    const std::vector<vmm::Event> trace(100, taken(0x51));
    const Excerpt middle = excerpt(trace, failure_at(50, 100));
    BOOST_TEST(middle.events.size() == 12U);
    BOOST_TEST(middle.marked.value() == 11U);
    const Excerpt early = excerpt(trace, failure_at(2, 100));
    BOOST_TEST(early.events.size() == 3U);
    BOOST_TEST(early.marked.value() == 2U);
}

BOOST_AUTO_TEST_CASE(without_an_offending_event_ends_with_the_step) {
    scenarios::Failure nothing;
    nothing.end = 20;
    const std::vector<vmm::Event> trace(100, taken(0x51));
    const Excerpt last = excerpt(trace, nothing);
    BOOST_TEST(last.events.size() == 12U);
    BOOST_TEST(!last.marked.has_value());
}

BOOST_AUTO_TEST_CASE(says_the_value_of_an_operation_once) {
    const std::vector<vmm::Event> trace{
        event_of(vmm::event::OperationDone{"port 0x80", 0xff, {}}, vmm::Lane::guest, 0),
        event_of(vmm::event::Observed{"port 0x80", 0xff}, vmm::Lane::guest, 0), taken(0x51)};
    BOOST_TEST(excerpt(trace, failure_at(2, 3)).events.size() == 2U);
    BOOST_TEST(excerpt(trace, failure_at(1, 3)).marked.value() == 1U);
}

BOOST_AUTO_TEST_CASE(leaves_out_rest_that_has_not_changed) {
    const auto idle =
        event_of(vmm::event::Rest{vmm::event::RestState::idle, true, 0, 0}, vmm::Lane::guest, 0);
    const auto masked =
        event_of(vmm::event::Rest{vmm::event::RestState::idle, false, 0, 0}, vmm::Lane::guest, 0);
    const std::vector<vmm::Event> trace{idle, idle, masked, idle, taken(0x51)};
    BOOST_TEST(excerpt(trace, failure_at(4, 5)).events.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(says_how_far_it_is_and_what_went_wrong) {
    BOOST_TEST(progress_line({37, 212, 0, "split x86/pic/rotation.json"}, 80) ==
               "[ 37/212]  split x86/pic/rotation.json");
    BOOST_TEST(progress_line({37, 212, 2, "split x86/pic/rotation.json"}, 80) ==
               "[ 37/212]  2 failed  split x86/pic/rotation.json");
    BOOST_TEST(progress_line({37, 212, 2, "split x86/pic/rotation.json"}, 12) == "[ 37/212]  2");
}

BOOST_AUTO_TEST_CASE(says_how_long_the_rest_takes_once_that_can_be_told) {
    using namespace std::chrono_literals;
    BOOST_TEST(progress_line({37, 212, 0, "a", 9s}, 80) == "[ 37/212]  a");
    BOOST_TEST(progress_line({50, 100, 1, "a", 20s}, 80) == "[ 50/100]  1 failed  20 s left  a");
    BOOST_TEST(progress_line({10, 100, 0, "a", 20s}, 80) == "[ 10/100]  3 min left  a");
    BOOST_TEST(time_left({1, 1000, 0, "", 20s}) == "5.5 h left");
    // What an earlier run did took this one no time.
    BOOST_TEST(time_left({50, 100, 0, "", 20s, 40}) == "2 min left");
    for (const ProgressState& unknown : {ProgressState{0, 100, 0, "", 20s}, ProgressState{50, 0, 0, "", 20s},
                                         ProgressState{40, 100, 0, "", 20s, 40}, ProgressState{50, 100},
                                         ProgressState{100, 100, 0, "", 20s}})
        BOOST_TEST(time_left(unknown) == "");
}

BOOST_AUTO_TEST_CASE(rewrites_one_line_and_removes_it) {
    std::ostringstream out;
    Progress progress(out, true, 80);
    progress.show({1, 2, 0, "a"});
    progress.show({2, 2, 0, "b"});
    progress.clear();
    progress.clear();
    BOOST_TEST(out.str() == "\r\033[K[1/2]  a\r\033[K[2/2]  b\r\033[K");
}

BOOST_AUTO_TEST_CASE(is_silent_where_there_is_no_terminal) {
    std::ostringstream out;
    Progress progress(out, false, 80);
    progress.show({1, 2, 0, "a"});
    progress.clear();
    BOOST_TEST(out.str() == "");
}

BOOST_AUTO_TEST_SUITE_END()
