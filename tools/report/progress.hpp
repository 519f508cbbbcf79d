#pragma once

#include <chrono>
#include <cstddef>
#include <ostream>
#include <string>

#include "tools/irqbench/surroundings.hpp"

namespace irqbench::tools {

struct ProgressState {
    std::size_t done = 0;
    std::size_t total = 0;
    std::size_t failed = 0;
    std::string running{};                ///< what runs now, or ran last
    std::chrono::milliseconds elapsed{};  ///< since it began; 0: nobody knows
    std::size_t earlier = 0;              ///< of `done`, what was so before it began
};

/// `3 min left`, if the rest takes as long as what is done; empty at first, when that says little.
std::string time_left(const ProgressState& state);

/// `[ 37/212]  1 failed  3 min left  split x86/pic/rotation.json`, cut to `width`.
std::string progress_line(const ProgressState& state, std::size_t width);

/// One line on a terminal that is rewritten as the run goes on; writes nothing when not enabled.
class Progress {
  public:
    Progress(std::ostream& terminal, bool enabled, std::size_t width)
        : terminal_(terminal), enabled_(enabled), width_(width) {}

    void show(const ProgressState& state);
    /// Other words than those of a run, cut to the width.
    void show(const std::string& line);
    /// Removes the line, so that the report begins on an empty one.
    void clear();

  private:
    std::ostream& terminal_;
    bool enabled_;
    std::size_t width_;
    bool shown_ = false;
};

/// Whether a terminal does what it is told, and not only prints it.
bool understands_escapes(const Surroundings& surroundings);

/// The progress line on standard error: for a terminal, unless it is to be quiet.
Progress progress_of(Surroundings& surroundings, bool quiet);

}  // namespace irqbench::tools
