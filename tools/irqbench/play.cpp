#include "tools/irqbench/play.hpp"

#include <chrono>
#include <ostream>

#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/run.hpp"
#include "tools/report/json.hpp"
#include "tools/report/timeline.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tools {

namespace {

vmm::MachineConfig config_for(const scenarios::Scenario& scenario, const std::string& irqchip,
                              const PlayOptions& options) {
    vmm::MachineConfig config = scenario.config;
    config.placement = irqchip;
    config.run = options.run.value_or(vmm::RunMode::stepped);
    if (scenario.stepped_only) config.run = vmm::RunMode::stepped;
    if (needs_free_run(scenario)) config.run = vmm::RunMode::free;
    return config;
}

void play_and_judge(const scenarios::Scenario& scenario, const vmm::Host& host, const PlayOptions& options,
                    std::uint32_t round, Result& result) {
    const vmm::MachineConfig config = config_for(scenario, result.irqchip, options);
    vmm::Trace trace;
    const auto machine = make_machine(config, trace);
    const scenarios::Performance performance = perform(scenario, *machine, trace, {config, options.cancel});
    machine->close();
    result.verdict = apply_known(judge(scenario, performance, trace.events()), scenario, result.irqchip, host);
    if (result.verdict.failure) result.excerpt = excerpt(trace.events(), *result.verdict.failure);
    if (options.trace == nullptr) return;
    const std::lock_guard lock(options.trace->mutex);
    options.trace->out << trace_lines(result, round, trace.events());
}

}  // namespace

Result play(const scenarios::Scenario& scenario, const std::string& irqchip, const vmm::Host& host,
            const PlayOptions& options, std::uint32_t round) {
    Result result;
    result.scenario = scenario.name;
    result.file = scenario.file.string();
    result.irqchip = irqchip;
    result.kernel = host.kernel;
    result.source = scenario.source;
    result.reference = scenario.reference;
    if (const auto reason = skip_reason(scenario, irqchip, host, options.run)) {
        result.verdict.kind = scenarios::Verdict::Kind::skip;
        result.verdict.reason = *reason;
        return result;
    }
    const auto begin = std::chrono::steady_clock::now();
    try {
        play_and_judge(scenario, host, options, round, result);
    } catch (const scenarios::ScenarioError& error) {
        result.verdict.kind = scenarios::Verdict::Kind::error;
        result.verdict.invalid = true;
        result.verdict.reason = error.what();
    } catch (const std::exception& error) {
        result.verdict.kind = scenarios::Verdict::Kind::error;
        result.verdict.reason = error.what();
    }
    result.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    return result;
}

}  // namespace irqbench::tools
