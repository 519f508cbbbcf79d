#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/kvm/exits.hpp"

namespace irqbench::vmm::kvm {

/// A store that came out as KVM_EXIT_MMIO, as it was then: the exit's own data are gone with the next run.
struct LeftTheGuest {
    std::uint64_t address;
    std::uint64_t value;
    std::size_t bytes;

    explicit LeftTheGuest(const MmioExit& exit)
        : address(exit.address), value(value_of(exit.data)), bytes(exit.data.size()) {}
};

}  // namespace irqbench::vmm::kvm
