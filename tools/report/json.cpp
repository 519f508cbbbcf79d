#include "tools/report/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

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
    return {{"scenario", result.scenario},
            {"file", result.file},
            {"irqchip", result.irqchip},
            {"kernel", result.kernel},
            {"verdict", scenarios::word(result.verdict.kind)},
            {"reason", on_one_line(result.verdict.reason)},
            {"duration_us", result.duration.count()}};
}

/// The fields of each event beyond those that all share.
struct Fields {
    Json operator()(const vmm::event::Call& call) const {
        Json json = {{"event", "call"}, {"name", call.name}, {"arguments", call.arguments}};
        if (call.gsi) json["gsi"] = *call.gsi;
        json["value"] = call.outcome.value;
        json["error"] = call.outcome.error;
        return json;
    }
    Json operator()(const vmm::event::Wire& wire) const {
        Json json = {{"event", "wire"}};
        if (wire.gsi) json["gsi"] = *wire.gsi;
        return json;
    }
    Json operator()(const vmm::event::Resampled& kick) const {
        return {{"event", "resampled"}, {"irqfd", kick.irqfd}, {"count", kick.count}};
    }
    Json operator()(const vmm::event::DoorbellRung& bell) const {
        return {{"event", "doorbell"}, {"name", bell.name}, {"count", bell.count}};
    }
    Json operator()(const vmm::event::EoiExit& exit) const {
        return {{"event", "eoi_exit"}, {"vector", exit.vector}};
    }
    Json operator()(const vmm::event::Taken& taken) const {
        return {{"event", "taken"},
                {"kind", taken.kind == vmm::event::Kind::nmi ? "nmi" : "interrupt"},
                {"vector", taken.vector},
                {"depth", taken.depth},
                {"rip", taken.rip}};
    }
    Json operator()(const vmm::event::GuestEoi& eoi) const {
        return {{"event", "guest_eoi"}, {"vector", eoi.vector}};
    }
    Json operator()(const vmm::event::Returned& left) const {
        return {{"event", "returned"}, {"vector", left.vector}};
    }
    Json operator()(const vmm::event::Started&) const { return {{"event", "started"}}; }
    Json operator()(const vmm::event::OperationDone& done) const {
        Json json = {{"event", "operation"}, {"value", done.value}};
        if (done.fault) json["fault"] = *done.fault;
        return json;
    }
    Json operator()(const vmm::event::Fault& fault) const {
        return {{"event", "fault"},
                {"vector", fault.vector},
                {"code", fault.code},
                {"rip", fault.rip},
                {"cr2", fault.cr2}};
    }
    Json operator()(const vmm::event::Rest& rest) const {
        return {{"event", "rest"},
                {"state", vmm::describe(rest.state)},
                {"interrupts_enabled", rest.interrupts_enabled},
                {"depth", rest.depth},
                {"in_service", rest.in_service}};
    }
    Json operator()(const vmm::event::Storm& storm) const {
        return {{"event", "storm"}, {"records", storm.records}};
    }
    Json operator()(const vmm::event::Quiet& quiet) const {
        Json json = {{"event", "quiet"}, {"proven", quiet.proven}};
        if (!quiet.reason.empty()) json["reason"] = quiet.reason;
        if (quiet.above) json["above"] = *quiet.above;
        return json;
    }
    Json operator()(const vmm::event::Observed& observed) const {
        return {{"event", "observed"}, {"what", observed.what}, {"value", observed.value}};
    }
    Json operator()(const vmm::event::Trouble& trouble) const {
        return {{"event", "trouble"}, {"host_stalled", trouble.host_stalled}};
    }
};

const char* lane_word(vmm::Lane lane) {
    switch (lane) {
        case vmm::Lane::host: return "host";
        case vmm::Lane::wire: return "wire";
        case vmm::Lane::guest: return "guest";
        case vmm::Lane::kernel: return "kernel";
    }
    return "host";
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

std::string trace_lines(const Result& result, std::uint32_t run, const std::vector<vmm::Event>& trace) {
    std::string text;
    for (const auto& event : trace) {
        Json line = {
            {"scenario", result.scenario}, {"irqchip", result.irqchip}, {"run", run},
            {"at_ns", event.at.count()},   {"step", event.step},        {"lane", lane_word(event.lane)}};
        if (event.vcpu) line["vcpu"] = *event.vcpu;
        line.update(std::visit(Fields{}, event.what));
        line["text"] = vmm::describe(event);
        text += dumped(line) + '\n';
    }
    return text;
}

}  // namespace irqbench::tools
