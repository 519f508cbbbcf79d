#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/histogram.hpp"
#include "tools/bench/path.hpp"

namespace irqbench::tools::bench {

/// What is the same of all that one call of the command measures.
struct Setup {
    std::uint32_t samples = 10'000;
    std::uint32_t warm_up = 500;
    bool spinning = false;          ///< the vCPU that takes the interrupt spins, instead of waiting in HLT
    std::uint32_t vcpus = 1;        ///< at least; a path may need more
    std::uint32_t route_count = 0;  ///< entries that the routing table has at least
    friend bool operator==(const Setup&, const Setup&) = default;
};

/// One path in one irqchip mode.
struct Measured {
    Path path = Path::msi;
    std::string irqchip;
    std::string reason;   ///< why there is nothing; empty if there is
    bool failed = false;  ///< there is such a path, and it could not be measured
    Histogram bench;
    std::string no_raw;  ///< why there is no raw loop; empty if there is
    Histogram raw;
    /// The part of it that the guest's counters tell (PathInfo::inner): fewer samples, or none, where a
    /// counter does not keep to the host's clock.
    std::optional<Histogram> inner;
    /// How far the guest's counter may be from where it is taken to be on the host's clock.
    Nanoseconds uncertainty{};
    std::uint64_t discarded = 0;  ///< timers whose deadline had passed when they were set
    /// How often it was begun again on a new machine, since something did not come; and what that was, the
    /// last time. A KVM that now and then loses an interrupt looks like that, too.
    std::uint64_t repeats = 0;
    std::string repeated_since;
    friend bool operator==(const Measured&, const Measured&) = default;
};

struct Report {
    std::string kernel;
    Setup setup;
    std::vector<std::string> warnings;
    std::vector<Measured> measured;
};

}  // namespace irqbench::tools::bench
