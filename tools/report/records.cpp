#include "tools/report/records.hpp"

#include <array>
#include <stdexcept>

#include "tools/report/events.hpp"
#include "tools/report/json_fields.hpp"

namespace irqbench::tools {

template <class Archive>
void fields(Archive& archive, Is<scenarios::OutcomeCount> auto& outcome) {
    static const std::array<std::string, 3> kinds = {"allowed", "required", "forbidden"};
    archive.word("kind", outcome.kind, kinds);
    archive("outcome", outcome.outcome);
    archive("count", outcome.count);
}

template <class Archive>
void fields(Archive& archive, Is<scenarios::Failure> auto& failure) {
    archive("step", failure.step);
    archive("line", failure.line);
    archive("iteration", failure.iteration);
    archive("iterations", failure.iterations);
    archive("text", failure.text);
    archive("expected", failure.expected);
    archive("came", failure.came);
    archive("since", failure.since);
    archive("remark", failure.remark);
    archive("mark", failure.mark);
    archive("event", failure.event);
    archive("end", failure.end);
}

template <class Archive>
void fields(Archive& archive, Is<Excerpt> auto& excerpt) {
    archive("events", excerpt.events);
    archive("marked", excerpt.marked);
}

template <class Archive>
void fields(Archive& archive, Is<Recording> auto& recording) {
    archive("events", recording.events);
    archive("marked", recording.marked);
    archive("end", recording.end);
    archive("before", recording.before);
    archive("after", recording.after);
}

/// The keys of `--format json` come first, and are the same.
template <class Archive>
void fields(Archive& archive, Is<Result> auto& result) {
    using Kind = scenarios::Verdict::Kind;
    static const std::array verdicts = {
        std::string(scenarios::word(Kind::pass)), std::string(scenarios::word(Kind::fail)),
        std::string(scenarios::word(Kind::skip)), std::string(scenarios::word(Kind::known)),
        std::string(scenarios::word(Kind::error))};
    archive("scenario", result.scenario);
    archive("file", result.file);
    archive("irqchip", result.irqchip);
    archive("kernel", result.kernel);
    archive.word("verdict", result.verdict.kind, verdicts);
    archive("reason", result.verdict.reason);
    archive("duration_us", result.duration);
    archive("invalid", result.verdict.invalid);
    archive("malformed", result.malformed);
    archive("runs", result.runs);
    archive("bad_runs", result.bad_runs);
    archive("retried", result.retried);
    archive("source", result.source);
    archive("reference", result.reference);
    archive("failure", result.verdict.failure);
    archive("histogram", result.verdict.histogram);
    archive.list("unasserted", result.verdict.unasserted);
    archive("excerpt", result.excerpt);
    archive("recording", result.recording);
}

template <class Archive>
void fields(Archive& archive, Is<record::Begin> auto& begin) {
    archive("version", begin.version);
    archive("kernel", begin.kernel);
    archive("tasks", begin.tasks);
}

template <class Archive>
void fields(Archive& archive, Is<record::Started> auto& started) {
    archive("index", started.index);
    archive("scenario", started.scenario);
    archive("file", started.file);
    archive("irqchip", started.irqchip);
    archive("kernel", started.kernel);
}

template <class Archive>
void fields(Archive& archive, Is<record::Progress> auto& progress) {
    archive("done", progress.done);
    archive("failed", progress.failed);
    archive("total", progress.total);
    archive("kernel", progress.kernel);
}

template <class Archive>
void fields(Archive& archive, Is<record::Finished> auto& finished) {
    archive("index", finished.index);
    archive("complete", finished.complete);
    fields(archive, finished.result);
}

template <class Archive>
void fields(Archive& archive, Is<record::End> auto& end) {
    archive("status", end.status);
    archive("interrupted", end.interrupted);
    archive("elapsed_us", end.elapsed);
}

namespace {

constexpr const char* kind_key = "record";
constexpr int max_depth = 16;

/// In the order of the alternatives.
const std::array<std::string, std::variant_size_v<Record>> record_kinds = {"begin", "started", "progress",
                                                                           "result", "end"};

nlohmann::json parse_line(std::string_view line) {
    if (line.size() > max_record_bytes)
        throw std::invalid_argument(fmt::format("a line of more than {} bytes", max_record_bytes));
    const auto bound_depth = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        if (depth > max_depth)
            throw std::invalid_argument(fmt::format("nested more than {} deep", max_depth));
        return true;
    };
    try {
        return nlohmann::json::parse(line, bound_depth);
    } catch (const nlohmann::json::parse_error& error) {
        throw std::invalid_argument(fmt::format("no JSON at byte {}", error.byte));
    } catch (const nlohmann::json::exception&) {
        throw std::invalid_argument("a number that no format holds");
    }
}

/// What the types allow and no run has.
void check(const JsonReader& reader, const Record& record) {
    const auto* finished = std::get_if<record::Finished>(&record);
    if (finished == nullptr) return;
    const Excerpt& excerpt = finished->result.excerpt;
    if (finished->result.duration.count() < 0) reader.refuse("duration_us", "is negative");
    if (excerpt.marked && *excerpt.marked >= excerpt.events.size())
        reader.refuse("excerpt", "has no event that could be marked");
    const auto& recording = finished->result.recording;
    if (!recording) return;
    const std::size_t count = recording->events.size();
    if (recording->end > count || (recording->marked && *recording->marked >= count))
        reader.refuse("recording", "speaks of events that it has not");
}

}  // namespace

std::string record_line(const Record& record) {
    JsonWriter::Json json = JsonWriter::Json::object();
    JsonWriter writer(json);
    writer.one_of(kind_key, record, record_kinds);
    return json.dump() + '\n';
}

Record parse_record(std::string_view line) {
    const nlohmann::json json = parse_line(line);
    JsonReader reader(json, "");
    Record record;
    reader.one_of(kind_key, record, record_kinds);
    reader.finish();
    check(reader, record);
    return record;
}

}  // namespace irqbench::tools
