#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "irqchip/x86/pit_registers.hpp"

/// What the controllers of a PC are saved as: plain data with the contents of KVM's structures (api.rst,
/// KVM_GET_IRQCHIP, KVM_GET_LAPIC, KVM_GET_PIT2), and beside it what those leave out. Whoever reads such a
/// state need not trust it: a controller takes the bits that its registers have, and none of the others.
namespace irqbench::irqchip::x86 {

/// One 8259A: struct kvm_pic_state.
struct I8259AState {
    std::array<std::uint32_t, 8> drivers{};  ///< who asserts each line, one bit per LineSource
    std::uint8_t latched = 0;                ///< edges seen and not acknowledged
    std::uint8_t isr = 0;
    std::uint8_t imr = 0;
    std::uint8_t elcr = 0;
    std::uint8_t base = 0;
    std::uint8_t lowest_priority = 7;
    std::uint8_t init_step = 0;  ///< as KVM counts: 0 is none, 1 to 3 wait for ICW2 to ICW4
    bool needs_icw4 = false;
    bool single = false;
    bool auto_eoi = false;
    bool rotate_on_auto_eoi = false;
    bool special_mask = false;
    bool special_fully_nested = false;
    bool poll = false;
    bool reads_isr = false;

    friend bool operator==(const I8259AState&, const I8259AState&) = default;
};

/// The pair: master and slave.
using PicState = std::array<I8259AState, 2>;

/// struct kvm_ioapic_state, its base address apart.
struct IoApicState {
    std::uint8_t select = 0;
    std::uint32_t id = 0;  ///< the register
    std::uint32_t irr = 0;
    std::array<std::uint64_t, ioapic_pin_count> entries{};
    std::array<std::uint32_t, ioapic_pin_count> drivers{};  ///< as in I8259AState
    std::array<std::uint32_t, ioapic_pin_count> storm_counts{};

    friend bool operator==(const IoApicState&, const IoApicState&) = default;
};

/// struct kvm_lapic_state and the MSRs beside it.
struct LapicState {
    /// The register at offset 16 * n of the xAPIC page, in any mode. In x2APIC mode `id` is the whole id.
    std::array<std::uint32_t, 64> registers{};
    std::uint64_t apic_base = 0;
    std::uint64_t tsc_deadline = 0;
    std::uint32_t errors = 0;  ///< since ESR was written last
    bool ext_int = false;      ///< an ExtINT message that the CPU has not acknowledged

    [[nodiscard]] std::uint32_t& at(std::uint16_t offset) { return registers.at(offset / 16U); }
    [[nodiscard]] std::uint32_t at(std::uint16_t offset) const { return registers.at(offset / 16U); }
    friend bool operator==(const LapicState&, const LapicState&) = default;
};

/// One counter of an 8254: struct kvm_pit_channel_state, and where it stands.
struct PitChannelState {
    std::uint8_t mode = 0;
    PitAccess access = PitAccess::low_then_high;
    bool bcd = false;
    bool gate = false;
    bool out = false;
    std::uint16_t reload = 0;  ///< the count register as it was written
    std::uint32_t element = 0;
    std::optional<std::uint8_t> low_byte;  ///< the first of two bytes
    bool low_was_read = false;
    std::optional<std::uint16_t> latched_count;
    bool latched_low_was_read = false;
    std::optional<std::uint8_t> latched_status;
    bool has_count = false;
    bool null_count = true;
    bool load_next = false;
    bool counting = false;
    bool armed = false;
    bool odd = false;

    friend bool operator==(const PitChannelState&, const PitChannelState&) = default;
};

/// struct kvm_pit_state2.
struct PitState {
    std::array<PitChannelState, pit_channel_count> channels{};
    std::uint8_t port_b = 0;  ///< what was written to port 0x61

    friend bool operator==(const PitState&, const PitState&) = default;
};

/// What a register holds of a word that was saved: its fields. Reserved bits are what they are after reset.
template <class Reg>
constexpr Reg restored(std::uint64_t word) {
    constexpr std::uint64_t all = Reg::fields.all;
    return Reg{static_cast<typename Reg::word>((word & all) | (Reg::reset & ~all))};
}

}  // namespace irqbench::irqchip::x86
