#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "irqchip/arm64/candidates.hpp"
#include "irqchip/effect.hpp"

// The state of 32 interrupts and the registers that show it, the same in every distributor and redistributor.
namespace irqbench::irqchip::arm64 {

/// The kinds of register that hold a field per INTID (IHI 0048B.b, 4.3).
enum class Bank : std::uint8_t {
    none,
    group,
    set_enable,
    clear_enable,
    set_pending,
    clear_pending,
    set_active,
    clear_active,
    priority,
    config
};

/// The bit of an interrupt in its block.
constexpr std::uint32_t bit_in_block(std::uint32_t intid) { return std::uint32_t{1} << intid % 32; }

/// Registers of a kind that 32 INTIDs take.
constexpr std::uint32_t registers_per_block(Bank bank) {
    return bank == Bank::priority ? 8 : bank == Bank::config ? 2 : 1;
}

/// What a guest cannot change, one bit per interrupt.
struct BlockRules {
    std::uint32_t implemented = 0xFFFF'FFFF;
    std::uint32_t config_writable = 0xFFFF'FFFF;
    /// Interrupts that ISPENDR and ICPENDR change; not the SGIs of a GICv2 (IHI 0048B.b, 4.3.7).
    std::uint32_t pending_writable = 0xFFFF'FFFF;
    /// Implemented bits of a priority, at the top.
    std::uint8_t priority_mask = 0xFF;

    friend bool operator==(const BlockRules&, const BlockRules&) = default;
};

/// The priority_mask of an implementation.
constexpr std::uint8_t mask_of_priority_bits(unsigned bits) {
    return static_cast<std::uint8_t>(0xFF << (8 - bits));
}

/// One interrupt, for inspection.
struct InterruptState {
    Group group = Group::group0;
    bool enabled = false;
    /// Latched, or level-triggered with the line asserted.
    bool pending = false;
    bool latched = false;
    bool line = false;
    bool active = false;
    bool edge = false;
    std::uint8_t priority = 0;

    friend bool operator==(const InterruptState&, const InterruptState&) = default;
};

/// One bit per interrupt in every word.
struct InterruptBlock {
    std::uint32_t group1 = 0;
    std::uint32_t enabled = 0;
    /// The pending latch: set by an edge, an SGI or ISPENDR; taken away by the acknowledge or ICPENDR.
    std::uint32_t latched = 0;
    std::uint32_t active = 0;
    std::uint32_t edge = 0;
    std::uint32_t line = 0;
    std::array<std::uint8_t, 32> priority{};
    /// Drivers that assert each line, one bit per LineSource.
    std::array<std::uint32_t, 32> drivers{};

    constexpr std::uint32_t pending() const { return latched | (line & ~edge); }
    constexpr std::uint32_t candidates() const { return pending() & enabled & ~active; }
    constexpr Group group_of(unsigned i) const {
        return (group1 >> i & 1) != 0 ? Group::group1 : Group::group0;
    }
    InterruptState state(unsigned i) const;

    /// An edge-triggered input sees its line rise; a level-triggered one is pending while it is asserted.
    void set_line(unsigned i, bool asserted, LineSource source) {
        const std::uint32_t bit = std::uint32_t{1} << i;
        const std::uint32_t driver = std::uint32_t{1} << static_cast<unsigned>(source);
        drivers[i] = asserted ? drivers[i] | driver : drivers[i] & ~driver;
        const std::uint32_t was_asserted = line & bit;
        line = drivers[i] != 0 ? line | bit : line & ~bit;
        latched |= line & edge & bit & ~was_asserted;
    }
    /// The CPU takes it. A level-triggered one whose line stays asserted is active and pending (IHI 0069,
    /// 4.1).
    void acknowledge(unsigned i) {
        const std::uint32_t bit = std::uint32_t{1} << i;
        latched &= ~bit;
        active |= bit;
    }

    /// Register `part` of those a block has of `bank`.
    std::uint32_t read(Bank bank, unsigned part) const;
    /// A guest writes the bits in `lanes`.
    void write(Bank bank, unsigned part, std::uint32_t value, std::uint32_t lanes, const BlockRules& rules);
    /// The interrupts such a write may change.
    static std::uint32_t touched(Bank bank, unsigned part, std::uint32_t value);

    friend bool operator==(const InterruptBlock&, const InterruptBlock&) = default;
};

/// Runs `change` on a block and keeps the lists of candidates true; only the interrupts in `mask` change.
/// `for_each_list(i, group, f)` calls f with every list interrupt `i` is in while it is a candidate of
/// `group`; its answer may be another after the change.
template <class ForEachList, class Change>
void change_block(InterruptBlock& block, std::uint32_t first_intid, std::uint32_t mask,
                  ForEachList for_each_list, Change change) {
    const auto for_each_candidate = [&](auto act) {
        for (std::uint32_t left = block.candidates() & mask; left != 0; left &= left - 1) {
            const auto i = static_cast<unsigned>(std::countr_zero(left));
            const Candidate candidate{first_intid + i, block.priority[i]};
            for_each_list(i, block.group_of(i), [&](CandidateList& list) { act(list, candidate); });
        }
    };
    for_each_candidate([](CandidateList& list, const Candidate& candidate) { list.erase(candidate); });
    change();
    for_each_candidate([](CandidateList& list, const Candidate& candidate) { list.insert(candidate); });
}

}  // namespace irqbench::irqchip::arm64
