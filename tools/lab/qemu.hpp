#pragma once

#include <atomic>
#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/lab/cache.hpp"
#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// A QEMU that can be started: the host's own, or one in the cache with the libraries and firmware it came
/// with.
struct Qemu {
    std::filesystem::path program;       ///< the dynamic loader, where QEMU has one of its own
    std::vector<std::string> arguments;  ///< that every start needs before its own, for instance -L FIRMWARE
    std::vector<std::string> environment;  ///< NAME=VALUE, added to ours
    std::string version;                   ///< `10.0.2`
};

/// QEMU itself, for messages.
std::filesystem::path file_of(const Qemu& qemu);

struct QemuVersion {
    int major = 0;
    int minor = 0;
    int micro = 0;

    friend auto operator<=>(const QemuVersion&, const QemuVersion&) = default;
};

/// QEMU 7.2 loses about a third of the boots of a 6.12 kernel on an emulated x86 CPU, and with several CPUs
/// in threads now and then corrupts the machine; 10.0 lost none of hundreds.
inline constexpr QemuVersion needed_qemu{10, 0, 0};

/// The version in what `qemu-system-* --version` prints.
std::optional<QemuVersion> parse_qemu_version(const std::string& text);

/// The program of an architecture: `qemu-system-x86_64`, `qemu-system-aarch64`.
std::string qemu_program(Arch arch);

/// Where to look for a QEMU; the first that is new enough is taken.
struct QemuSearch {
    std::optional<Qemu> found;
    std::string why_not;  ///< what there is instead, and what helps, if nothing is found
};

/// Looks at the host's QEMU, then at the cached one. Nothing is fetched.
/// @param cache empty: there is none
QemuSearch find_qemu(Arch arch, const std::filesystem::path& cache, const std::atomic<bool>& interrupted);

/// The QEMU the user names, which may be the one in the cache.
/// @throws Unavailable when it is not there, cannot be run, is too old, or is none
Qemu own_qemu(const std::filesystem::path& program, const std::atomic<bool>& interrupted);

/// Fetches a new enough QEMU into the cache, unless it is there: on a release of Debian that of the release
/// or its backports, elsewhere that of Debian's stable. It comes with all libraries it needs.
/// @throws Unavailable, Interrupted
Qemu fetch_qemu(Arch arch, const Fetching& fetching);

}  // namespace irqbench::tools::lab
