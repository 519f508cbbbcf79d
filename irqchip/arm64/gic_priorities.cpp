#include "irqchip/arm64/gic_priorities.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

#include "irqchip/arm64/interrupt_block.hpp"

namespace irqbench::irqchip::arm64 {

GicPriorities::GicPriorities(unsigned priority_bits) : priority_bits_(priority_bits) {
    assert(priority_bits >= 4 && priority_bits <= 8);
    for (const Group group : groups) binary_points_[index(group)] = minimum_binary_point(group);
}

std::uint32_t GicPriorities::active_word_mask(unsigned word) const {
    const unsigned levels = 1U << preemption_bits();
    if (levels <= 32 * word) return 0;
    const unsigned left = levels - 32 * word;
    return left >= 32 ? std::numeric_limits<std::uint32_t>::max() : (std::uint32_t{1} << left) - 1;
}

void GicPriorities::set_mask(std::uint8_t value) {
    pmr_ = static_cast<std::uint8_t>(value & mask_of_priority_bits(priority_bits_));
}

std::uint8_t GicPriorities::minimum_binary_point(Group group) const {
    return static_cast<std::uint8_t>(7 - preemption_bits() + (group == Group::group1 ? 1 : 0));
}

void GicPriorities::set_binary_point(Group group, std::uint8_t value) {
    const std::uint8_t kept = value & maximum_binary_point;
    binary_points_[index(group)] = std::max(kept, minimum_binary_point(group));
}

std::uint8_t GicPriorities::group_priority(std::uint8_t priority, Group group) const {
    // IHI 0069, 4.8: bits 7 to n + 1 by the binary point n of group 0, to n by that of group 1.
    const bool own = group == Group::group1 && !common_;
    const unsigned lowest = own ? binary_point(Group::group1) : binary_point(Group::group0) + 1U;
    return static_cast<std::uint8_t>(priority & (0xFFU << lowest));
}

void GicPriorities::set_active_word(Group group, unsigned word, std::uint32_t value) {
    active_[index(group)][word] = value & active_word_mask(word);
}

std::uint8_t GicPriorities::running() const {
    for (unsigned word = 0; word < active_words; ++word) {
        const std::uint32_t active = active_[0][word] | active_[1][word];
        if (active == 0) continue;
        const unsigned level = 32 * word + static_cast<unsigned>(std::countr_zero(active));
        return static_cast<std::uint8_t>(level << (8 - preemption_bits()));
    }
    return idle_priority;
}

std::optional<Waiting> GicPriorities::highest(const BestOfGroups& best) const {
    std::optional<Waiting> found;
    for (const Group group : groups) {
        const auto& candidate = best[index(group)];
        if (!candidate || !enabled(group)) continue;
        if (!found || goes_before(*candidate, found->candidate)) found = Waiting{*candidate, group};
    }
    return found;
}

std::optional<Waiting> GicPriorities::signalled(const BestOfGroups& best) const {
    const auto waiting = highest(best);
    if (!waiting || waiting->candidate.priority >= pmr_) return std::nullopt;
    const std::uint8_t active = running();
    if (active == idle_priority) return waiting;
    // Both are split by the binary point as it is now: it may have changed since the active one was taken
    // (IHI 0048B.b, 3.3.3: the group priority of the one against that of the other).
    const Group group = waiting->group;
    if (group_priority(waiting->candidate.priority, group) >= group_priority(active, group))
        return std::nullopt;
    return waiting;
}

void GicPriorities::activate(const Waiting& taken) {
    const unsigned priority = group_priority(taken.candidate.priority, taken.group);
    const unsigned level = priority >> (8 - preemption_bits());
    active_[index(taken.group)][level / 32] |= std::uint32_t{1} << level % 32;
}

std::optional<std::uint8_t> GicPriorities::drop() {
    const std::uint8_t dropped = running();
    if (dropped == idle_priority) return std::nullopt;
    const unsigned level = dropped >> (8U - preemption_bits());
    const std::uint32_t bit = std::uint32_t{1} << level % 32;
    // Where both groups have the level, which takes software that writes APRn, group 1 goes first, as in KVM.
    auto& words = (active_[1][level / 32] & bit) != 0 ? active_[1] : active_[0];
    words[level / 32] &= ~bit;
    return dropped;
}

}  // namespace irqbench::irqchip::arm64
