#pragma once

#include <atomic>
#include <filesystem>
#include <vector>

#include "tools/lab/initramfs.hpp"
#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// What runs inside, and the shared libraries it is linked with, its dynamic loader among them.
struct Program {
    std::filesystem::path file;
    std::vector<std::filesystem::path> libraries;

    /// Where it is in the machine.
    static constexpr const char* guest_path = "/lab/irqbench";
};

/// Whether it is an ELF file: else it may be a script.
bool is_program(const std::filesystem::path& file);

/// @throws std::runtime_error when it is no program for machines of this architecture, when a library of it
/// is missing, or when it needs libraries for an architecture that is not the host's
Program inspect_program(const std::filesystem::path& file, Arch arch, const std::atomic<bool>& interrupted);

/// Where a build leaves the irqbench for another architecture than its own: `build/arm64/irqbench` beside
/// `build/release/irqbench`, and `irqbench-arm64` beside an installed `irqbench`.
/// @param own the program that asks
/// @returns an empty path if there is none
std::filesystem::path program_beside(const std::filesystem::path& own, Arch arch);

/// The architecture of the host.
/// @throws std::runtime_error on a host of another one
Arch host_arch();

void add_program(Initramfs& initramfs, const Program& program);
/// Where the dynamic loader finds the libraries in the machine: LD_LIBRARY_PATH.
std::string library_path(const Program& program);

}  // namespace irqbench::tools::lab
