#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace irqbench::tools::fuzz {

/// std::uniform_int_distribution is not the same everywhere, the engine is.
class Dice {
  public:
    Dice(std::uint64_t seed, std::uint64_t number) {
        const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
        std::seed_seq sequence{low(seed), low(seed >> 32), low(number), low(number >> 32)};
        engine_.seed(sequence);
    }
    /// From 0 to before `sides`.
    std::uint32_t roll(std::size_t sides) { return static_cast<std::uint32_t>(engine_() % sides); }
    bool chance(std::uint32_t percent) { return roll(100) < percent; }
    template <class List>
    const auto& pick(const List& list) {
        return list[roll(list.size())];
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace irqbench::tools::fuzz
