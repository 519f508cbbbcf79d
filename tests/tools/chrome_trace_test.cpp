#include "tools/report/chrome_trace.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace irqbench::tests {

namespace {

using nlohmann::json;
using tools::Picture;
using State = Picture::State;

std::vector<json> events_of(const Picture& picture) {
    std::vector<json> events;
    std::istringstream lines(tools::chrome_trace("a run", 7, picture));
    for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
    return events;
}

/// `vCPU 0 in service: in service 0x51 1000+2000`, each on its row, times in ns; marks are `vCPU 0: text
/// 1000`.
std::string text_of(const std::vector<json>& events) {
    std::map<std::uint64_t, std::string> rows;
    std::string text;
    for (const json& event : events) {
        BOOST_TEST(event["pid"] == 7);
        if (event["name"] == "thread_name") rows[event["tid"]] = event["args"]["name"];
        if (event["ph"] == "M") continue;
        text += fmt::format("{}{}: {} {}", text.empty() ? "" : "; ", rows.at(event["tid"]),
                            event["name"].get<std::string>(), event["ts"].get<double>() * 1000);
        if (event["ph"] == "X") text += fmt::format("+{}", event["dur"].get<double>() * 1000);
    }
    return text;
}

Picture picture_with_marks() {
    Picture picture;
    picture.lanes = {{Picture::Lane::Kind::host, "host"}, {Picture::Lane::Kind::vcpu, "vCPU 0"}};
    picture.marks = {{0, 1000, 1, "raise"}, {1, 1500, 1, "ack 0x51"}, {1, 4000, 2, "eoi"}};
    return picture;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chrome_trace)

BOOST_AUTO_TEST_CASE(a_run_is_a_process_and_each_lane_a_thread_with_its_marks) {
    const auto events = events_of(picture_with_marks());
    BOOST_TEST(events.front()["name"] == "process_name");
    BOOST_TEST(events.front()["args"]["name"] == "a run");
    BOOST_TEST(text_of(events) == "host: raise 1000; vCPU 0: ack 0x51 1500; vCPU 0: eoi 4000");
}

BOOST_AUTO_TEST_CASE(states_have_a_row_below_their_lane_and_last_from_mark_to_mark) {
    Picture picture = picture_with_marks();
    picture.intervals = {{0, State::high, 0, 3, {}}, {1, State::in_service, 1, 2, 0x51}};
    BOOST_TEST(text_of(events_of(picture)) ==
               "host: raise 1000; host line high: line high 1000+3000; vCPU 0: ack 0x51 1500; "
               "vCPU 0: eoi 4000; vCPU 0 in service: in service 0x51 1500+2500");
}

BOOST_AUTO_TEST_CASE(spans_that_overlap_are_on_rows_of_their_own) {
    Picture picture = picture_with_marks();
    picture.intervals = {
        {1, State::pending, 0, 2, 0x51}, {1, State::pending, 1, 3, 0x61}, {1, State::pending, 2, 3, 0x51}};
    std::map<std::uint64_t, std::vector<std::pair<double, double>>> spans;
    for (const json& event : events_of(picture))
        if (event["ph"] == "X") spans[event["tid"]].emplace_back(event["ts"], event["dur"]);
    BOOST_TEST(spans.size() == 2U);
    for (const auto& [row, all] : spans)
        for (std::size_t i = 1; i < all.size(); ++i)
            BOOST_TEST(all[i - 1].first + all[i - 1].second <= all[i].first);
}

BOOST_AUTO_TEST_CASE(what_was_expected_stands_where_it_should_have_come) {
    Picture picture = picture_with_marks();
    picture.wrong = 2;
    picture.missed = Picture::Missed{1, 1, 2, "ack 0x61 on vCPU 0", "eoi"};
    const auto events = events_of(picture);
    BOOST_TEST(text_of(events) ==
               "host: raise 1000; vCPU 0: ack 0x51 1500; vCPU 0: eoi 4000; "
               "vCPU 0 expected: expected ack 0x61 on vCPU 0 1500+2500");
    BOOST_TEST(events.back()["args"]["came"] == "eoi");
    BOOST_TEST(std::count_if(events.begin(), events.end(), [](const json& event) {
                   return event["args"].contains("failure") && event["name"] == "eoi";
               }) == 1);
}

BOOST_AUTO_TEST_CASE(a_picture_without_marks_and_names_that_are_no_text_are_written) {
    BOOST_TEST(text_of(events_of({})) == "");
    Picture picture = picture_with_marks();
    picture.lanes[0].name = "\xff\"thread";
    BOOST_TEST(text_of(events_of(picture)).starts_with("\xef\xbf\xbd\"thread: raise 1000"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
