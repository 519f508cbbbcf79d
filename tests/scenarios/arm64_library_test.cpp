#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tests/scenarios/files.hpp"
#include "vmm/factory.hpp"

using namespace irqbench;

namespace {

/// The verdict of a scenario on a model machine with this GIC.
scenarios::Verdict play(const scenarios::Scenario& scenario, const std::string& gic, vmm::RunMode mode,
                        std::uint64_t seed) {
    scenarios::RunOptions options;
    options.config = scenario.config;
    options.config.placement = "model";
    options.config.gic = gic;
    options.config.run = mode;
    options.config.seed = seed;
    vmm::Trace trace;
    const auto machine = vmm::make_machine(options.config, trace);
    const auto performance = scenarios::perform(scenario, *machine, trace, options);
    machine->close();
    return scenarios::judge(scenario, performance, trace.events());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arm64_library)

// The command takes the newest GIC there is: of the model that is a GICv3.
BOOST_AUTO_TEST_CASE(files_that_leave_the_version_open_hold_on_a_gicv2_too) {
    constexpr std::uint64_t seeds = 5;
    constexpr std::size_t gicv2_cpus = 8;
    std::size_t files = 0;
    for (const auto& file :
         scenarios::files_below(scenarios::source_dir() / "scenarios" / "arm64", ".json")) {
        const scenarios::Scenario scenario = scenarios::load(file);
        const auto has_model = [](const std::vector<std::string>& modes) {
            return std::find(modes.begin(), modes.end(), "model") != modes.end();
        };
        const auto& only = scenario.modes_only;
        const bool modelled = !has_model(scenario.modes_not) && (only.empty() || has_model(only));
        const bool open = modelled && scenario.config.gic.empty() && !scenario.config.its &&
                          scenario.config.vcpu_ids.size() <= gicv2_cpus;
        if (!open) continue;
        ++files;
        const auto check = [&](vmm::RunMode mode, std::uint64_t seed) {
            const scenarios::Verdict verdict = play(scenario, "v2", mode, seed);
            BOOST_TEST((verdict.kind == scenarios::Verdict::Kind::pass),
                       file.filename() << ", seed " << seed << ": " << verdict.reason);
        };
        if (!scenarios::needs_free_run(scenario)) check(vmm::RunMode::stepped, 1);
        if (!scenario.stepped_only)
            for (std::uint64_t seed = 1; seed <= seeds; ++seed) check(vmm::RunMode::free, seed);
    }
    BOOST_TEST(files > 50U);
}

BOOST_AUTO_TEST_SUITE_END()
