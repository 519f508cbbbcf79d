#pragma once

#include "tools/bench/histogram.hpp"

namespace irqbench::tools::bench {

/// What the test of Mann and Whitney says of two samples (Mann and Whitney, Annals of Mathematical Statistics
/// 18, 1947; with ties as in Lehmann, Nonparametrics, 1.4).
struct RankTest {
    double u = 0;  ///< pairs of an old and a new value in which the new one is greater; of equal ones half
    double z = 0;  ///< how many standard deviations from the mean that is, corrected for ties and continuity
    double p = 1;  ///< that it is as far by chance, to either side; by the normal distribution
    /// P(new > old) + P(new = old) / 2: 0.5 where neither is slower (Vargha and Delaney's A, Journal of
    /// Educational and Behavioral Statistics 25, 2000).
    double effect = 0.5;
};

/// Values in the same bin are ties. Neither may be empty.
[[nodiscard]] RankTest rank_test(const Histogram& before, const Histogram& after);

enum class Change { none, slower, faster };

/// Below which p a difference is none of chance's. Successive samples are not independent, so it is small.
inline constexpr double significant_p = 0.001;
/// How far from 0.5 an effect is worth a word: what Vargha and Delaney call small. With ten thousand samples
/// p alone would find two runs of the same kernel to differ.
inline constexpr double least_effect = 0.06;

[[nodiscard]] Change change_of(const RankTest& test);

}  // namespace irqbench::tools::bench
