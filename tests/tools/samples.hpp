#pragma once

#include <vector>

#include "tests/scenarios/engine/story.hpp"
#include "tools/report/result.hpp"
#include "tools/report/timeline.hpp"

namespace irqbench::tests {

/// A run as in scenarios/README.md that ends with an interrupt nobody claimed.
inline tools::Result failed_sample() {
    Story story;
    story.act({}, R"({ "signal": "dev" })").happens(event_of(vmm::event::Call{"signal", "dev", 10, {}}));
    story.happens(event_of(vmm::event::Wire{10, "line up, masked"}, vmm::Lane::wire));
    story.happens(event_of(vmm::event::Rest{vmm::event::RestState::idle, true, 0, 0}, vmm::Lane::guest, 0));
    story.claim(scenarios::expect::Quiet{}, R"({ "quiet": true })").proves_quiet();
    story.act({}, R"({ "unmask": 10 })").happens(event_of(vmm::event::Call{"unmask", "10", 10, {}}));
    story.happens(event_of(vmm::event::Rest{vmm::event::RestState::idle, true, 0, 0}, vmm::Lane::guest, 0));
    story.takes(0x51).claim(scenarios::expect::Resampled{"dev", 1}, R"({ "resampled": "dev" })");
    tools::Result result;
    result.scenario = "unmask resamples instead of injecting";
    result.file = "scenarios/x86/resample/unmask.json";
    result.irqchip = "kernel";
    result.kernel = "6.1.176";
    result.verdict = story.judged();
    result.duration = std::chrono::microseconds(812);
    result.reference = {"X07", "linux fef8f2b90edb"};
    result.excerpt = tools::excerpt(story.trace, *result.verdict.failure);
    return result;
}

/// One result of every kind, in two modes and two folders, with text that every format must escape.
inline std::vector<tools::Result> sample_results() {
    using scenarios::Verdict;
    const auto make = [](const char* name, const char* file, const char* mode, Verdict::Kind kind,
                         const char* reason) {
        tools::Result result;
        result.scenario = name;
        result.file = file;
        result.irqchip = mode;
        result.kernel = "6.1.176";
        result.verdict.kind = kind;
        result.verdict.reason = reason;
        result.duration = std::chrono::microseconds(kind == Verdict::Kind::skip ? 0 : 1500);
        result.runs = kind == Verdict::Kind::skip ? 0 : 1;
        return result;
    };
    std::vector<tools::Result> results;
    results.push_back(
        make("rotation serves all", "scenarios/x86/pic/rotation.json", "kernel", Verdict::Kind::pass, ""));
    results.push_back(make("rotation serves all", "scenarios/x86/pic/rotation.json", "split",
                           Verdict::Kind::known, "an equal vector nests <here> & there"));
    results.push_back(failed_sample());
    results.push_back(make("unmask resamples instead of injecting", "scenarios/x86/resample/unmask.json",
                           "split", Verdict::Kind::skip, "not in split: KVM refuses # there"));
    auto flip = make("a route flip never tears", "scenarios/x86/resample/flip.json", "kernel",
                     Verdict::Kind::pass, "");
    flip.verdict.histogram = {{scenarios::OutcomeCount::Kind::allowed, "ack 0x51 on vCPU 0", 51234},
                              {scenarios::OutcomeCount::Kind::required, "nmi", 1},
                              {scenarios::OutcomeCount::Kind::forbidden, "ack 0x61 on vCPU 0", 0}};
    results.push_back(flip);
    results.push_back(make("a route flip never tears", "scenarios/x86/resample/flip.json", "split",
                           Verdict::Kind::error, "host stalled: vCPU 1 got no CPU time"));
    auto broken =
        make("scenarios/x86/resample/broken.json", "scenarios/x86/resample/broken.json", "",
             Verdict::Kind::error, "scenarios/x86/resample/broken.json:3: /steps/0: unknown verb \"rise\"");
    broken.malformed = true;
    broken.duration = {};
    broken.runs = 0;
    results.push_back(broken);
    return results;
}

}  // namespace irqbench::tests
