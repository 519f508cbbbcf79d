#pragma once

#include <cstddef>
#include <functional>
#include <vector>

/// Makes small what shows something: of random cases (tools/fuzz) and of files (`irqbench shrink`).
namespace irqbench::tools::shrinking {

/// Elements of a list, from `begin` to before `end`.
struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Tries a list without these parts, of which none overlap and the last one is named first.
/// @returns whether the list is that now
using Drop = std::function<bool(const std::vector<Part>& parts)>;

/// What is left of a list without these parts.
template <class List>
void erase_parts(List& list, const std::vector<Part>& parts) {
    for (const Part& part : parts)
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(part.begin),
                   list.begin() + static_cast<std::ptrdiff_t>(part.end));
}

/// Delta debugging (Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", 2002): takes
/// away halves, then quarters, and single elements at last.
/// @returns how many are left
std::size_t take_away(std::size_t size, const Drop& drop);

/// For a list that no single element can be taken from: neighbours that only go together, wherever they
/// begin, and any two elements where they are not too many.
/// @returns how many are left
std::size_t take_away_together(std::size_t size, const Drop& drop);

}  // namespace irqbench::tools::shrinking
