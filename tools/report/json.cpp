#include "tools/report/json.hpp"

#include <algorithm>

#include "tools/report/events.hpp"

namespace irqbench::tools {

namespace {

using Json = nlohmann::ordered_json;

/// File names and reasons may hold any bytes; what is not UTF-8 becomes U+FFFD instead of an exception.
std::string dumped(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// A machine's report of what nothing handles has several.
std::string on_one_line(std::string reason) {
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    return reason;
}

Json to_json(const Result& result) {
    Json json = {{"scenario", result.scenario},
                 {"file", result.file},
                 {"irqchip", result.irqchip},
                 {"kernel", result.kernel},
                 {"verdict", scenarios::word(result.verdict.kind)},
                 {"reason", on_one_line(result.verdict.reason)},
                 {"duration_us", result.duration.count()}};
    if (result.retried) json["retried"] = on_one_line(*result.retried);
    if (!result.verdict.unasserted.empty()) json["unasserted"] = result.verdict.unasserted;
    return json;
}

}  // namespace

std::string json_report(std::span<const Result> results) {
    const Summary summary = summarise(results);
    Json list = Json::array();
    for (const Result& result : results) list.push_back(to_json(result));
    const Json report = {{"summary",
                          {{"passed", summary.passed},
                           {"failed", summary.failed},
                           {"skipped", summary.skipped},
                           {"known", summary.known},
                           {"errors", summary.errors}}},
                         {"results", list}};
    return dumped(report, 2) + '\n';
}

std::string trace_lines(const Result& result, std::uint32_t run, std::optional<std::uint32_t> attempt,
                        const std::vector<vmm::Event>& trace) {
    std::string text;
    for (const auto& event : trace) {
        Json line = {{"scenario", result.scenario},
                     {"irqchip", result.irqchip},
                     {"kernel", result.kernel},
                     {"run", run}};
        if (attempt) line["attempt"] = *attempt;
        JsonWriter writer(line);
        fields(writer, event);
        line["text"] = vmm::describe(event);
        text += dumped(line) + '\n';
    }
    return text;
}

std::string relabel_trace(const std::string& lines,
                          const std::function<std::string(const std::string&)>& label) {
    std::string text;
    for (std::size_t begin = 0; begin < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', begin), lines.size());
        const std::string line = lines.substr(begin, end - begin);
        Json json = Json::parse(line, nullptr, false);
        const bool is_event = json.is_object() && json.contains("kernel") && json["kernel"].is_string();
        if (is_event) json["kernel"] = label(json["kernel"].get<std::string>());
        text += is_event ? dumped(json) : line;
        if (end < lines.size()) text += '\n';
        begin = end + 1;
    }
    return text;
}

}  // namespace irqbench::tools
