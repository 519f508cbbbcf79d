#include "tools/bench/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace irqbench::tools::bench {

namespace {

/// What makes two measurements two things, in words; nothing if they are of one.
std::string difference(const Setup& before, const Setup& after) {
    const auto guest = [](const Setup& setup) { return setup.spinning ? "spinning" : "halted"; };
    if (before.spinning != after.spinning)
        return fmt::format("--guest is {} there and {} here", guest(before), guest(after));
    if (before.vcpus != after.vcpus)
        return fmt::format("--vcpus is {} there and {} here", before.vcpus, after.vcpus);
    if (before.route_count != after.route_count)
        return fmt::format("--route-count is {} there and {} here", before.route_count, after.route_count);
    return {};
}

Compared compare_one(const Report& before, const Measured& now) {
    Compared row;
    row.path = now.path;
    row.irqchip = now.irqchip;
    const auto then = std::find_if(before.measured.begin(), before.measured.end(), [&](const Measured& each) {
        return each.path == now.path && each.irqchip == now.irqchip;
    });
    if (!now.reason.empty()) {
        row.reason = now.reason;
    } else if (then == before.measured.end() || then->bench.count() == 0) {
        row.reason = "not in the baseline";
    } else {
        row.test = rank_test(then->bench, now.bench);
        row.change = change_of(row.test);
        row.median_before = then->bench.percentile(50);
        row.median_after = now.bench.percentile(50);
        row.has_raw = then->raw.count() != 0 && now.raw.count() != 0;
        if (row.has_raw) row.raw_change = change_of(rank_test(then->raw, now.raw));
    }
    return row;
}

}  // namespace

bool Comparison::is_slower() const {
    return std::any_of(rows.begin(), rows.end(),
                       [](const Compared& row) { return row.change == Change::slower; });
}

Comparison compare(const Report& before, const Report& after, std::string_view file) {
    if (const std::string why = difference(before.setup, after.setup); !why.empty())
        throw std::invalid_argument(why);
    Comparison comparison{std::string(file), before.kernel, after.kernel, {}};
    for (const Measured& now : after.measured) comparison.rows.push_back(compare_one(before, now));
    return comparison;
}

}  // namespace irqbench::tools::bench
