#pragma once

#include "tools/bench/architecture.hpp"

namespace irqbench::tools::bench::x86 {

extern const Architecture architecture;

}  // namespace irqbench::tools::bench::x86
