#pragma once

#include <map>
#include <string>
#include <utility>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// What in a `parallel` block belongs to the one thread that uses it first.
class ThreadOwners {
  public:
    /// @param facts of the step, which is in the thread of that name of the block
    /// @returns why the step has no place there; empty if it has
    [[nodiscard]] std::string claim(const Step& step, const Facts& facts, const Block* block,
                                    const std::string& thread);

  private:
    [[nodiscard]] std::string claim(const Block* block, const std::string& what, const std::string& thread);

    std::map<std::pair<const Block*, std::string>, std::string> owners_;  ///< by what it is
};

}  // namespace irqbench::scenarios
