#pragma once

#include "tools/import/architecture.hpp"

namespace irqbench::importing::arm64 {

/// Traces of arm64 hosts. What vCPUs acknowledge is in no event where the GIC is the kernel's: it follows
/// from lines, the GIC's registers, entries into the guest and the ends of level-sensitive SPIs, and is
/// marked as inferred.
extern const Architecture architecture;

}  // namespace irqbench::importing::arm64
