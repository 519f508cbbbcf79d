#pragma once

#include <vector>

#include "scenarios/engine/signs.hpp"

namespace irqbench::scenarios::verbs::arm64 {

/// Read off what the guest enables and disables, and the words of the GICs and the ITS of ours.
std::vector<Sign> signs(const vmm::Event& event);

}  // namespace irqbench::scenarios::verbs::arm64
