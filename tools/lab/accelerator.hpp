#pragma once

#include <filesystem>

#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// Whether the host's KVM gives its guests a KVM of their own, as far as the host says it: the parameter
/// `nested` of kvm_intel and kvm_amd (Linux, Documentation/virt/kvm/x86/running-nested-guests.rst). What
/// arm64 can do QEMU finds out.
/// @param arch of the machines
/// @param root of the host's file system
/// @throws Unavailable when it does not, with the reason
void check_kvm_nests(Arch arch, const std::filesystem::path& root = "/");

}  // namespace irqbench::tools::lab
