#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace irqbench::tests::qemu {

/// A part of `list`, in its order, that still fails: delta debugging, which leaves out ever smaller pieces.
/// @param fails is called at most `tries` times; it holds for `list`
template <class T>
std::vector<T> shrink(std::vector<T> list, const std::function<bool(const std::vector<T>&)>& fails,
                      int tries) {
    for (std::size_t piece = std::max<std::size_t>(list.size() / 2, 1); tries > 0;) {
        bool shorter = false;
        for (std::size_t begin = 0; begin < list.size() && tries > 0;) {
            const std::size_t end = std::min(begin + piece, list.size());
            std::vector<T> rest(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(begin));
            rest.insert(rest.end(), list.begin() + static_cast<std::ptrdiff_t>(end), list.end());
            --tries;
            if (fails(rest)) {
                list = std::move(rest);
                shorter = true;
            } else {
                begin = end;
            }
        }
        if (piece == 1 && !shorter) break;
        piece = std::max<std::size_t>(piece / 2, 1);
    }
    return list;
}

}  // namespace irqbench::tests::qemu
