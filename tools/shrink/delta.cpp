#include "tools/shrink/delta.hpp"

#include <algorithm>

namespace irqbench::tools::shrinking {

namespace {

constexpr std::size_t most_neighbours = 8;
/// Of more elements there would be more than five hundred pairs.
constexpr std::size_t most_to_pair = 32;

std::size_t take_away_neighbours(std::size_t size, const Drop& drop) {
    // Few first: a cause and its claim are what there is most of.
    for (std::size_t wide = 2; wide <= std::min(most_neighbours, size); ++wide)
        for (std::size_t end = size; end >= wide; --end) {
            if (!drop({{end - wide, end}})) continue;
            size -= wide;
            end = std::min(end, size + 1);
        }
    return size;
}

std::size_t take_away_pairs(std::size_t size, const Drop& drop) {
    if (size > most_to_pair) return size;
    for (std::size_t later = size; later-- > 2;)
        for (std::size_t earlier = later - 1; earlier-- > 0;) {
            if (!drop({{later, later + 1}, {earlier, earlier + 1}})) continue;
            size -= 2;
            // The one at this place now is another one, whose pairs come anew.
            later = std::min(later, size);
            break;
        }
    return size;
}

}  // namespace

std::size_t take_away(std::size_t size, const Drop& drop) {
    for (std::size_t chunk = std::max<std::size_t>(size / 2, 1);; chunk /= 2) {
        // From the end: what comes after the failure goes at once, and what uses a name before what gives it.
        for (std::size_t end = size; end > 0;) {
            const std::size_t begin = end - std::min(chunk, end);
            if (drop({{begin, end}})) size -= end - begin;
            end = begin;
        }
        if (chunk <= 1) return size;
    }
}

std::size_t take_away_together(std::size_t size, const Drop& drop) {
    return take_away_pairs(take_away_neighbours(size, drop), drop);
}

}  // namespace irqbench::tools::shrinking
