#pragma once

#include <filesystem>
#include <string>

#include "tools/lab/kernel.hpp"

namespace irqbench::tools {

/// Keeps what a kernel of the lab has printed in a file of its own, and removes the oldest such files when
/// there are many.
/// @returns a sentence on where it is, or why it could not be kept
std::string keep_lab_log(const std::filesystem::path& folder, const lab::Kernel& kernel,
                         const std::string& text);

}  // namespace irqbench::tools
