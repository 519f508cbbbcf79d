#pragma once

#include <cstddef>
#include <functional>

#include "tools/shrink/file_text.hpp"

namespace irqbench::tools::shrinking {

/// What makes a file small needs of those who play it.
struct Witness {
    /// Whether a file still shows what it is kept for. Also false for one that cannot be loaded.
    std::function<bool(const Json& document)> shows;
    /// Whether to come to an end with the smallest so far.
    std::function<bool()> stops;
    /// Is told of each smaller file.
    std::function<void(const Json& document)> found = [](const Json&) {};
};

/// A smaller file that still shows it. Knows of the format only where steps are: fewer steps, fewer members
/// of objects and elements of arrays, steps in place of the blocks around them, then smaller numbers; until
/// nothing changes any more. No single step, member or element of the result can be left out, but of what
/// is_kept().
/// Numbers that are written in hex are left as they are: they name something, or are bits.
/// @param document one that shows it
Json reduced(Json document, const Witness& witness);

/// Members of the head that say what the file is and where it can be run.
bool is_kept(const std::string& key);

}  // namespace irqbench::tools::shrinking
