#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "tools/lab/cache.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/qemu.hpp"

// The QEMU that a test compares with, and what a user says of the comparison.
namespace irqbench::tests::qemu {

inline std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

inline std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const std::string value = environment(name);
    return value.empty() ? otherwise : std::stoull(value);
}

/// Looked for once for each architecture.
inline const tools::lab::QemuSearch& found_qemu(tools::lab::Arch arch) {
    static std::map<tools::lab::Arch, tools::lab::QemuSearch> searches;
    if (const auto known = searches.find(arch); known != searches.end()) return known->second;
    const std::atomic<bool> interrupted{false};
    tools::lab::QemuSearch search;
    try {
        search = tools::lab::find_qemu(arch, tools::lab::cache_folder(environment), interrupted);
    } catch (const tools::lab::Unavailable& error) {
        search.why_not = error.what();
    }
    return searches.emplace(arch, search).first->second;
}

/// Where a test may run: a missing QEMU is told, and is a failure of the test where the lab is required.
inline bool found_or_required(tools::lab::Arch arch) {
    const tools::lab::QemuSearch& search = found_qemu(arch);
    if (search.found || environment("IRQBENCH_LAB") == "required") return true;
    std::cout << "skipped: " << search.why_not << '\n';
    return false;
}

}  // namespace irqbench::tests::qemu
