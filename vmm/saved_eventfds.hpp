#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// An irqfd as saved.
struct SavedIrqfd {
    IrqfdSpec spec;
    bool assigned = false;
    std::uint64_t waiting = 0;  ///< not assigned: what its eventfd holds
};

/// The eventfd of an irqfd, by a number of the caller's.
struct NumberedIrqfd {
    SavedIrqfd irqfd;
    std::size_t eventfd = 0;
};

/// In an order in which they can be assigned: those that are not come first, since an eventfd triggers one at
/// most. IrqfdSpec::shares names the first of an eventfd, which says what that holds.
std::vector<SavedIrqfd> in_order_of_assignment(const std::vector<NumberedIrqfd>& irqfds);

/// An ioeventfd as saved.
struct SavedIoeventfd {
    IoeventfdSpec spec;
    bool assigned = false;
};

}  // namespace irqbench::vmm
