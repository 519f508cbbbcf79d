#include "tools/irqbench/shrink_player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tools/irqbench/campaign_task.hpp"
#include "tools/shrink/symptom.hpp"

namespace irqbench::tools {

using scenarios::Scenario;
using scenarios::Verdict;

ShrinkPlayer::ShrinkPlayer(ShrinkPlaying playing, const vmm::Host& host, const Surroundings& surroundings,
                           std::filesystem::path file)
    : playing_(std::move(playing)), host_(host), surroundings_(surroundings), file_(std::move(file)) {}

std::vector<ShrinkStart> ShrinkPlayer::start(const Scenario& scenario) {
    using Kind = ShrinkStart::Kind;
    std::vector<std::string> modes = playing_.modes;
    for (const std::string& mode : playing_.against)
        if (std::find(modes.begin(), modes.end(), mode) == modes.end()) modes.push_back(mode);
    const bool is_traced = scenarios::needs_kernel_trace(scenario) && vmm::KernelTrace::unavailable().empty();
    if (is_traced) kernel_trace_ = vmm::KernelTrace::shared();
    std::vector<ShrinkStart> all;
    for (const std::string& mode : modes) {
        const bool is_asked =
            std::find(playing_.modes.begin(), playing_.modes.end(), mode) != playing_.modes.end();
        ShrinkStart start{mode, Kind::passed, "", is_asked};
        if (const auto reason = skipped(scenario, mode)) {
            all.push_back({mode, Kind::skipped, *reason, is_asked});
            continue;
        }
        for (std::uint32_t run = 0; run < playing_.repeat && start.kind != Kind::failed; ++run) {
            const auto outcome = play(scenario, mode, run);
            if (!outcome) return all;
            if (outcome->known) start.kind = Kind::known;
            if (!outcome->symptom.empty()) start = {mode, Kind::failed, outcome->symptom, is_asked};
        }
        if (start.kind == Kind::failed && is_asked) kept_.push_back(start);
        if (start.kind == Kind::passed) passed_.push_back(mode);
        all.push_back(std::move(start));
    }
    return all;
}

bool ShrinkPlayer::shows(const std::string& text) {
    ++tried_;
    try {
        const Scenario scenario = scenarios::load_text(text, file_);
        return std::all_of(kept_.begin(), kept_.end(),
                           [&](const ShrinkStart& as) { return fails_so(scenario, as); }) &&
               std::all_of(passed_.begin(), passed_.end(),
                           [&](const std::string& mode) { return passes(scenario, mode); });
    } catch (const scenarios::ScenarioError&) {
        ++not_loaded_;
        return false;
    }
}

bool ShrinkPlayer::fails_so(const Scenario& scenario, const ShrinkStart& as) {
    if (skipped(scenario, as.mode)) return false;
    for (std::uint32_t run = 0; run < playing_.repeat; ++run) {
        const auto outcome = play(scenario, as.mode, run);
        if (!outcome) return false;
        if (outcome->symptom == as.words) return true;
    }
    return false;
}

bool ShrinkPlayer::passes(const Scenario& scenario, const std::string& mode) {
    if (skipped(scenario, mode)) return false;
    for (std::uint32_t run = 0; run < playing_.repeat; ++run) {
        const auto outcome = play(scenario, mode, run);
        if (!outcome || outcome->known || !outcome->symptom.empty()) return false;
    }
    return true;
}

std::optional<std::string> ShrinkPlayer::skipped(const Scenario& scenario, const std::string& mode) const {
    if (auto reason = scenarios::skip_reason(scenario, mode, host_, playing_.run)) return reason;
    std::vector<std::string> modes = scenarios::moves_to(scenario);
    for (const std::string& to : modes)
        if (const auto reason = scenarios::skip_reason(scenario, to, host_, playing_.run))
            return fmt::format("moves to {} mode: {}", to, *reason);
    if (!modes.empty()) modes.insert(modes.begin(), mode);
    return scenarios::apart_reason(scenario, modes, host_);
}

std::optional<ShrinkPlayer::Outcome> ShrinkPlayer::play(const Scenario& scenario, const std::string& mode,
                                                        std::uint32_t number) {
    std::vector<std::string> modes = scenarios::moves_to(scenario);
    if (!modes.empty()) modes.insert(modes.begin(), mode);
    scenarios::RunOptions run;
    run.config = modes.empty() ? scenario.config : scenarios::settled(scenario, modes, host_);
    run.config.placement = mode;
    run.config.seed = playing_.seed + number;
    run.config.run = scenarios::run_mode(scenario, playing_.run);
    run.config.kernel_trace = scenarios::needs_kernel_trace(scenario);
    run.cancel = &surroundings_.interrupted;
    vmm::Trace trace;
    scenarios::Performance performance;
    Verdict verdict;
    try {
        const auto machine = scenarios::machine_for(scenario, run, trace, surroundings_.make_machine);
        performance = scenarios::perform(scenario, *machine, trace, run);
        machine->close();
        if (performance.cancelled || surroundings_.interrupted.load()) return std::nullopt;
        verdict = scenarios::judge(scenario, performance, trace.events());
    } catch (const scenarios::ScenarioError& error) {
        verdict = unusable(error);
    } catch (const std::exception& error) {
        verdict = ended_in_error(error.what());
    }
    verdict = scenarios::apply_known(std::move(verdict), scenario, mode, run.config.run, host_);
    return Outcome{verdict.kind == Verdict::Kind::known,
                   shrinking::symptom_of(verdict, performance, trace.events())};
}

}  // namespace irqbench::tools
