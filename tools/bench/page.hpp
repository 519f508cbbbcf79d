#pragma once

#include <optional>
#include <string>

#include "tools/bench/compare.hpp"
#include "tools/bench/result.hpp"

namespace irqbench::tools::bench {

/// The report as an HTML page that loads nothing and has no script: the table, and a plot of each path in
/// each irqchip mode, with the raw loop's beside. What comes from a host or a file is text in it.
[[nodiscard]] std::string page_of(const Report& report, const std::optional<Comparison>& comparison);

}  // namespace irqbench::tools::bench
