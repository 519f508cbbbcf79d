#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/engine/run.hpp"

namespace irqbench::scenarios {

/// One run of a scenario, to be compared with another.
struct Witness {
    const Performance& performance;
    const std::vector<vmm::Event>& trace;
};

/// What one run has at a place, as an index into its trace; none: it has nothing more there.
struct Divergence {
    const Step* action = nullptr;       ///< the step that caused it, or before whose expectations it came
    std::uint32_t iteration = 0;        ///< of that step, which may be repeated
    std::optional<std::uint32_t> vcpu;  ///< none: what the host saw
    std::optional<std::size_t> first;
    std::optional<std::size_t> second;
    std::size_t performed_first =
        0;  ///< steps that each run had done when the action and its expectations ended
    std::size_t performed_second = 0;
};

/// The first thing that two runs of one scenario, in two irqchip modes, did not do alike: what the guest
/// took, observed and did on each vCPU in its order, the results of calls, how often descriptors were
/// signalled, how vCPUs rest. An action and the expectations after it are compared as a whole; what happens
/// on different vCPUs has no order. Not compared: times, what only one mode can see (wires, exits), steps
/// that only one of them has, and values of registers that tell time.
std::optional<Divergence> first_divergence(const Witness& first, const Witness& second);

/// Whether the value of a register is another at another time.
bool tells_time(const std::string& name);

}  // namespace irqbench::scenarios
