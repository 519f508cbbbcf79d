#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace irqbench::irqchip::x86 {

/// A set of interrupt vectors: IRR, ISR or TMR (SDM vol. 3, 11.8.4).
class VectorSet {
  public:
    constexpr bool test(std::uint8_t vector) const { return (word(vector) & bit(vector)) != 0; }
    constexpr void set(std::uint8_t vector) { word(vector) |= bit(vector); }
    constexpr void clear(std::uint8_t vector) { word(vector) &= ~bit(vector); }
    constexpr void assign(std::uint8_t vector, bool value) { value ? set(vector) : clear(vector); }

    /// The vector of the highest priority.
    constexpr std::optional<std::uint8_t> highest() const {
        for (std::size_t i = words_.size(); i-- > 0;)
            if (words_[i] != 0)
                return static_cast<std::uint8_t>(64 * i + 63 -
                                                 static_cast<unsigned>(std::countl_zero(words_[i])));
        return std::nullopt;
    }

    /// Vectors 32 * index and up, as the 32-bit register of that number shows them; index is below 8.
    constexpr std::uint32_t register_word(unsigned index) const {
        return static_cast<std::uint32_t>(words_[index / 2] >> (32 * (index % 2)));
    }

    /// Makes them what that register holds.
    constexpr void set_word(unsigned index, std::uint32_t word) {
        const unsigned shift = 32 * (index % 2);
        words_[index / 2] &= ~(std::uint64_t{0xFFFF'FFFF} << shift);
        words_[index / 2] |= std::uint64_t{word} << shift;
    }

    friend constexpr bool operator==(const VectorSet&, const VectorSet&) = default;

  private:
    static constexpr std::uint64_t bit(std::uint8_t vector) { return std::uint64_t{1} << (vector % 64); }
    constexpr std::uint64_t& word(std::uint8_t vector) { return words_[vector / 64]; }
    constexpr const std::uint64_t& word(std::uint8_t vector) const { return words_[vector / 64]; }

    std::array<std::uint64_t, 4> words_{};
};

}  // namespace irqbench::irqchip::x86
