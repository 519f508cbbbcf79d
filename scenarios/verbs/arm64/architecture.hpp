#pragma once

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios::verbs::arm64 {

/// Every verb there is on arm64, its irqchip modes and its machine options.
extern const Architecture architecture;

}  // namespace irqbench::scenarios::verbs::arm64
