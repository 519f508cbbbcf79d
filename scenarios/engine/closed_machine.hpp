#pragma once

#include <set>
#include <string>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// In which irqchip modes a file's steps have closed the machine, so far.
class ClosedMachine {
  public:
    using Modes = std::set<std::string, std::less<>>;

    /// A step that is done in those modes.
    /// @param in_parallel beside others, so that it may be the close that comes later
    /// @returns why the step means nothing by then, or nothing
    [[nodiscard]] std::string follow(const Step& step, const Facts& facts, const Modes& modes,
                                     bool in_parallel);
    /// @returns why a block of threads means nothing by then, or nothing
    [[nodiscard]] std::string why_not_in(const Modes& modes) const;

  private:
    Modes closed_;
};

}  // namespace irqbench::scenarios
