#pragma once

#include <string>

#include "tools/lab/initramfs.hpp"
#include "tools/lab/kernel.hpp"
#include "tools/lab/session.hpp"

/// What a machine boots into, piece by piece; see tools/lab/guest/init.cpp for who reads it.
namespace irqbench::tools::lab {

/// The modules that KVM needs of this kernel, decompressed, with the order to load them in.
/// @returns whether there are any
/// @throws std::runtime_error when the kernel has modules, but those that KVM needs are not among them, or
/// are built for another release
bool add_kernel_modules(Initramfs& initramfs, const Kernel& kernel);

/// Process 1, the command it starts, and the files and folders that command reads, see mirror().
/// @throws std::runtime_error when there is no process 1 for this architecture
void add_job(Initramfs& initramfs, Arch arch, const Job& job, const std::string& library_path);

}  // namespace irqbench::tools::lab
