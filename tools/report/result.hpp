#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/engine/verdict.hpp"
#include "vmm/trace.hpp"

namespace irqbench::tools {

/// The end of a trace that explains a failure.
struct Excerpt {
    std::vector<vmm::Event> events;
    std::optional<std::size_t> marked;  ///< the offending one among them
};

/// What of a trace a page shows: the events that the timeline of a failure would have, many of them.
struct Recording {
    std::vector<vmm::Event> events;
    std::optional<std::size_t> marked;  ///< the offending one among them
    std::size_t end = 0;                ///< so many came up to and including the step that failed
    std::uint64_t before = 0;           ///< events left out before the first
    std::uint64_t after = 0;            ///< and behind the last
};

/// One scenario in one irqchip mode: what every report is made from.
struct Result {
    std::string scenario;  ///< its name; the file's when it could not be loaded
    std::string file;
    std::string irqchip;  ///< empty when the file could not be loaded
    std::string kernel;   ///< release of the host
    scenarios::Verdict verdict;
    bool malformed = false;  ///< with an error: the file does not follow the format
    std::chrono::microseconds duration{};
    std::string source;
    std::vector<std::string> reference;
    std::uint32_t runs = 1;      ///< how often it was run; 0 when it was skipped or could not be loaded
    std::uint32_t bad_runs = 0;  ///< and how often that ended as the verdict says
    /// What the first run that was played again had ended in, see CampaignOptions::retries.
    std::optional<std::string> retried;
    Excerpt excerpt;
    std::optional<Recording> recording;  ///< where one was asked for
};

/// Which of several verdicts counts: the one of highest severity.
inline int severity(scenarios::Verdict::Kind kind) {
    switch (kind) {
        case scenarios::Verdict::Kind::skip: return 0;
        case scenarios::Verdict::Kind::pass: return 1;
        case scenarios::Verdict::Kind::known: return 2;
        case scenarios::Verdict::Kind::fail: return 3;
        case scenarios::Verdict::Kind::error: return 4;
    }
    return 0;
}

struct Summary {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t skipped = 0;
    std::uint64_t known = 0;
    std::uint64_t errors = 0;

    bool operator==(const Summary&) const = default;
};

inline Summary summarise(std::span<const Result> results) {
    Summary summary;
    for (const Result& result : results) {
        switch (result.verdict.kind) {
            case scenarios::Verdict::Kind::pass: ++summary.passed; break;
            case scenarios::Verdict::Kind::fail: ++summary.failed; break;
            case scenarios::Verdict::Kind::skip: ++summary.skipped; break;
            case scenarios::Verdict::Kind::known: ++summary.known; break;
            case scenarios::Verdict::Kind::error: ++summary.errors; break;
        }
    }
    return summary;
}

}  // namespace irqbench::tools
