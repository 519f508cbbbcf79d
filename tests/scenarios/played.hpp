#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/engine/load.hpp"
#include "tests/scenarios/files.hpp"
#include "tests/scenarios/recording_machine.hpp"

// Of the test suite of that name.
namespace irqbench::scenarios::verbs_of_x86 {

using Lines = std::vector<std::string>;

/// One step of a file with two vCPUs (APIC ids 0 and 5), performed on a recording machine.
struct Played {
    RecordingMachine machine;
    vmm::Trace trace;
    std::shared_ptr<const Verb> verb;
    Lines expects;
    explicit Played(const std::string& step, std::vector<vmm::NamedValue> state = {},
                    const std::string& head = "", int save_fails_with = 0) {
        const bool pit = step.find("\"pit\":") != std::string::npos;
        machine.state = std::move(state);
        machine.save_fails_with = save_fails_with;
        const Scenario scenario =
            load_text(file_with(R"({ "nmi": 0 }, { "ack": "0x51" }, )" + step, R"(
            { "irqfd": { "name": "dev", "gsi": 10, "resample": true } },
            { "ioeventfd": { "name": "bell", "port": "0x500" } },
            { "handler": { "vector": "0x51", "stays": true } },
            { "ipi": { "to": 5, "mode": "startup", "vector": "0x08" } },
            { "save": "state" })",
                                R"("vcpus": { "ids": [ 0, 5 ] },
            "modes": { "only": [ ")" +
                                    std::string(pit ? "kernel" : "split") + R"(" ], "because": "so" })" +
                                    (pit ? R"(, "machine": { "pit": true })" : "") + head),
                      "file.json");
        verb = scenario.steps.back().verb;
        SavedStates saved{{"state", std::make_shared<vmm::MachineState>()}};
        Stage stage{machine, trace, scenario.config, &saved};
        verb->perform(stage);
        for (const Expectation& expectation : verb->expects()) expects.push_back(describe(expectation));
    }
};

}  // namespace irqbench::scenarios::verbs_of_x86
