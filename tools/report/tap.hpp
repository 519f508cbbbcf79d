#pragma once

#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format tap`: TAP version 13. A known divergence is `not ok ... # TODO`, TAP's word for an expected
/// failure.
std::string tap_report(std::span<const Result> results);

}  // namespace irqbench::tools
