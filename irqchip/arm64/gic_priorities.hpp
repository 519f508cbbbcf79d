#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "irqchip/arm64/candidates.hpp"

// What the CPU interfaces of GICv2 and GICv3 have in common: which interrupt may be signalled, and which
// priorities are active.
namespace irqbench::irqchip::arm64 {

/// What RPR reads while nothing is active (IHI 0048B.b, 4.4.6).
inline constexpr std::uint8_t idle_priority = 0xFF;

/// A candidate and the group it is of.
struct Waiting {
    Candidate candidate;
    Group group;

    friend constexpr bool operator==(const Waiting&, const Waiting&) = default;
};

class GicPriorities {
  public:
    /// Registers of active priorities a group has in the register map.
    static constexpr unsigned active_words = 4;
    static constexpr std::uint8_t maximum_binary_point = 7;

    /// `priority_bits` from 4 to 8; with 8 the last tells no levels of preemption apart (IHI 0069, 4.8).
    explicit GicPriorities(unsigned priority_bits);

    unsigned priority_bits() const { return priority_bits_; }
    /// Bits of a register of active priorities that exist: one per level of preemption.
    std::uint32_t active_word_mask(unsigned word) const;

    std::uint8_t mask() const { return pmr_; }
    void set_mask(std::uint8_t value);

    bool enabled(Group group) const { return enabled_[index(group)]; }
    void set_enabled(Group group, bool enabled) { enabled_[index(group)] = enabled; }

    /// Whether group 1 goes by the binary point of group 0 (CBPR).
    bool common_binary_point() const { return common_; }
    void set_common_binary_point(bool common) { common_ = common; }

    /// The binary point as its register holds it. That of group 1 is one more for the same split.
    std::uint8_t binary_point(Group group) const { return binary_points_[index(group)]; }
    /// A value below the minimum becomes the minimum (IHI 0069, ICC_BPR0_EL1).
    void set_binary_point(Group group, std::uint8_t value);
    std::uint8_t minimum_binary_point(Group group) const;

    /// The part of a priority that preempts.
    std::uint8_t group_priority(std::uint8_t priority, Group group) const;

    /// Level n, in bit n % 32 of word n / 32, stands for priority n << (8 - preemption bits).
    std::uint32_t active_word(Group group, unsigned word) const { return active_[index(group)][word]; }
    void set_active_word(Group group, unsigned word, std::uint32_t value);
    /// The highest active priority.
    std::uint8_t running() const;

    /// The best candidate of the groups that are enabled, whatever PMR and the running priority say.
    std::optional<Waiting> highest(const BestOfGroups& best) const;
    /// The same if its priority is enough to be signalled (IHI 0069, 4.8).
    std::optional<Waiting> signalled(const BestOfGroups& best) const;

    /// The priority of an interrupt that is acknowledged becomes active.
    void activate(const Waiting& taken);
    /// The highest active priority is active no more; nothing if there was none.
    std::optional<std::uint8_t> drop();

    friend bool operator==(const GicPriorities&, const GicPriorities&) = default;

  private:
    unsigned preemption_bits() const { return priority_bits_ < 7 ? priority_bits_ : 7; }

    unsigned priority_bits_;
    std::uint8_t pmr_ = 0;
    bool common_ = false;
    std::array<bool, groups.size()> enabled_{};
    std::array<std::uint8_t, groups.size()> binary_points_{};
    std::array<std::array<std::uint32_t, active_words>, groups.size()> active_{};
};

}  // namespace irqbench::irqchip::arm64
