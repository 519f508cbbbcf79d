#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace irqbench::vmm::model {

/// A set of CPUs by index. Finding the next costs next to nothing however many are not in it.
class CpuSet {
  public:
    explicit CpuSet(std::size_t cpus) : words_((cpus + bits - 1) / bits) {}

    void insert(std::uint32_t cpu) {
        std::uint64_t& word = words_[cpu / bits];
        count_ += (word >> cpu % bits & 1) == 0 ? 1U : 0U;
        word |= std::uint64_t{1} << cpu % bits;
    }
    void erase(std::uint32_t cpu) {
        std::uint64_t& word = words_[cpu / bits];
        count_ -= word >> cpu % bits & 1;
        word &= ~(std::uint64_t{1} << cpu % bits);
    }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t size() const { return count_; }

    /// The first that is not below `from`.
    [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t from) const {
        if (count_ == 0) return std::nullopt;
        for (std::size_t i = from / bits; i < words_.size(); ++i) {
            std::uint64_t word = words_[i];
            if (i == from / bits) word &= ~std::uint64_t{0} << from % bits;
            if (word != 0)
                return static_cast<std::uint32_t>(i * bits) +
                       static_cast<std::uint32_t>(std::countr_zero(word));
        }
        return std::nullopt;
    }
    /// Counted from 0; there must be as many.
    [[nodiscard]] std::uint32_t nth(std::size_t n) const {
        std::uint32_t cpu = *next(0);
        while (n-- != 0) cpu = *next(cpu + 1);
        return cpu;
    }

  private:
    static constexpr std::uint32_t bits = 64;

    std::vector<std::uint64_t> words_;
    std::size_t count_ = 0;
};

}  // namespace irqbench::vmm::model
