#pragma once

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios::verbs::x86 {

/// Every verb there is on x86-64, its irqchip modes and its machine options.
extern const Architecture architecture;

}  // namespace irqbench::scenarios::verbs::x86
