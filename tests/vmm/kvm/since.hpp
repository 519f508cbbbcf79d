#pragma once

#include <sys/utsname.h>

#include <iostream>
#include <string_view>

#include "vmm/kernel_version.hpp"

namespace irqbench::vmm::kvm {

/// Whether this kernel is at least so new; prints what is not asked of an older one.
inline bool since(std::string_view release, std::string_view what) {
    utsname name{};
    uname(&name);
    if (running_kernel_version(name.release, name.version) >= parse_kernel_version(release)) return true;
    std::cout << "skipped: before Linux " << release << " " << what << '\n';
    return false;
}

}  // namespace irqbench::vmm::kvm
