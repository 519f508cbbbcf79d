#pragma once

#include <chrono>
#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

struct TextStyle {
    bool colour = false;
    bool verbose = false;  ///< a line for every run, not only for those that did not go well
    std::size_t width = 100;
};

/// A run that did not pass, in full: the step, what was expected, what came, and the timeline before it.
std::string failure_text(const Result& result, const TextStyle& style);

/// The whole report: failures in full, outcome histograms, a matrix of folders and modes, the reasons for
/// everything that is not a plain pass, and the summary line.
std::string text_report(std::span<const Result> results, std::chrono::microseconds elapsed,
                        const TextStyle& style);

/// A table: rows folders of scenarios, columns irqchip modes, cells such as `12 pass 1 known 2 skip`.
std::string matrix(std::span<const Result> results);

}  // namespace irqbench::tools
