#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/engine/run.hpp"

namespace irqbench::scenarios {

/// One run of a scenario, to be compared with another.
struct Witness {
    const Performance& performance;
    const std::vector<vmm::Event>& trace;
};

/// In what two runs may differ, beyond what their steps say.
struct Leeway {
    /// Vectors that are sent by lowest priority, and the vCPUs of which any one may take them.
    std::map<std::uint32_t, std::set<std::uint32_t>> one_of;
    const Outcomes* outcomes = nullptr;  ///< of the file: what is allowed may come in one run only
    bool virtual_time = false;           ///< in both: when timers expire is no accident
};

/// What one run has at a place, as an index into its trace; none: it has nothing more there.
struct Divergence {
    const Step* action = nullptr;       ///< the step that caused it, or before whose expectations it came
    std::uint32_t iteration = 0;        ///< of that step, which may be repeated
    std::optional<std::uint32_t> vcpu;  ///< none: what the host saw
    std::optional<std::size_t> first;
    std::optional<std::size_t> second;
    bool at_end = false;  ///< could have come later too, and had not when both were over
    std::size_t performed_first =
        0;  ///< steps that each run had done when the action and its expectations ended
    std::size_t performed_second = 0;
};

/// The first thing that two runs of one scenario, in two irqchip modes, did not do alike: what the guest
/// took, observed and did on each vCPU in its order, the results of calls, how often descriptors were
/// signalled, how vCPUs rest. An action and the expectations after it are compared as a whole; what happens
/// on different vCPUs has no order. Of a message that any one of several vCPUs may take it counts that
/// exactly one of them did. Not compared is what left_out() tells, and what only one mode can see (wires,
/// exits).
std::optional<Divergence> first_divergence(const Witness& first, const Witness& second,
                                           const Leeway& leeway = {});

/// What first_divergence() does not compare of these runs, and why: a line each.
std::vector<std::string> left_out(const Witness& first, const Witness& second, const Leeway& leeway = {});

/// Whether the value of a register is another at another time.
bool tells_time(const std::string& name);

}  // namespace irqbench::scenarios
