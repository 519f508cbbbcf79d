#pragma once

#include "tools/bench/result.hpp"

namespace irqbench::tests {

/// Times made up: `count` of them from `begin` ns on, 100 ns apart, and one far away.
inline tools::bench::Histogram made_up(int begin, int count) {
    tools::bench::Histogram times;
    for (int i = 0; i < count; ++i) times.add(std::chrono::nanoseconds(begin + 100 * (i % 40)));
    times.add(std::chrono::microseconds(2500));
    return times;
}

/// A report of two paths that were measured, one without a raw loop, and two that were not.
inline tools::bench::Report made_up_report() {
    using namespace tools::bench;
    Report report{"6.1.176", {}, {"this host is a virtual machine itself"}, {}};
    Measured msi;
    msi.path = Path::msi;
    msi.irqchip = "kernel";
    msi.bench = made_up(20'000, 1999);
    msi.raw = made_up(18'000, 1999);
    msi.inner = made_up(8'000, 1999);
    msi.uncertainty = std::chrono::nanoseconds(1250);
    Measured timer;
    timer.path = Path::timer;
    timer.irqchip = "userspace";
    timer.bench = made_up(40'000, 199);
    timer.no_raw = "the controller that does it is no ioctl";
    timer.discarded = 3;
    timer.repeats = 1;
    timer.repeated_since = "the interrupt did not come within 2 s";
    Measured resample;
    resample.path = Path::resample;
    resample.irqchip = "split";
    resample.reason = "this KVM keeps the EOI exit";
    Measured failed;
    failed.path = Path::ipi;
    failed.irqchip = "split";
    failed.reason = "the interrupt did not come within 2 s";
    failed.failed = true;
    failed.repeats = 4;
    failed.repeated_since = failed.reason;
    report.measured = {msi, timer, resample, failed};
    return report;
}

}  // namespace irqbench::tests
