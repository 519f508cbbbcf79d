#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tools/lab/channel.hpp"

namespace irqbench::tools::lab {

/// How one boot ended, as far as it came.
struct BootEnd {
    enum class Why {
        off,          ///< it powered off and had said so
        gone,         ///< QEMU ended without that
        slow,         ///< process 1 or the program did not begin in time
        silent,       ///< the program said nothing for too long
        interrupted,  ///< Ctrl-C, and it did not end by itself in time
    };
    Why why = Why::off;
    std::chrono::seconds waited{};  ///< with slow and silent
    std::optional<said::Up> up;
    std::optional<said::Stuck> stuck;
    std::vector<said::ModuleError> modules;
    std::optional<said::Kvm> kvm;
    std::optional<said::Exit> exit;
    bool has_modules = false;  ///< some were packed
    std::string running;       ///< what the program was at, empty if unknown
    std::string console;       ///< all the kernel printed
    std::string complaints;    ///< QEMU's
    int qemu_status = 0;
};

/// Why the boot did not end as it should, in one line; nothing if it did.
std::optional<std::string> diagnose(const BootEnd& end);

/// The reason in a panic message of a kernel, `Attempted to kill init! exitcode=0x00000100`; nothing if it
/// did not panic.
std::optional<std::string> panic_of(const std::string& console);

/// The last lines of a text, each behind `prefix`.
std::string last_lines(const std::string& text, std::size_t most, const std::string& prefix);

}  // namespace irqbench::tools::lab
