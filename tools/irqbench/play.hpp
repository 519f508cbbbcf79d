#pragma once

#include <atomic>
#include <iosfwd>
#include <mutex>
#include <optional>
#include <string>

#include "scenarios/engine/scenario.hpp"
#include "tools/report/result.hpp"
#include "vmm/machine.hpp"

namespace irqbench::tools {

/// Where traces go: one JSON object a line for each event.
struct TraceFile {
    std::ostream& out;
    std::mutex mutex;
};

struct PlayOptions {
    std::optional<vmm::RunMode> run;  ///< the way to run where the file leaves it open
    const std::atomic<bool>* cancel = nullptr;
    TraceFile* trace = nullptr;
};

/// Plays one scenario in one irqchip mode on a machine of its own, and judges it. Whatever goes wrong is in
/// the result.
Result play(const scenarios::Scenario& scenario, const std::string& irqchip, const vmm::Host& host,
            const PlayOptions& options, std::uint32_t round = 0);

}  // namespace irqbench::tools
