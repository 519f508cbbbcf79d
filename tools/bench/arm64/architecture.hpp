#pragma once

#include "tools/bench/architecture.hpp"

namespace irqbench::tools::bench::arm64 {

extern const Architecture architecture;

}  // namespace irqbench::tools::bench::arm64
