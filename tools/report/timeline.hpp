#pragma once

#include <string>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// The last events before a failure, at most `most` of them, the offending one always among them. Leaves out
/// where a vCPU rests when that has not changed, and of the kernel's events those that are not about
/// interrupts.
Excerpt excerpt(const std::vector<vmm::Event>& trace, const scenarios::Failure& failure,
                std::size_t most = 12);

/// So many of a run's events a page shows at most.
inline constexpr std::size_t most_recorded = 2000;

/// The events of a run for a page, without those that an excerpt leaves out for what they are; where there
/// are more than `most`, those around the failure, or else the first.
/// @param failure of that run, if any
Recording recording(const std::vector<vmm::Event>& trace, const scenarios::Failure* failure,
                    std::size_t most = most_recorded);

/// One line per event, one column per lane: time in microseconds, host, wires, the kernel, each vCPU. Lanes
/// without events are left out. Texts go on in a further line where one would not fit in `width` columns:
/// what a failure shows is never cut. All vCPUs share
/// a column where one each would be too narrow.
std::string timeline(const Excerpt& excerpt, const std::string& mark, std::size_t width = 100);

}  // namespace irqbench::tools
