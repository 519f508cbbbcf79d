#include <algorithm>
#include <array>

#include "tools/bench/architecture.hpp"
#include "tools/bench/arm64/architecture.hpp"
#include "tools/bench/x86/architecture.hpp"

namespace irqbench::tools::bench {

std::span<const Architecture* const> architectures() {
    static constexpr std::array all{&x86::architecture, &arm64::architecture};
    return all;
}

const Architecture* find_architecture(std::string_view name) {
    const auto all = architectures();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Architecture* row) { return row->name == name; });
    return found == all.end() ? nullptr : *found;
}

}  // namespace irqbench::tools::bench
