#include "tests/import/playing.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tools/import/architecture.hpp"
#include "tools/import/machines.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tests {

std::filesystem::path samples_folder() {
    return std::filesystem::path(IRQBENCH_SOURCE_DIR) / "tests" / "import" / "samples";
}

Taken taken_in(const std::filesystem::path& sample) {
    std::ifstream file(sample);
    std::string line;
    std::getline(file, line);
    std::getline(file, line);
    std::istringstream words(line);
    std::string word;
    words >> word >> word;
    BOOST_REQUIRE_MESSAGE(word == "taken:", sample << " does not say what was taken");
    Taken taken;
    while (words >> word) {
        const auto colon = word.find(':');
        taken[static_cast<std::uint32_t>(std::stoul(word))].push_back(word.substr(colon + 1));
    }
    return taken;
}

std::string imported(const std::filesystem::path& file) {
    const auto trace = importing::read_trace(file);
    const auto machine = importing::choose_machine(trace, {});
    return importing::import_machine(trace, machine, {"what a trace shows", "a test", {}}).text;
}

Taken play_on_the_model(const std::string& text) {
    const auto scenario = scenarios::load_text(text, "imported.json");
    scenarios::RunOptions options;
    options.config = scenario.config;
    options.config.placement = "model";
    vmm::Trace trace;
    const auto machine = vmm::make_machine(options.config, trace);
    const auto performance = scenarios::perform(scenario, *machine, trace, options);
    machine->close();
    const auto verdict = scenarios::judge(scenario, performance, trace.events());
    BOOST_TEST((verdict.kind == scenarios::Verdict::Kind::pass), verdict.reason << "\n" << text);
    Taken taken;
    for (const vmm::Event& event : trace.events()) {
        const auto* one = std::get_if<vmm::event::Taken>(&event.what);
        if (one == nullptr) continue;
        taken[event.vcpu.value()].push_back(
            one->kind == vmm::event::Kind::nmi ? "nmi" : fmt::format("0x{:x}", one->vector));
    }
    return taken;
}

}  // namespace irqbench::tests
