#pragma once

#include <functional>

#include "tools/fuzz/case.hpp"

namespace irqbench::tools::fuzz {

/// Whether a case still shows what it was kept for. Also false for one that cannot be loaded.
using Shows = std::function<bool(const Case&)>;

/// A smaller case that still shows it: fewer steps (shrinking::take_away), then fewer vCPUs, then simpler
/// arguments, until nothing can be taken away any more. No single step of the result can be left out.
/// @param patience how many cases it may try
Case shrink(Case each, const Shows& shows, std::size_t patience);

}  // namespace irqbench::tools::fuzz
