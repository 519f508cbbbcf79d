#pragma once

#include <filesystem>
#include <string>

namespace irqbench::tools {

/// Writes a file as a whole: whoever looks meanwhile, or after a crash, finds what was there before or all of
/// the text. Something that is no file, like a pipe, gets the text as it comes.
/// @throws std::system_error
void write_whole_file(const std::filesystem::path& path, const std::string& text);

}  // namespace irqbench::tools
