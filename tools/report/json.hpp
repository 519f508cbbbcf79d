#pragma once

#include <functional>
#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format json`, an interface that others script against: scenarios/schema/results.schema.json.
std::string json_report(std::span<const Result> results);

/// The events of one run, one JSON object a line: `--trace-out`.
/// @param attempt which one it was of those that were played again, see CampaignOptions::retries; none: it is
///        the one that counts
std::string trace_lines(const Result& result, std::uint32_t run, std::optional<std::uint32_t> attempt,
                        const std::vector<vmm::Event>& trace);

/// Such lines, with what `label` makes of the kernel's release; what is no event stays as it is.
std::string relabel_trace(const std::string& lines,
                          const std::function<std::string(const std::string&)>& label);

}  // namespace irqbench::tools
