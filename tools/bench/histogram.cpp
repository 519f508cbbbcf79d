#include "tools/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace irqbench::tools::bench {

namespace {

constexpr std::uint64_t per_power = std::uint64_t{1} << LogLinearAxis::linear_bits;
constexpr unsigned linear_bits = LogLinearAxis::linear_bits;

std::uint64_t not_below_zero(Nanoseconds time) {
    return static_cast<std::uint64_t>(std::max<Nanoseconds::rep>(time.count(), 0));
}

}  // namespace

// A value's bin: how far its highest linear_bits + 1 bits have to be shifted, and what they are.
int LogLinearAxis::index(std::uint64_t value) const {
    if (value < 2 * per_power) return static_cast<int>(value);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - linear_bits - 1;
    return static_cast<int>(shift * per_power + (value >> shift));
}

int LogLinearAxis::size() const { return index(~std::uint64_t{0}) + 1; }

std::uint64_t LogLinearAxis::lowest(int index) {
    const auto number = static_cast<std::uint64_t>(index);
    if (number < 2 * per_power) return number;
    const std::uint64_t shift = number / per_power - 1;
    return (number - shift * per_power) << shift;
}

std::uint64_t LogLinearAxis::highest(int index) {
    const auto number = static_cast<std::uint64_t>(index);
    const std::uint64_t shift = number < 2 * per_power ? 0 : number / per_power - 1;
    return lowest(index) + ((std::uint64_t{1} << shift) - 1);
}

Histogram::Histogram() : bins_(std::tuple(LogLinearAxis{})) {}

void Histogram::add(Nanoseconds time, std::uint64_t count) {
    if (count == 0) return;
    const std::uint64_t value = not_below_zero(time);
    bins_.at(LogLinearAxis{}.index(value)) += count;
    const Nanoseconds seen{static_cast<Nanoseconds::rep>(value)};
    min_ = count_ == 0 ? seen : std::min(min_, seen);
    max_ = count_ == 0 ? seen : std::max(max_, seen);
    count_ += count;
}

void Histogram::set_extremes(Nanoseconds min, Nanoseconds max) {
    min_ = min;
    max_ = max;
}

std::vector<Histogram::Bin> Histogram::bins() const {
    std::vector<Bin> filled;
    for (int index = 0; index < bins_.axis(0).size(); ++index)
        if (const std::uint64_t count = bins_.at(index); count != 0)
            filled.push_back({LogLinearAxis::lowest(index), LogLinearAxis::highest(index), count});
    return filled;
}

Nanoseconds Histogram::percentile(double per_cent) const {
    // A hair less, since 99.9 % of 1000 are not exactly 999.
    const auto rank =
        static_cast<std::uint64_t>(std::ceil(per_cent / 100 * static_cast<double>(count_) - 1e-6));
    std::uint64_t below = 0;
    for (const Bin& bin : bins()) {
        below += bin.count;
        if (below < std::max<std::uint64_t>(rank, 1)) continue;
        return std::clamp(Nanoseconds{static_cast<Nanoseconds::rep>(bin.highest)}, min_, max_);
    }
    return max_;
}

bool Histogram::resolves(double per_cent) const {
    // A hair less than one, since 100 - 99.99 is not exactly 0.01.
    return static_cast<double>(count_) * (100 - per_cent) / 100 > 1 - 1e-6;
}

}  // namespace irqbench::tools::bench
