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

/// How the machines of a lab share the host.
struct Shares {
    std::uint32_t machines;  ///< at a time
    std::uint32_t cpus;      ///< of each
};

/// As many machines at a time as the host has CPUs, or as there are to be. Each has two CPUs, so that a
/// guest's vCPUs and the threads of the bench meet; where the host has too few for that, it has one: two
/// machines of two emulated CPUs on a host of two took half as long again as two of one.
/// @param machines,cpus what was asked for; 0: nothing
Shares share_host(std::uint32_t host_cpus, std::size_t kernels, std::uint32_t machines, std::uint32_t cpus);

/// Runs the command on every kernel and reports as the command itself would. @returns the exit status
int run_lab(const LabPlan& plan, Surroundings& surroundings);

}  // namespace irqbench::tools
