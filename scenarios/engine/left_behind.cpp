#include "scenarios/engine/left_behind.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "scenarios/engine/document.hpp"

namespace irqbench::scenarios {

std::string KeptStates::follow(const Facts& facts, LeftBehind& left) {
    if (!facts.saves.empty()) names_[facts.saves] = left;
    if (!facts.saves_file.empty()) files_[facts.saves_file] = left;
    if (!facts.restores_file.empty()) {
        const auto file = files_.find(facts.restores_file);
        if (file != files_.end())
            left = file->second;
        else if (facts.brings)
            left = LeftBehind(*facts.brings);
    }
    if (facts.restores.empty()) return "";
    const auto saved = names_.find(facts.restores);
    if (saved == names_.end()) {
        std::vector<std::string_view> names;
        for (const auto& [name, then] : names_) names.push_back(name);
        return fmt::format("nothing was saved as '{}' before{}", facts.restores,
                           names.empty() ? "" : suggestion(facts.restores, names));
    }
    left = saved->second;
    return "";
}

}  // namespace irqbench::scenarios
