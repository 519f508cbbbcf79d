#pragma once

#include <span>
#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format ktap`: the Kernel Test Anything Protocol, version 1 (the kernel's
/// Documentation/dev-tools/ktap.rst). Kernels contain irqchip modes, which contain scenarios. A known
/// divergence is `ok ... # XFAIL`, so that parsers that do not know the directive agree with the exit status;
/// what was skipped altogether is skipped.
/// @param interrupted ends it with `Bail out!`, as in TAP
std::string ktap_report(std::span<const Result> results, bool interrupted = false);

}  // namespace irqbench::tools
