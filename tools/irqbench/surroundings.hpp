#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>

#include "vmm/machine.hpp"

namespace irqbench::tools {

/// Everything the command reaches outside itself for, so that a test can hand it something else.
struct Surroundings {
    std::ostream& out;
    std::ostream& err;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    std::function<std::string(const char*)> environment;  ///< empty when the variable is not set
    std::function<vmm::Host()> probe_host;
    std::function<std::unique_ptr<vmm::Machine>(const vmm::MachineConfig&, vmm::Trace&)> make_machine;
    const std::atomic<bool>& interrupted;  ///< Ctrl-C: end soon, with the results so far
};

/// No two outcomes share a number. Where several apply the first of this list wins: interrupted, malformed,
/// invalid_scenario, bench_error, failed, nothing_executed; unusable input first, because nothing can be said
/// about it.
enum ExitStatus : int {
    passed = 0,
    failed = 1,
    malformed = 2,  ///< also wrong usage
    bench_error = 3,
    invalid_scenario = 4,
    nothing_executed = 5,
    interrupted = 130,
};

/// The irqchip modes that `--irqchip` knows, in the order of reports.
inline constexpr const char* irqchip_modes[] = {"kernel", "split", "userspace", "model"};

}  // namespace irqbench::tools
