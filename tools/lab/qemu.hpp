#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tools/lab/kernel.hpp"

namespace irqbench::tools::lab {

/// A QEMU that can be started: the host's own, or one in the cache with the libraries and firmware it came
/// with.
struct Qemu {
    std::filesystem::path program;
    std::vector<std::string> arguments;    ///< that every start needs, for instance -L FIRMWARE
    std::vector<std::string> environment;  ///< NAME=VALUE, for instance LD_LIBRARY_PATH
    std::string version;                   ///< `10.0.2`
};

}  // namespace irqbench::tools::lab
