#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "tools/fuzz/architecture.hpp"
#include "tools/fuzz/dice.hpp"

namespace irqbench::tools::fuzz {

/// What the grammars of all architectures share: `Grammar` derives from it, and its rules are its members.
template <class Grammar>
class GrammarBase {
  protected:
    /// Makes one step or a few, or none where it would mean nothing.
    struct Rule {
        std::uint32_t weight;  ///< how often, beside the other rules
        void (Grammar::*make)();
    };

    /// @param options must outlive this
    GrammarBase(const Architecture& architecture, std::uint64_t seed, std::uint64_t number,
                const GeneratorOptions& options)
        : dice_(seed, number), options_(options) {
        case_.architecture = &architecture;
    }

    /// Whether cases may make use of it.
    [[nodiscard]] bool may(std::string_view feature) const {
        return std::find(options_.without.begin(), options_.without.end(), feature) == options_.without.end();
    }
    void add(const char* verb, Json argument) { case_.steps.push_back({{verb, std::move(argument)}}); }
    std::uint32_t vcpu() { return dice_.roll(case_.vcpus); }

    /// Follows rules, each time one by its weight, as often as a case has steps beyond those that prepare it.
    void follow(std::span<const Rule> rules) {
        std::uint32_t sum = 0;
        for (const Rule& rule : rules) sum += rule.weight;
        for (std::uint32_t left = 4 + dice_.roll(std::max(options_.max_steps, 5U) - 4); left != 0; --left) {
            std::uint32_t point = dice_.roll(sum);
            auto chosen = rules.begin();
            while (point >= chosen->weight) point -= (chosen++)->weight;
            (static_cast<Grammar&>(*this).*chosen->make)();
        }
    }

    Dice dice_;
    const GeneratorOptions& options_;
    Case case_;
};

}  // namespace irqbench::tools::fuzz
