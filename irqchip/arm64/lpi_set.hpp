#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace irqbench::irqchip::arm64 {

/// A set of numbers below 2^24 whose lowest member costs four words, however many there are: each bit of a
/// level says whether a word of the level below holds anything.
class LpiSet {
  public:
    static constexpr std::uint32_t limit = std::uint32_t{1} << 24;

    bool contains(std::uint32_t number) const {
        const std::size_t word = number / 64;
        return word < levels_[0].size() && (levels_[0][word] & bit(number)) != 0;
    }
    bool empty() const { return levels_.back().empty() || levels_.back()[0] == 0; }

    /// @returns whether it was not there before
    bool insert(std::uint32_t number) {
        if (contains(number)) return false;
        for (auto& level : levels_) {
            const std::size_t word = number / 64;
            if (word >= level.size()) level.resize(word + 1);
            const bool known_above = level[word] != 0;
            level[word] |= bit(number);
            if (known_above) break;
            number /= 64;
        }
        return true;
    }

    /// @returns whether it was there
    bool erase(std::uint32_t number) {
        if (!contains(number)) return false;
        for (auto& level : levels_) {
            level[number / 64] &= ~bit(number);
            if (level[number / 64] != 0) break;
            number /= 64;
        }
        return true;
    }

    std::optional<std::uint32_t> lowest() const {
        if (empty()) return std::nullopt;
        std::size_t word = 0;
        for (std::size_t i = levels_.size(); i-- > 0;)
            word = 64 * word + static_cast<std::size_t>(std::countr_zero(levels_[i][word]));
        return static_cast<std::uint32_t>(word);
    }

    /// In ascending order; the set must not change meanwhile.
    template <class Visit>
    void for_each(Visit visit) const {
        if (empty()) return;
        for (std::size_t word = 0; word < levels_[0].size(); ++word)
            for (std::uint64_t bits = levels_[0][word]; bits != 0; bits &= bits - 1)
                visit(static_cast<std::uint32_t>(64 * word) +
                      static_cast<std::uint32_t>(std::countr_zero(bits)));
    }

    /// Members only: room that was made for former ones does not count.
    friend bool operator==(const LpiSet& a, const LpiSet& b) {
        const auto& shorter = a.levels_[0].size() < b.levels_[0].size() ? a.levels_[0] : b.levels_[0];
        const auto& longer = a.levels_[0].size() < b.levels_[0].size() ? b.levels_[0] : a.levels_[0];
        const auto rest = longer.begin() + static_cast<std::ptrdiff_t>(shorter.size());
        return std::equal(shorter.begin(), shorter.end(), longer.begin()) &&
               std::all_of(rest, longer.end(), [](std::uint64_t word) { return word == 0; });
    }

  private:
    static constexpr std::uint64_t bit(std::uint32_t number) { return std::uint64_t{1} << (number % 64); }

    std::array<std::vector<std::uint64_t>, 4> levels_;
};

}  // namespace irqbench::irqchip::arm64
