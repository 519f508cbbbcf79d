#pragma once

#include <string>

#include "tools/import/story.hpp"

namespace irqbench::importing {

/// What is said about the file at its beginning.
struct Heading {
    std::string name;    ///< of the scenario: its claim
    std::string source;  ///< where the trace is from
    std::vector<std::string> remarks;
};

/// A scenario in which the guest agent takes the same interrupts in the same order on each vCPU. What no
/// event has shown is marked by a comment, and so is what cannot be done again.
std::string write_scenario(const Story& story, const Machine& machine, const Heading& heading);

}  // namespace irqbench::importing
