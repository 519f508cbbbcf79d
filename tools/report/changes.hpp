#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/report/report.hpp"
#include "tools/report/result.hpp"

namespace irqbench::tools {

/// What a scenario in one irqchip mode does otherwise in one run than in an earlier one.
struct Change {
    enum class Kind : std::uint8_t {
        failing,  ///< failed in every run, and did not before
        flaky,    ///< failed in some of its runs, and in none before
        lost,     ///< had a verdict, and now is skipped or absent
        known,    ///< passed, and now shows a known divergence
        slower,
        fixed,  ///< failed, or showed a known divergence, and now does not
        added,  ///< was skipped or absent, and now passes
    };
    Kind kind = Kind::failing;
    std::string scenario;
    std::string file;
    std::string irqchip;
    std::string kernel;  ///< release, of the later run
    std::string was;     ///< the verdict's word, with how often of how many runs; empty: absent
    std::string is;
    std::string reason;                  ///< of the worse verdict, the first line
    std::chrono::microseconds before{};  ///< the median of a run; of `slower` only
    std::chrono::microseconds after{};
};

/// What there is to say of two runs.
struct Changes {
    std::vector<Change> changes;  ///< by kind, then in the order of the later run
    std::size_t same = 0;         ///< scenarios in modes of which nothing is to be said
    /// How much longer the runs took that passed in both, as the median: the host's doing.
    double pace = 1;
};

/// Compares results by the scenario's name, irqchip mode and kernel; where both sides have one kernel only,
/// what that changes is of interest, and it need not be the same. Of several results for one of these the
/// worst counts, and that they differ makes it flaky. Slower is what takes more than three times as long as
/// before beyond the pace of all, and a quarter of a second more.
Changes changes_between(std::span<const Result> before, std::span<const Result> after);

/// @param options of `format` "text" or "json"
std::string changes_text(const Changes& changes, const ReportOptions& options);

}  // namespace irqbench::tools
