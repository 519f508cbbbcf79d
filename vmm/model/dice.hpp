#pragma once

#include <cstdint>

namespace irqbench::vmm::model {

/// Numbers that look random and are the same for every run with one seed, on every host (SplitMix64; Steele,
/// Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    /// From 0 to before `sides`, which is not 0.
    std::uint64_t roll(std::uint64_t sides) { return next() % sides; }

  private:
    std::uint64_t next() {
        state_ += 0x9E37'79B9'7F4A'7C15;
        std::uint64_t z = state_;
        z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
        z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
        return z ^ z >> 31;
    }

    std::uint64_t state_;
};

}  // namespace irqbench::vmm::model
