
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/import/arm64/architecture.hpp"
#include "tools/import/arm64/events.hpp"
#include "tools/import/arm64/story.hpp"
#include "tools/import/step_text.hpp"

namespace irqbench::importing::arm64 {

namespace {

/// Steps line by line; of those that end handlers only what the handlers need.
class Writer {
  public:
    explicit Writer(const Story& story) : story_(story) {}

    std::string write() {
        for (const Act& act : story_.acts) {
            for (const auto& remark : act.remarks) text_ += "    // " + comment_text(remark) + "\n";
            for (const Step& step : act.before) line(step);
            line(act.step);
            for (const Step& step : act.after) line(step);
        }
        if (last_step_end_ != 0) text_.erase(last_step_end_, 1);  // no comma behind the last
        return text_;
    }

  private:
    void line(const Step& step) {
        if (step.if_stays != Step::none && story_.stays.count(step.if_stays) == 0) return;
        text_ += "    " + step.text;
        last_step_end_ = text_.size();
        text_ += step.is_inferred ? ",  // inferred\n" : ",\n";
    }

    const Story& story_;
    std::string text_;
    std::size_t last_step_end_ = 0;
};

std::string vcpus_text(const Story& story, const Machine& machine) {
    const auto started = std::find(story.waits.begin(), story.waits.end(), true) - story.waits.begin();
    bool is_counted = true;
    std::string ids;
    for (std::size_t i = 0; i < machine.vcpus.size(); ++i) {
        is_counted = is_counted && machine.vcpus[i] == i;
        ids += fmt::format("{}{}", i == 0 ? "" : ", ", machine.vcpus[i]);
    }
    const bool all_start = static_cast<std::size_t>(started) == machine.vcpus.size();
    if (is_counted && all_start) return fmt::format("{}", machine.vcpus.size());
    const std::string which =
        is_counted ? fmt::format("\"count\": {}", machine.vcpus.size()) : fmt::format("\"ids\": [{}]", ids);
    if (all_start) return fmt::format("{{ {} }}", which);
    return fmt::format("{{ {}, \"started\": {} }}", which, started);
}

std::string quoted(const std::string& text) { return nlohmann::json(comment_text(text)).dump(); }

Imported import(KvmTrace trace, const Machine& machine, const Heading& heading, std::uint32_t storm) {
    if (storm != 0)
        throw TraceError(trace.file +
                         ": storms are not looked for in traces of arm64 hosts, in which no event "
                         "tells what is acknowledged");
    constexpr std::uint32_t most_ids = 512;
    if (machine.vcpus.back() >= most_ids)
        throw TraceError(fmt::format("{}: vCPU {}: KVM of arm64 has ids below {}", trace.file,
                                     machine.vcpus.back(), most_ids));
    const Layout layout = find_layout(trace, machine);
    const Story story = Teller(trace, machine, layout).tell();

    std::string text = "{\n";
    for (const auto& remark : heading.remarks) text += "  // " + comment_text(remark) + "\n";
    for (const auto& remark : story.remarks) text += "  // " + comment_text(remark) + "\n";
    text += fmt::format("  \"name\":   {},\n  \"arch\":   \"arm64\",\n  \"source\": {},\n",
                        quoted(heading.name), quoted(heading.source));
    text += fmt::format("  \"vcpus\":  {},\n", vcpus_text(story, machine));
    text += "  \"machine\": { ";
    if (layout.is_known) text += fmt::format("\"gic\": \"v{}\", ", layout.version);
    text += fmt::format("\"spis\": {} }},\n", layout.spis);
    std::string setup;
    for (const auto& step : story.setup) setup += (setup.empty() ? "    " : ",\n    ") + step;
    for (const std::uint32_t intid : story.stays)
        setup += fmt::format("{}{{ \"handler\": {{ \"intid\": {}, \"stays\": true }} }}",
                             setup.empty() ? "    " : ",\n    ", intid);
    if (!setup.empty()) text += "  \"setup\": [\n" + setup + "\n  ],\n";
    text += "  \"steps\": [\n" + Writer(story).write() + "  ]\n}\n";
    return {text, story.acts.size(), story.taken,
            story.inferred + (layout.has_cpu_interface ? 0 : story.taken), ""};
}

}  // namespace

const Architecture architecture{"arm64", is_of_this_host, read_event, false, import};

}  // namespace irqbench::importing::arm64
