#pragma once

#include <string>

namespace irqbench::tools::lab {

/// The text without the white space around it.
inline std::string trimmed(const std::string& text) {
    constexpr const char* white = " \n\t";
    const std::size_t begin = text.find_first_not_of(white);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

}  // namespace irqbench::tools::lab
