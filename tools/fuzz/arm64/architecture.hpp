#pragma once

#include "tools/fuzz/architecture.hpp"

namespace irqbench::tools::fuzz::arm64 {

extern const Architecture architecture;

}  // namespace irqbench::tools::fuzz::arm64
