#include "tools/report/words.hpp"

#include <fmt/format.h>

namespace irqbench::tools {

namespace {

constexpr char32_t replacement = 0xfffd;
constexpr std::string_view replacement_bytes = "\xef\xbf\xbd";

struct Character {
    char32_t code = replacement;
    std::size_t length = 1;
};

/// The first character of a text that is not empty: U+FFFD for a byte that begins none (RFC 3629, section 4).
Character decode(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
    char32_t code = first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < smallest[length] || code > 0x10ffff || is_surrogate) return {};
    return {code, length};
}

/// Puts `each(code point)` in the place of every character, or keeps the character when that is empty.
template <class Each>
std::string replaced(std::string_view text, Each each) {
    std::string result;
    while (!text.empty()) {
        const Character character = decode(text);
        const std::string_view instead =
            character.code == replacement ? replacement_bytes : each(character.code);
        result += instead.empty() ? text.substr(0, character.length) : instead;
        text.remove_prefix(character.length);
    }
    return result;
}

std::string_view xml(char32_t code, bool in_attribute) {
    switch (code) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\t': return in_attribute ? "&#9;" : "";
        case '\n': return in_attribute ? "&#10;" : "";
        case '\r': return "&#13;";
        case 0xfffe:
        case 0xffff: return replacement_bytes;
        default: return code < 0x20 ? replacement_bytes : "";
    }
}

std::string_view on_terminal(char32_t code) {
    if (code == '\n') return "";
    if (code == '\r' || code == '\t') return " ";
    const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return is_control ? replacement_bytes : "";
}

}  // namespace

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string without_json(std::string file) {
    constexpr std::string_view extension = ".json";
    if (file.ends_with(extension)) file.resize(file.size() - extension.size());
    return file;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Character character = decode(text);
        // U+FFFD itself takes three bytes.
        if (character.code == replacement && character.length == 1) return false;
        text.remove_prefix(character.length);
    }
    return true;
}

std::string printable(std::string_view text) {
    return replaced(text, [](char32_t code) { return code == '\n' ? " " : on_terminal(code); });
}

std::string printable_lines(std::string_view text) { return replaced(text, on_terminal); }

std::string xml_text(std::string_view text) {
    return replaced(text, [](char32_t code) { return xml(code, false); });
}

std::string xml_attribute(std::string_view text) {
    return replaced(text, [](char32_t code) { return xml(code, true); });
}

}  // namespace irqbench::tools
