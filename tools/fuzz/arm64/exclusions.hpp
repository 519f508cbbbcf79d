#pragma once

#include <span>

#include "tools/fuzz/exclusions.hpp"

namespace irqbench::tools::fuzz::arm64 {

std::span<const Exclusion> exclusions();

}  // namespace irqbench::tools::fuzz::arm64
