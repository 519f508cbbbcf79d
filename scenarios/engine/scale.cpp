#include "scenarios/engine/scale.hpp"

#include <algorithm>
#include <cmath>

namespace irqbench::scenarios {

namespace {

bool claims_several(const Expectation& expectation) {
    if (const auto* acks = std::get_if<expect::Acks>(&expectation))
        return std::any_of(acks->items.begin(), acks->items.end(),
                           [](const expect::Ack& ack) { return ack.times > 1; });
    if (const auto* kicks = std::get_if<expect::Resampled>(&expectation)) return kicks->count > 1;
    if (const auto* rung = std::get_if<expect::DoorbellRung>(&expectation)) return rung->count > 1;
    if (const auto* exits = std::get_if<expect::EoiExits>(&expectation)) return exits->count > 1;
    return false;
}

/// Steps that claim several of something at once, those in blocks included.
std::size_t counting(const std::vector<Step>& steps) {
    std::size_t count = 0;
    for (const Step& step : steps) {
        if (step.block != nullptr) {
            for (const auto& [name, body] : step.block->threads) count += counting(body);
        } else {
            const auto expectations = step.verb->expects();
            if (std::any_of(expectations.begin(), expectations.end(), claims_several)) ++count;
        }
    }
    return count;
}

class Scaling {
  public:
    Scaling(double factor, std::size_t in_all) : factor_(factor), in_all_(in_all) {}

    void scale(std::vector<Step>& steps) const {
        for (Step& step : steps)
            if (step.block != nullptr) step.block = scaled(step);
    }

  private:
    [[nodiscard]] std::shared_ptr<const Block> scaled(const Step& step) const {
        auto block = std::make_shared<Block>(*step.block);
        const bool repeats = block->kind == Block::Kind::repeat || block->kind == Block::Kind::parallel;
        if (repeats && block->times >= least_scaled_times && counting({step}) == in_all_) {
            const double times = std::round(static_cast<double>(block->times) * factor_);
            block->times = std::max(least_times, static_cast<std::uint64_t>(times));
        }
        for (auto& [name, body] : block->threads) scale(body);
        return block;
    }

    double factor_;
    std::size_t in_all_;
};

}  // namespace

Scenario scale_repeats(Scenario scenario, double factor) {
    const Scaling scaling(factor, counting(scenario.setup) + counting(scenario.steps));
    scaling.scale(scenario.setup);
    scaling.scale(scenario.steps);
    return scenario;
}

}  // namespace irqbench::scenarios
