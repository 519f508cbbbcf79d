#pragma once

#include "tools/fuzz/architecture.hpp"

namespace irqbench::tools::fuzz::x86 {

extern const Architecture architecture;

}  // namespace irqbench::tools::fuzz::x86
