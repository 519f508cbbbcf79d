#pragma once

#include <string>

namespace irqbench::importing {

/// How the reading of a trace.dat ended, as the exit status of the process that did it.
enum class TracecmdEnd : int { complete = 0, not_opened = 1, not_read = 2 };

/// Writes each record of a trace.dat as a line of ftrace; of what is not KVM's without its text. Meant for a
/// process that may crash: libtracecmd trusts its file.
/// @param descriptor where the lines go
TracecmdEnd write_tracecmd_text(const std::string& file, int descriptor);

}  // namespace irqbench::importing
