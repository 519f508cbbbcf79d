#pragma once

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/scenarios/schema_validator.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace irqbench::tests {

/// `irqbench run` on a folder of scenarios.
struct RunFixture : Cli {
    void good(const std::string& name = "good") { file(name + ".json", scenario_text(name, passing_steps)); }
    void bad(const std::string& name = "bad") { file(name + ".json", scenario_text(name, failing_steps)); }
    void malformed() { file("malformed.json", R"({ "name": "broken", )"); }
    /// Well formed, but it claims quiet and has no positive control.
    void invalid() {
        file("invalid.json", scenario_text("invalid", R"({ "raise": 10 }, { "quiet": true })"));
    }
    int run_all(std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"run", folder()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments);
    }
    nlohmann::json results(std::vector<std::string> more = {}) {
        more.insert(more.end(), {"--format", "json"});
        run_all(more);
        auto report = nlohmann::json::parse(out);
        BOOST_TEST(scenarios::results_schema_accepts(report));
        return report;
    }
};

/// `kernel pass, split fail` of a report.
inline std::string verdicts(const nlohmann::json& report) {
    std::string text;
    for (const auto& result : report["results"]) {
        if (!text.empty()) text += ", ";
        text += result["irqchip"].get<std::string>() + " " + result["verdict"].get<std::string>();
    }
    return text;
}

}  // namespace irqbench::tests
