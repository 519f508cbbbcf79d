#pragma once

#include <array>
#include <chrono>
#include <span>
#include <string>

#include "tools/irqbench/surroundings.hpp"
#include "tools/report/result.hpp"

namespace irqbench::tools {

/// The words of `--format`.
inline constexpr std::array report_formats = {"text", "json", "jsonl", "junit", "tap", "ktap", "html"};

/// How results are printed.
struct ReportOptions {
    std::string format = "text";  ///< one of report_formats
    bool colour = false;
    bool verbose = false;      ///< text: a line for every result
    bool interrupted = false;  ///< there would be more results
    std::chrono::microseconds elapsed{};
};

/// Of that format, with colour where the output is a terminal that shows it.
ReportOptions report_options(const Surroundings& surroundings, std::string format);

/// The results in that format. Those of `jsonl` are records of this one kind: what else a run says it has
/// said meanwhile.
std::string report_text(std::span<const Result> results, const ReportOptions& options);

}  // namespace irqbench::tools
