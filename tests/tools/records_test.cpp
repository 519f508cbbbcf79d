#include "tools/report/records.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/scenarios/schema_validator.hpp"
#include "tests/tools/samples.hpp"
#include "tools/report/events.hpp"
#include "tools/report/json.hpp"
#include "tools/report/junit.hpp"
#include "tools/report/ktap.hpp"
#include "tools/report/report.hpp"
#include "tools/report/tap.hpp"
#include "tools/report/text.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::tools;
using namespace std::string_literals;

namespace {

/// As many as a campaign would tell of these results.
std::vector<Record> records_of(const std::vector<Result>& results) {
    std::vector<Record> records{record::Begin{"1.0", "6.1.176", results.size()}};
    for (std::size_t i = 0; i < results.size(); ++i) {
        records.emplace_back(
            record::Started{i, results[i].scenario, results[i].file, results[i].irqchip, "6.1.176"});
        records.emplace_back(record::Progress{i, 0, results.size(), "6.1.176"});
        records.emplace_back(record::Finished{i, true, results[i]});
    }
    records.emplace_back(record::End{1, false, std::chrono::microseconds(1'234'567)});
    return records;
}

std::string lines_of(const std::vector<Record>& records) {
    std::string text;
    for (const Record& record : records) text += record_line(record);
    return text;
}

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

/// The results as somebody gets them who has only the records.
std::vector<Result> results_from(const std::string& text) {
    std::vector<Result> results;
    for (const std::string& line : split_lines(text)) {
        Record record = parse_record(line);
        if (auto* finished = std::get_if<record::Finished>(&record))
            results.push_back(std::move(finished->result));
    }
    return results;
}

/// With everything that a result can have, and bytes that JSON has no text for.
std::vector<Result> odd_results() {
    auto results = sample_results();
    results[0].file = "caf\xe9/\x01\x1b[2J.json";
    results[0].scenario = "nul\0byte \xff\xfe \xef\xbf\xbd \"quoted\" \\ \u20ac"s;
    results[2].verdict.invalid = true;
    results[2].verdict.failure->iteration = 3;
    results[2].verdict.failure->iterations = 8;
    results[2].verdict.failure->remark = "Linux 5.14 was to have fixed this";
    results[2].runs = 100;
    results[2].bad_runs = 7;
    results[2].retried = "exit 8";
    results[2].source = "82093AA 3.2.4";
    results[5].verdict.reason = "exit 17\nrip 0x20000";
    return results;
}

/// One of every alternative, and of those with something optional one more.
/// @param most64 where any 64-bit number can be
std::vector<vmm::Event> every_event(std::uint64_t most64 = std::numeric_limits<std::uint64_t>::max()) {
    using namespace vmm::event;
    constexpr auto most32 = std::numeric_limits<std::uint32_t>::max();
    std::vector<vmm::Event> events;
    const auto add = [&events](decltype(vmm::Event::what) what, vmm::Lane lane,
                               std::optional<std::uint32_t> vcpu = {}) {
        events.push_back(event_of(std::move(what), lane, vcpu));
        events.back().at = std::chrono::nanoseconds(events.size() * 1500);
        events.back().step = static_cast<std::uint32_t>(events.size());
    };
    add(Call{"raise", "10", 10, {-1, 0}}, vmm::Lane::host);
    add(Call{"route", "24", {}, {0, 22}}, vmm::Lane::host);
    add(Wire{10, "pin 10 up"}, vmm::Lane::wire);
    add(Wire{{}, ""}, vmm::Lane::wire);
    add(Resampled{"dev", most64}, vmm::Lane::host);
    add(DoorbellRung{"bell", 1}, vmm::Lane::host);
    add(EoiExit{0x51}, vmm::Lane::kernel);
    add(Taken{0x51, Kind::interrupt, 1, most64}, vmm::Lane::guest, 0);
    add(Taken{2, Kind::nmi, 0, 0x20123}, vmm::Lane::guest, most32);
    add(GuestEoi{0x51}, vmm::Lane::guest, 0);
    add(Returned{0x51}, vmm::Lane::guest, 0);
    add(Started{}, vmm::Lane::guest, 1);
    add(OperationDone{"read msr 0x1b", 0xfee00900, {}}, vmm::Lane::guest, 0);
    add(OperationDone{"write msr 0x800", 0, 13}, vmm::Lane::guest, 0);
    add(Fault{14, 2, 0x20123, 0xdead000}, vmm::Lane::guest, 0);
    for (const auto state : {RestState::idle, RestState::in_handler, RestState::halted,
                             RestState::wait_for_sipi, RestState::not_started, RestState::storming})
        add(Rest{state, state == RestState::idle, 1, 0x51}, vmm::Lane::guest, 0);
    add(Storm{2001}, vmm::Lane::guest, 0);
    add(Quiet{true, {}, 0x50}, vmm::Lane::guest, 0);
    add(Quiet{true, {}, 0x10, "priority 0x80"}, vmm::Lane::guest, 0);
    add(Quiet{false, "interrupts are disabled", {}}, vmm::Lane::guest, 0);
    add(Observed{"ioapic 10 remote_irr", 1}, vmm::Lane::host);
    add(Trouble{"no CPU time\nat all \xff", true}, vmm::Lane::host);
    add(Kernel{"kvm_set_irq", {{"gsi", 10}, {"level", 0xffffffff}}}, vmm::Lane::kernel);
    add(KernelLost{17}, vmm::Lane::kernel);
    events.front().at = -events.front().at;
    return events;
}

JsonWriter::Json json_of(const vmm::Event& event) {
    auto json = JsonWriter::Json::object();
    JsonWriter writer(json);
    fields(writer, event);
    return json;
}

/// What parse_record() says of the line; empty when it takes it. Any other exception ends the test.
std::string complaint(const std::string& line) {
    try {
        static_cast<void>(parse_record(line));
        return {};
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

bool holds_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20 && c != '\n'; });
}

/// The record of the sample that failed, with one value replaced.
std::string altered(const std::string& pointer, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(record_line(record::Finished{2, true, failed_sample()}));
    json[nlohmann::json::json_pointer(pointer)] = value;
    return json.dump();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(records)

BOOST_AUTO_TEST_CASE(every_record_survives_the_round_trip) {
    const auto records = records_of(odd_results());
    for (const Record& record : records) {
        const std::string line = record_line(record);
        const Record parsed = parse_record(line);
        BOOST_TEST(parsed.index() == record.index());
        BOOST_TEST(record_line(parsed) == line);
        BOOST_TEST(std::count(line.begin(), line.end(), '\n') == 1);
        BOOST_TEST(scenarios::records_schema_accepts(nlohmann::json::parse(line)), line);
    }
}

BOOST_AUTO_TEST_CASE(a_report_made_from_records_is_the_report_of_the_run) {
    const std::chrono::microseconds elapsed{1'234'567};
    TextStyle style;
    style.verbose = true;
    style.colour = true;
    for (const auto& results : {sample_results(), odd_results()}) {
        const auto read = results_from(lines_of(records_of(results)));
        BOOST_TEST(text_report(read, elapsed, style) == text_report(results, elapsed, style));
        BOOST_TEST(json_report(read) == json_report(results));
        BOOST_TEST(junit_report(read) == junit_report(results));
        BOOST_TEST(tap_report(read) == tap_report(results));
        BOOST_TEST(ktap_report(read) == ktap_report(results));
    }
}

BOOST_AUTO_TEST_CASE(every_event_survives_the_round_trip) {
    std::set<std::size_t> alternatives;
    for (const vmm::Event& event : every_event()) {
        const auto json = json_of(event);
        vmm::Event read;
        const nlohmann::json parsed = nlohmann::json::parse(json.dump());
        JsonReader reader(parsed, "");
        fields(reader, read);
        reader.finish();
        BOOST_TEST(json_of(read) == json);
        BOOST_TEST(describe(read) == describe(event));
        BOOST_TEST(describe_in_lane(read) == describe_in_lane(event));
        BOOST_TEST(read.what.index() == event.what.index());
        BOOST_TEST(read.at.count() == event.at.count());
        BOOST_TEST((read.lane == event.lane && read.vcpu == event.vcpu && read.step == event.step));
        alternatives.insert(event.what.index());
    }
    BOOST_TEST(alternatives.size() == std::variant_size_v<decltype(vmm::Event::what)>);
}

BOOST_AUTO_TEST_CASE(the_schema_accepts_every_event) {
    Result result = failed_sample();
    // The validator takes numbers for signed ones.
    result.excerpt = {every_event(std::numeric_limits<std::int64_t>::max()), 3};
    result.recording = Recording{result.excerpt.events, 3, 5, 7, 9};
    const auto json = nlohmann::json::parse(record_line(record::Finished{0, false, result}));
    BOOST_TEST(scenarios::records_schema_accepts(json));
    for (std::size_t i = 0; i < result.excerpt.events.size(); ++i) {
        auto missing = json;
        missing["excerpt"]["events"][i].erase("event");
        BOOST_TEST(!scenarios::records_schema_accepts(missing));
        auto odd = json;
        odd["excerpt"]["events"][i]["colour"] = "red";
        BOOST_TEST(!scenarios::records_schema_accepts(odd), odd["excerpt"]["events"][i].dump());
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_record_is_refused_with_the_place) {
    BOOST_TEST(complaint("") == "no JSON at byte 1");
    BOOST_TEST(complaint("[    0.000000] Linux version 6.1").find("no JSON at byte ") == 0U);
    BOOST_TEST(complaint("[]") == "/: expected an object, got array");
    BOOST_TEST(complaint("{}") == "/record: is missing");
    BOOST_TEST(complaint(R"({"record":"ende"})") ==
               "/record: expected one of begin, started, progress, result, end, got \"ende\"");
    BOOST_TEST(complaint(R"({"record":1})") == "/record: expected a string, got 1");
    BOOST_TEST(complaint(R"({"record":"progress","done":1,"failed":0})") == "/total: is missing");
    BOOST_TEST(complaint(R"({"record":"progress","done":-1,"failed":0,"total":1})") ==
               "/done: expected a whole number from 0 to 18446744073709551615, got -1");
    BOOST_TEST(complaint(R"({"record":"progress","done":1.5,"failed":0,"total":1})").find("got 1.5") !=
               std::string::npos);
    BOOST_TEST(complaint(R"({"record":"progress","done":1,"failed":0,"total":1,"kernel":"","more":1})") ==
               "/more: unknown key");
    BOOST_TEST(complaint(R"({"record":"progress","done":1e999,"failed":0,"total":1})") ==
               "a number that no format holds");
}

BOOST_AUTO_TEST_CASE(a_result_that_no_run_has_is_refused) {
    BOOST_TEST(complaint(altered("/index", 2)) == "");
    BOOST_TEST(complaint(altered("/runs", 4294967296)) ==
               "/runs: expected a whole number from 0 to 4294967295, got 4294967296");
    BOOST_TEST(complaint(altered("/verdict", "good")).find("/verdict: expected one of pass, ") == 0U);
    BOOST_TEST(complaint(altered("/reference/1", 7)) == "/reference/1: expected a string, got 7");
    BOOST_TEST(complaint(altered("/failure", nullptr)) == "/failure: expected an object, got null");
    BOOST_TEST(complaint(altered("/failure/line", true)) ==
               "/failure/line: expected a whole number from 0 to 4294967295, got boolean");
    BOOST_TEST(complaint(altered("/duration_us", -1)) == "/duration_us: is negative");
    BOOST_TEST(complaint(altered("/duration_us", 9'000'000'000'000'000'000)).find("/duration_us: ") == 0U);
    const nlohmann::json empty = {
        {"events", nlohmann::json::array()}, {"end", 1}, {"before", 0}, {"after", 0}};
    BOOST_TEST(complaint(altered("/recording", empty)) == "/recording: speaks of events that it has not");
    BOOST_TEST(complaint(altered("/excerpt/marked", 99)) == "/excerpt: has no event that could be marked");
    BOOST_TEST(complaint(altered("/excerpt/events/0/event", "dance"))
                   .find("/excerpt/events/0/event: expected one of call, ") == 0U);
    BOOST_TEST(complaint(altered("/file", {{"hex", "6g"}})) == "/file: the bytes are not in hexadecimal");
    BOOST_TEST(complaint(altered("/file", {{"hex", "616"}})) == "/file: the bytes are not in hexadecimal");
    BOOST_TEST(complaint(altered("/file", {{"hex", "61"}})) == "");
}

BOOST_AUTO_TEST_CASE(deep_nesting_and_long_lines_are_refused_at_once) {
    BOOST_TEST(complaint(std::string(8'000'000, '[')) == "nested more than 16 deep");
    std::string objects;
    for (int i = 0; i < 1'000'000; ++i) objects += R"({"record":)";
    BOOST_TEST(complaint(objects) == "nested more than 16 deep");
    BOOST_TEST(complaint(std::string(max_record_bytes + 1, ' ')) == "a line of more than 67108864 bytes");
    std::string keys = R"({"record":"progress")";
    for (int i = 0; i < 200'000; ++i) keys += ",\"" + std::to_string(i) + "\":0";
    BOOST_TEST(complaint(keys + "}").find("/done: is missing") == 0U);
}

/// Whatever is left when a line is garbled is either refused or a record that every report can be made of.
BOOST_AUTO_TEST_CASE(garbled_lines_never_do_harm) {
    std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same lines every time
    const auto any = [&random](std::size_t below) { return random() % below; };
    auto results = odd_results();
    results.back().excerpt.events = every_event();
    results.back().recording = Recording{every_event(), 2, 5, 7, 9};
    const std::string originals = lines_of(records_of(results));
    const auto lines = split_lines(originals);
    const std::vector<std::string> tokens = {"null",     "-1",   "4294967296", "18446744073709551615",
                                             "1e300",    "\"\"", "[]",         "{}",
                                             "\"fail\"", "true", "\\u0000",    "\"hex\""};
    int taken = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string line = lines[any(lines.size())];
        for (std::size_t edits = 1 + any(3); edits != 0 && !line.empty(); --edits) {
            const std::size_t at = any(line.size());
            switch (any(6)) {
                case 0: line[at] = static_cast<char>(any(256)); break;
                case 1: line.erase(at, 1 + any(20)); break;
                case 2: line.insert(at, line.substr(any(line.size()), any(30))); break;
                case 3: line.resize(at); break;
                case 4: line[at] = static_cast<char>('0' + any(10)); break;
                default: {
                    const std::size_t colon = line.find(':', at);
                    const std::size_t end = line.find_first_of(",}", colon);
                    if (end != std::string::npos)
                        line.replace(colon + 1, end - colon - 1, tokens[any(tokens.size())]);
                }
            }
        }
        try {
            const Record record = parse_record(line);
            ++taken;
            BOOST_TEST(record_line(parse_record(record_line(record))) == record_line(record));
            if (const auto* finished = std::get_if<record::Finished>(&record)) {
                std::vector<Result> some(3, finished->result);
                some.front().kernel = "7.2";
                for (const char* format : report_formats) {
                    ReportOptions options;
                    options.format = format;
                    options.verbose = true;
                    const std::string text = report_text(some, options);
                    BOOST_TEST(!holds_control_characters(text), format << ": " << line);
                }
            }
        } catch (const std::invalid_argument& error) {
            BOOST_TEST(*error.what() != '\0');
        }
    }
    BOOST_TEST(taken > 500);
}

BOOST_AUTO_TEST_SUITE_END()
