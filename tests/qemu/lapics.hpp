#pragma once

#include <array>
#include <span>

#include "tests/qemu/differences.hpp"
#include "tests/qemu/machine.hpp"
#include "tests/qemu/state.hpp"

namespace irqbench::tests::qemu {

/// Known differences of QEMU's local APICs in what they accept.
std::span<const Difference> lapic_differences();

/// The requests of local APICs as after reset, whose CPUs stand still: an IRR only fills.
class Lapics {
  public:
    /// Takes a message as QEMU does. @returns the difference that shows in it, or nullptr
    const Difference* take(const Sent& sent);
    [[nodiscard]] const LapicState& operator[](unsigned cpu) const { return states_[cpu]; }

  private:
    std::array<LapicState, QemuMachine::cpu_count> states_{};
};

}  // namespace irqbench::tests::qemu
