#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/rank_test.hpp"
#include "tools/bench/result.hpp"

namespace irqbench::tools::bench {

/// One path in one irqchip mode, now and in the baseline.
struct Compared {
    Path path = Path::msi;
    std::string irqchip;
    std::string reason;  ///< why there is nothing to say; empty if there is
    RankTest test{};
    Nanoseconds median_before{};
    Nanoseconds median_after{};
    Change change = Change::none;
    Change raw_change =
        Change::none;  ///< of the raw loop: what is the host's or its kernel's, and not the bench's
    bool has_raw = false;
};

struct Comparison {
    std::string baseline;  ///< the file
    std::string kernel_before;
    std::string kernel_after;
    std::vector<Compared> rows;

    [[nodiscard]] bool is_slower() const;
};

/// @throws std::invalid_argument where the two were not measured on machines of the same kind
[[nodiscard]] Comparison compare(const Report& before, const Report& after, std::string_view file);

}  // namespace irqbench::tools::bench
