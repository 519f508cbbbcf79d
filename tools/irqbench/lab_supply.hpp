#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/surroundings.hpp"
#include "tools/lab/kernel.hpp"
#include "tools/lab/qemu.hpp"

namespace irqbench::tools {

/// Where the lab's QEMU and kernels come from.
struct Supply {
    lab::Arch arch = lab::Arch::x86_64;
    std::string mirror;
    bool offline = false;
};

/// --arch. @throws std::runtime_error when it is not given and the host is of another kind
lab::Arch arch_of(const std::string& asked);

/// The host's QEMU or the cached one, else one that is fetched.
/// @throws lab::Unavailable, lab::Interrupted
lab::Qemu choose_qemu(const Supply& supply, const Surroundings& surroundings);

/// The names and images in a value of --kernel, which are separated by commas. What exists is one image,
/// commas or not.
std::vector<std::string> split_kernels(const std::string& value);

/// A named kernel, fetched if it is not in the cache, or an image.
/// @param modules of an image
/// @throws CLI::ValidationError for a name that is none, lab::Unavailable, lab::Interrupted
lab::Kernel choose_kernel(const std::string& name, const std::filesystem::path& modules, const Supply& supply,
                          const Surroundings& surroundings);

void add_arch(CLI::App& app, std::string& arch);
void add_mirror(CLI::App& app, std::string& mirror);
void add_offline(CLI::App& app, bool& offline);

/// `lab kernels` and `lab qemu`. Of the options of `lab` that stand before these words those count that they
/// have too, others are refused.
void add_supply_commands(CLI::App& lab_app, CommandLine& line, Surroundings& surroundings);

/// What goes wrong while something is fetched is the host's affair; Ctrl-C has its own status.
int unless_interrupted(const std::function<int()>& action);

}  // namespace irqbench::tools
