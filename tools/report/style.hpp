#pragma once

#include <cstddef>
#include <string>

#include "scenarios/engine/verdict.hpp"

namespace irqbench::tools {

struct TextStyle {
    bool colour = false;
    bool verbose = false;  ///< a line for every run, not only for those that did not go well
    std::size_t width = 100;
};

/// The text in the colour of such a verdict, where there is colour.
std::string painted(const std::string& text, scenarios::Verdict::Kind kind, const TextStyle& style);

}  // namespace irqbench::tools
