#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace irqbench::tools {

/// `1 run`, `2 runs`.
std::string counted(std::uint64_t count, std::string_view noun);

/// What a scenario file is called in tables and as a class: its path without `.json`.
std::string without_json(std::string file);

/// Whether all of it is UTF-8 (RFC 3629, section 4).
bool is_utf8(std::string_view text);

/// Text that a scenario or a file name brings along, so that it can neither move the cursor of a terminal nor
/// begin a line: control characters and what is no UTF-8 become U+FFFD, line breaks and tabs spaces.
std::string printable(std::string_view text);
/// The same with its line breaks.
std::string printable_lines(std::string_view text);

/// Text as XML 1.0 takes it: markup escaped, and what is no Char of its section 2.2 replaced by U+FFFD. Line
/// breaks and tabs are kept, for attributes as references (section 3.3.3).
std::string xml_text(std::string_view text);
std::string xml_attribute(std::string_view text);

}  // namespace irqbench::tools
