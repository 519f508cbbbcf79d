#pragma once

#include <chrono>
#include <span>
#include <string>

#include "tools/report/result.hpp"
#include "tools/report/style.hpp"

namespace irqbench::tools {

/// A run that did not pass, in full: the step, what was expected, what came, and the timeline before it.
std::string failure_text(const Result& result, const TextStyle& style);

/// `played again after an error: REASON`, on one line, where that was so.
std::string retried_text(const Result& result);

/// The whole report: failures in full, outcome histograms, a matrix of folders and modes, the reasons for
/// everything that is not a plain pass, and the summary line. Of several kernels: a matrix of scenarios,
/// kernels and modes, a summary line for each, and the counts of what passed only when verbose.
std::string text_report(std::span<const Result> results, std::chrono::microseconds elapsed,
                        const TextStyle& style);

}  // namespace irqbench::tools
