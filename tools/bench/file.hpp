#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tools/bench/result.hpp"

namespace irqbench::tools::bench {

/// A report as the text of a file, which read_report() takes for a baseline.
[[nodiscard]] std::string file_text(const Report& report);

/// One path in one irqchip mode as a line of JSON, with the kernel, for `--format jsonl`.
[[nodiscard]] std::string record_line(const Report& report, const Measured& measured);

/// @throws scenarios::ScenarioError naming file, line and JSON pointer of what is no such report
[[nodiscard]] Report read_report(const std::filesystem::path& path);
[[nodiscard]] Report parse_report(std::string file, std::string_view text);

}  // namespace irqbench::tools::bench
