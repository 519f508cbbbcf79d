#pragma once

#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format json`, an interface that others script against: scenarios/schema/results.schema.json.
std::string json_report(std::span<const Result> results);

/// The events of one run, one JSON object a line: `--trace-out`.
std::string trace_lines(const Result& result, std::uint32_t run, const std::vector<vmm::Event>& trace);

}  // namespace irqbench::tools
