#pragma once

#include <string>

#include "vmm/gic_state.hpp"

namespace irqbench::vmm::arm64 {

/// What a register of a state is called, and what of that register it is.
struct RegisterName {
    std::string name;  ///< `GICD_ISENABLER1`; the offset in hex where the chip's table has none
    unsigned bits = 32;
    bool is_upper_half = false;  ///< of a register that is written by halves
    /// It is in the list for the order of writes: what is in it is not state.
    bool only_clears = false;
};

[[nodiscard]] RegisterName name_of(const GicRegister& where, bool is_v3);

}  // namespace irqbench::vmm::arm64
