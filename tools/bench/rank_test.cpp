#include "tools/bench/rank_test.hpp"

#include <algorithm>
#include <cmath>

namespace irqbench::tools::bench {

RankTest rank_test(const Histogram& before, const Histogram& after) {
    const auto old_bins = before.bins();
    const auto new_bins = after.bins();
    const auto n = static_cast<double>(before.count());
    const auto m = static_cast<double>(after.count());
    const double all = n + m;
    RankTest test;
    double old_below = 0;
    double ties = 0;  // the sum of t^3 - t over values that t samples have
    auto old_bin = old_bins.begin();
    auto new_bin = new_bins.begin();
    while (old_bin != old_bins.end() || new_bin != new_bins.end()) {
        const bool has_old =
            old_bin != old_bins.end() && (new_bin == new_bins.end() || old_bin->lowest <= new_bin->lowest);
        const bool has_new =
            new_bin != new_bins.end() && (old_bin == old_bins.end() || new_bin->lowest <= old_bin->lowest);
        const double old_here = has_old ? static_cast<double>((old_bin++)->count) : 0;
        const double new_here = has_new ? static_cast<double>((new_bin++)->count) : 0;
        test.u += new_here * (old_below + old_here / 2);
        old_below += old_here;
        const double here = old_here + new_here;
        ties += here * here * here - here;
    }
    test.effect = test.u / (n * m);
    const double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
    if (!(variance > 0)) return test;
    const double distance = test.u - n * m / 2;
    test.z = std::copysign(std::max(std::abs(distance) - 0.5, 0.0), distance) / std::sqrt(variance);
    test.p = std::erfc(std::abs(test.z) / std::sqrt(2.0));
    return test;
}

Change change_of(const RankTest& test) {
    if (test.p >= significant_p || std::abs(test.effect - 0.5) < least_effect) return Change::none;
    return test.effect > 0.5 ? Change::slower : Change::faster;
}

}  // namespace irqbench::tools::bench
