#pragma once

#include <functional>
#include <stdexcept>

#include "tools/bench/architecture.hpp"
#include "tools/bench/result.hpp"
#include "vmm/machine.hpp"

namespace irqbench::tools::bench {

/// The user has had enough.
struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("interrupted") {}
};

/// Builds a free-running machine for one path in one irqchip mode, and measures round trips of one interrupt
/// after the other: through the machine as scenarios drive it, and in turns with that by bare ioctls on the
/// very same virtual machine. docs/bench.md says what is taken from where to where.
/// @param stop asked between round trips
/// @returns with a reason where the host or the mode has no such path, or nothing comes back
/// @throws Interrupted; std::system_error when the host refuses to build the machine
[[nodiscard]] Measured measure(const Architecture& architecture, const vmm::Host& host, Path path,
                               const std::string& irqchip, const Setup& setup,
                               const std::function<bool()>& stop);

}  // namespace irqbench::tools::bench
