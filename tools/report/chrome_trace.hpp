#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/report/picture.hpp"

namespace irqbench::tools {

/// A run in the Trace Event Format, which Perfetto and chrome://tracing open: it is a process, of which each
/// lane is a thread with its marks, and each of the lane's states one more below it. Source: "Trace Event
/// Format", JSON Array Format.
/// @param name of the process
/// @param process its number: of several in a file each has its own
/// @returns JSON objects, one a line, for the array that a file of them is
std::string chrome_trace(std::string_view name, std::uint64_t process, const Picture& picture);

}  // namespace irqbench::tools
