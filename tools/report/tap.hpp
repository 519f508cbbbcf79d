#pragma once

#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format tap`: TAP version 13. A known divergence is `not ok ... # TODO`, TAP's word for an expected
/// failure. Descriptions end with the mode in brackets, and the kernel when there are several.
/// @param interrupted ends it with `Bail out!`, so that no consumer takes it for the whole run
std::string tap_report(std::span<const Result> results, bool interrupted = false);

}  // namespace irqbench::tools
