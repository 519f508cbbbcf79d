#include "tools/irqbench/trace_file.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/report/chrome_trace.hpp"
#include "tools/report/json.hpp"
#include "tools/report/timeline.hpp"

namespace irqbench::tools {

namespace {

using TraceJson = nlohmann::ordered_json;

/// What its process is called. The release comes last: a lab puts its own word for the kernel there.
constexpr std::string_view release_follows = ", Linux ";

std::string process_name(const Result& result, std::uint32_t run, std::optional<std::uint32_t> attempt) {
    std::string name = fmt::format("{}, {}", result.scenario, result.irqchip);
    if (run != 0) name += fmt::format(", run {}", run + 1);
    if (attempt) name += fmt::format(", attempt {}", *attempt);
    return name + std::string(release_follows) + result.kernel;
}

/// With what `label` makes of the kernel's release.
void rename_process(TraceJson& event, const std::function<std::string(const std::string&)>& label) {
    std::string name = event["args"].value("name", "");
    const std::size_t at = name.rfind(release_follows);
    if (at == std::string::npos) return;
    const std::size_t release = at + release_follows.size();
    event["args"]["name"] = name.substr(0, release) + label(name.substr(release));
}

}  // namespace

bool is_chrome_trace(const std::string& path) { return path.ends_with(".json"); }

bool TraceFile::open() {
    file_.open(path_, std::ios::binary);
    // Whoever reads such an array does without its end, should we not come to write it.
    if (file_ && is_chrome_trace(path_)) file_ << "[\n";
    return file_.good();
}

void TraceFile::add_element(const std::string& json) {
    file_ << (has_elements_ ? ",\n" : "") << json;
    has_elements_ = true;
}

void TraceFile::add(const Result& result, std::uint32_t run, std::optional<std::uint32_t> attempt,
                    const std::vector<vmm::Event>& trace, const scenarios::Failure* failure) {
    if (!file_.is_open()) return;
    if (!is_chrome_trace(path_)) {
        const std::string lines = trace_lines(result, run, attempt, trace);
        const std::lock_guard lock(mutex_);
        file_ << lines;
        return;
    }
    const Recording all = recording(trace, failure, std::numeric_limits<std::size_t>::max());
    std::istringstream lines(
        chrome_trace(process_name(result, run, attempt), ++processes_, picture_of(all, failure)));
    const std::lock_guard lock(mutex_);
    for (std::string line; std::getline(lines, line);) add_element(line);
}

void TraceFile::add_line(const std::string& line, std::size_t writer,
                         const std::function<std::string(const std::string&)>& label) {
    if (!file_.is_open()) return;
    const std::lock_guard lock(mutex_);
    if (!is_chrome_trace(path_)) {
        file_ << (label ? relabel_trace(line, label) : line);
        return;
    }
    const std::string element = line.substr(0, line.find_last_not_of(",\n") + 1);
    TraceJson event = TraceJson::parse(element, nullptr, false);
    // `[` and `]`
    if (!event.is_object() || !event.contains("pid") || !event["pid"].is_number_unsigned()) return;
    const auto [place, is_new] =
        renumbered_.try_emplace({writer, event["pid"].get<std::uint64_t>()}, processes_ + 1);
    if (is_new) ++processes_;
    event["pid"] = place->second;
    if (label && event["name"] == "process_name") rename_process(event, label);
    add_element(event.dump());
}

bool TraceFile::close() {
    if (!file_.is_open()) return true;
    if (is_chrome_trace(path_)) file_ << "\n]\n";
    file_.close();
    if (file_) return true;
    spdlog::error("--trace-out: writing {} failed", path_);
    return false;
}

}  // namespace irqbench::tools
