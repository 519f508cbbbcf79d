#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/fuzz/case.hpp"
#include "tools/fuzz/exclusions.hpp"

namespace irqbench::tools::fuzz {

struct GeneratorOptions {
    std::vector<std::string_view> without;  ///< features
    std::uint32_t max_steps = 40;           ///< of a case, without those that prepare the machine
};

/// The case of that number under a seed: the same on every host, whichever cases were made before. Its steps
/// are well-formed, name only what is there, and are stimuli only.
Case generate(const Architecture& architecture, std::uint64_t seed, std::uint64_t number,
              const GeneratorOptions& options);

}  // namespace irqbench::tools::fuzz
