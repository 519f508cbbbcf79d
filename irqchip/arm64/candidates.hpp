#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

// The interrupts that wait for a CPU, in the order in which it takes them.
namespace irqbench::irqchip::arm64 {

enum class Group : std::uint8_t { group0 = 0, group1 = 1 };
inline constexpr std::array groups{Group::group0, Group::group1};

constexpr std::size_t index(Group group) { return static_cast<std::size_t>(group); }

/// An interrupt that is enabled, pending and not active. The lower value is the higher priority (IHI 0069,
/// 4.8). Whoever keeps the LPIs of a CPU hands in the best of them as such a value.
struct Candidate {
    std::uint32_t intid;
    std::uint8_t priority;

    friend constexpr bool operator==(const Candidate&, const Candidate&) = default;
};

/// Among equal priorities the manual lets an implementation choose; here the lowest INTID goes first.
constexpr bool goes_before(const Candidate& a, const Candidate& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.intid < b.intid;
}

constexpr std::optional<Candidate> first_of(const std::optional<Candidate>& a,
                                            const std::optional<Candidate>& b) {
    if (!a || !b) return a ? a : b;
    return goes_before(*b, *a) ? b : a;
}

/// The best candidate of each group, by index(group).
using BestOfGroups = std::array<std::optional<Candidate>, groups.size()>;

/// A sorted set of candidates. It costs what is pending, not what is implemented: finding the best takes one
/// step, a change a binary search and a move of the few that go before it.
class CandidateList {
  public:
    void insert(const Candidate& candidate) { keys_.insert(place(key(candidate)), key(candidate)); }

    /// Of a candidate that is in the list.
    void erase(const Candidate& candidate) { keys_.erase(place(key(candidate))); }

    std::optional<Candidate> best() const {
        if (keys_.empty()) return std::nullopt;
        return Candidate{keys_.back() & intid_mask, static_cast<std::uint8_t>(keys_.back() >> intid_bits)};
    }

    std::size_t size() const { return keys_.size(); }

    friend bool operator==(const CandidateList&, const CandidateList&) = default;

  private:
    static constexpr unsigned intid_bits = 24;
    static constexpr std::uint32_t intid_mask = (std::uint32_t{1} << intid_bits) - 1;

    static constexpr std::uint32_t key(const Candidate& candidate) {
        return std::uint32_t{candidate.priority} << intid_bits | candidate.intid;
    }
    std::vector<std::uint32_t>::iterator place(std::uint32_t key) {
        return std::lower_bound(keys_.begin(), keys_.end(), key, std::greater{});
    }

    /// The best is the last: it is the one that comes and goes.
    std::vector<std::uint32_t> keys_;
};

using CandidateLists = std::array<CandidateList, groups.size()>;

}  // namespace irqbench::irqchip::arm64
