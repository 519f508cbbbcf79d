#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

namespace irqbench::irqchip {

/// Seeded, so that a failure repeats.
struct Random {
    std::mt19937 engine;

    explicit Random(unsigned seed) : engine(seed) {}

    std::uint32_t operator()() { return static_cast<std::uint32_t>(engine()); }
    std::uint64_t wide() {
        const std::uint64_t high = (*this)();
        return high << 32 | (*this)();
    }
    bool coin() { return (*this)() % 2 == 0; }
    template <class T>
    T pick(std::initializer_list<T> choices) {
        return choices.begin()[(*this)() % choices.size()];
    }
};

}  // namespace irqbench::irqchip
