#pragma once

#include <span>

#include "tools/fuzz/exclusions.hpp"

namespace irqbench::tools::fuzz::x86 {

std::span<const Exclusion> exclusions();

}  // namespace irqbench::tools::fuzz::x86
