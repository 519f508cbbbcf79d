#pragma once

#include <cstdint>

namespace irqbench::vmm {

/// What a CPU does between two instructions. PSCI knows `running` and `not_started` only.
enum class Activity : std::uint8_t { running, halted, wait_for_sipi, not_started };

/// How a CPU stands, as far as CPUs of every architecture and machine do: the rest of a saved CPU is its own.
struct CpuStanding {
    Activity activity = Activity::running;
    bool interrupts_enabled = true;
    std::uint8_t nmis = 0;  ///< pending
    bool nmi_blocked = false;
    bool smi = false;  ///< pending
};

}  // namespace irqbench::vmm
