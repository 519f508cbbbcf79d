#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/irqbench/inner_command.hpp"
#include "tools/irqbench/surroundings.hpp"
#include "tools/lab/session.hpp"

namespace irqbench::tools {

/// What `irqbench lab` is to do, all of it at hand.
struct LabPlan {
    lab::Qemu qemu;
    std::vector<lab::Kernel> kernels;
    lab::MachineSetup setup;
    lab::Program program;
    lab::Patience patience;
    InnerCommand inner;
    std::uint32_t jobs = 1;            ///< machines at a time
    std::filesystem::path log_folder;  ///< keeps the console of each kernel's last boot
};

/// Runs the command on every kernel and reports as the command itself would. @returns the exit status
int run_lab(const LabPlan& plan, Surroundings& surroundings);

}  // namespace irqbench::tools
