#pragma once

// Models: the EL1 virtual timer of one CPU: CNTVCT_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTV_TVAL_EL0.
// Leaves out: the physical timer, event streams, access from EL0.
// Differs from KVM: the counter has 1 GHz, as Armv8.6 has it, and begins at first_count; KVM's begins at 0
//   when the VM is created, and has gone on by the time that a guest can read it.
// Source: Arm ARM (DDI 0487), D12.2.4 and the registers CNTV_*.

#include <cstdint>
#include <optional>

#include "vmm/gic_state.hpp"

namespace irqbench::vmm::arm64 {

class VirtualTimer {
  public:
    static constexpr std::uint32_t ppi = 27;  ///< as KVM has it (BSA 1.0, 4.5)
    /// Of the EL1 physical timer, which is not modelled: a line that stays low.
    static constexpr std::uint32_t ppi_of_physical = 30;
    static constexpr std::uint64_t frequency_hz = 1'000'000'000;
    /// The counter when the machine begins: more than the furthest that CNTV_TVAL_EL0 reaches back, 2^31, so
    /// that a time which has passed does not wrap to one that never comes.
    static constexpr std::uint64_t first_count = 10 * frequency_hz;

    /// MRS and MSR of a register by its number (irqchip::arm64::sysreg), while the counter is at `count`.
    /// @returns nothing, or false, where it is none of the timer's
    [[nodiscard]] std::optional<std::uint64_t> read(std::uint32_t number, std::uint64_t count) const;
    bool write(std::uint32_t number, std::uint64_t value, std::uint64_t count);

    /// Its output.
    [[nodiscard]] bool level(std::uint64_t count) const { return runs() && count >= compare_; }
    /// The count at which the output will rise.
    [[nodiscard]] std::optional<std::uint64_t> rises(std::uint64_t count) const {
        return runs() && count < compare_ ? std::optional(compare_) : std::nullopt;
    }

    [[nodiscard]] TimerState state() const { return {control_, compare_}; }
    void restore(const TimerState& saved) {
        control_ = saved.control & 3;
        compare_ = saved.compare;
    }

    /// Whether the line of this PPI is a timer's to drive, also where that timer is not modelled.
    static constexpr bool drives(std::uint32_t intid) { return intid == ppi || intid == ppi_of_physical; }

  private:
    /// Enabled and not masked.
    [[nodiscard]] bool runs() const { return (control_ & 3) == 1; }

    std::uint64_t control_ = 0;
    std::uint64_t compare_ = 0;
};

}  // namespace irqbench::vmm::arm64
