#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace irqbench::irqchip {

/// A short ordered list of effects. The first few need no heap: nearly every call of a controller yields two
/// at most.
template <class Effect>
class [[nodiscard]] EffectList {
  public:
    static constexpr std::size_t inline_capacity = 3;

    EffectList() = default;
    EffectList(std::initializer_list<Effect> list) {
        for (const Effect& effect : list) add(effect);
    }

    void add(const Effect& effect) {
        if (more_.empty() && count_ < inline_capacity) {
            few_[count_++] = effect;
            return;
        }
        if (more_.empty()) more_.assign(few_.begin(), few_.end());
        count_ = 0;
        more_.push_back(effect);
    }
    void add(const EffectList& effects) {
        for (const Effect& effect : effects) add(effect);
    }

    const Effect* begin() const { return more_.empty() ? few_.data() : more_.data(); }
    const Effect* end() const { return begin() + size(); }
    std::size_t size() const { return more_.empty() ? count_ : more_.size(); }
    bool empty() const { return size() == 0; }
    const Effect& operator[](std::size_t index) const { return begin()[index]; }

    friend bool operator==(const EffectList& a, const EffectList& b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end());
    }

  private:
    std::array<Effect, inline_capacity> few_;
    /// Filled slots of few_; zero once everything moved to more_.
    std::size_t count_ = 0;
    std::vector<Effect> more_;
};

}  // namespace irqbench::irqchip
