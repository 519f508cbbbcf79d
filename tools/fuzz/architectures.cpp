#include <algorithm>
#include <array>
#include <stdexcept>

#include "tools/fuzz/architecture.hpp"
#include "tools/fuzz/arm64/architecture.hpp"
#include "tools/fuzz/x86/architecture.hpp"

namespace irqbench::tools::fuzz {

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

Case generate(const Architecture& architecture, std::uint64_t seed, std::uint64_t number,
              const GeneratorOptions& options) {
    return architecture.generate(seed, number, options);
}

std::vector<std::string> feature_names() {
    std::vector<std::string> words;
    for (const Architecture* each : architectures())
        for (const std::string_view name : each->features)
            if (std::find(words.begin(), words.end(), name) == words.end()) words.emplace_back(name);
    return words;
}

std::string_view feature_of(const Architecture& architecture, std::string_view name) {
    const auto found = std::find(architecture.features.begin(), architecture.features.end(), name);
    if (found == architecture.features.end()) throw std::out_of_range(std::string(name));
    return *found;
}

std::vector<std::string_view> excluded(const Architecture& architecture,
                                       const std::vector<std::string>& modes, const vmm::Host& host) {
    std::vector<std::string_view> features;
    for (const Exclusion& row : architecture.exclusions) {
        const bool concerns = std::any_of(modes.begin(), modes.end(), [&](const std::string& mode) {
            return std::find(row.modes.begin(), row.modes.end(), mode) != row.modes.end() &&
                   (row.trait.empty() || host.has_trait(mode, row.trait)) &&
                   (row.lacking.empty() || !host.offers(mode, row.lacking, architecture.name));
        });
        if (concerns) features.push_back(row.feature);
    }
    return features;
}

}  // namespace irqbench::tools::fuzz
