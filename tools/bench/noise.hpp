#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace irqbench::tools::bench {

/// What the measurement itself asks of the host.
struct Load {
    std::uint32_t busy_threads = 1;  ///< that look or spin all the time
    std::uint32_t cpus = 1;          ///< that this process may run on
};

/// What makes times of this host noisy, in words: the CPUs' frequencies, threads of one core, other load, too
/// few CPUs, time stolen by a hypervisor, that there is one, preemption of the kernel. Read from /proc and
/// /sys below `root`; a file that is not there says nothing.
[[nodiscard]] std::vector<std::string> noise_of(const std::filesystem::path& root, const Load& load);

}  // namespace irqbench::tools::bench
