#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/engine/run.hpp"
#include "scenarios/engine/scenario.hpp"
#include "tools/irqbench/files.hpp"
#include "tools/report/result.hpp"

namespace irqbench::tools {

/// A result of a file in a mode before anything has been run.
Result result_of(const Loaded& file, const std::string& mode, const vmm::Host& host);

/// What a run without a judgement ends in.
scenarios::Verdict unusable(const scenarios::ScenarioError& error);
scenarios::Verdict ended_in_error(std::string reason);
scenarios::Verdict skipped(std::string reason);

inline bool went_wrong(const scenarios::Verdict& verdict) {
    return verdict.kind == scenarios::Verdict::Kind::fail || verdict.kind == scenarios::Verdict::Kind::error;
}

/// The judge counts what was performed; readers of a trace know the steps of the file.
void number_steps(std::vector<vmm::Event>& events, const scenarios::Performance& performance);

/// One scenario in one mode: its runs, whoever makes them, become one result.
struct Task {
    const scenarios::Scenario* scenario = nullptr;  ///< null when there is nothing to run
    Result result;
    std::uint32_t begun = 0;  ///< turns that somebody has taken
    std::uint32_t ended = 0;  ///< and that are over
    std::uint32_t worst = 0;  ///< the run that `result.verdict` is from
    std::vector<scenarios::OutcomeCount> histogram;

    /// The worst verdict counts, and of several the first run with it, in whatever order they end.
    /// @param records whether the result is to have the events of the run that it is from
    void add(std::uint32_t run, scenarios::Verdict verdict, const std::vector<vmm::Event>& trace,
             bool records);

    /// Once nobody runs it any more.
    void finish();
};

}  // namespace irqbench::tools
