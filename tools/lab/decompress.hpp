#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace irqbench::tools::lab {

/// The bytes, decompressed if they are a stream of gzip, xz or zstd, and as they are if not.
/// @param name is for messages
/// @throws std::runtime_error when the stream is damaged
std::string decompressed(std::string_view bytes, const std::string& name);

/// @throws std::runtime_error
std::string read_file(const std::filesystem::path& file);

/// The same for the content of a file, whatever the file's name.
/// @throws std::runtime_error also when it cannot be read
std::string read_decompressed(const std::filesystem::path& file);

}  // namespace irqbench::tools::lab
