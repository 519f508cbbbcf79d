#include "tools/report/style.hpp"

#include <fmt/format.h>

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

std::string_view colour_of(Kind kind) {
    switch (kind) {
        case Kind::pass: return "\033[32m";
        case Kind::fail:
        case Kind::error: return "\033[1;31m";
        case Kind::known: return "\033[33m";
        case Kind::skip: return "\033[2m";
    }
    return "";
}

}  // namespace

std::string painted(const std::string& text, Kind kind, const TextStyle& style) {
    return style.colour ? fmt::format("{}{}\033[0m", colour_of(kind), text) : text;
}

}  // namespace irqbench::tools
