#pragma once

#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format junit`: one test suite per irqchip mode, or per kernel and mode when there are
/// several, one test case per scenario. Known divergences are
/// skipped cases with their reason, since JUnit has no word for them.
std::string junit_report(std::span<const Result> results);

}  // namespace irqbench::tools
