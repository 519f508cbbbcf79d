#pragma once

#include <cstdint>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// An irqfd as saved.
struct SavedIrqfd {
    IrqfdSpec spec;
    bool assigned = false;
    bool asserted = false;      ///< it or another one of its GSI holds the line until it is kicked
    std::uint64_t waiting = 0;  ///< not assigned: what its eventfd holds
};

/// An ioeventfd as saved.
struct SavedIoeventfd {
    IoeventfdSpec spec;
    bool assigned = false;
};

}  // namespace irqbench::vmm
