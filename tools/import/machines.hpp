#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/import/trace.hpp"

namespace irqbench::importing {

/// Which of the virtual machines in a trace; the one that was entered most if neither is given.
struct Wanted {
    std::uint32_t process = 0;  ///< or one of its threads
    std::string command;        ///< of a vCPU's thread, or what it begins with
};

/// One virtual machine of the traced host. Events name threads, and say of none whose it is; where the
/// tracer does not tell processes, threads that enter the same vCPU are of different machines.
struct Machine {
    std::vector<std::uint32_t> vcpus;        ///< ids, sorted; the engine's index is the place in it
    std::set<std::uint32_t> threads;         ///< that entered it
    std::set<std::uint32_t> others_threads;  ///< that are known to be another's
    std::uint64_t entries = 0;
    std::string words;  ///< for people: `CPU 0/KVM (thread 4711), 2 vCPUs, 4012 entries; 1 other left out`
};

/// @throws TraceError when there is none, or none that is wanted
Machine choose_machine(const KvmTrace& trace, const Wanted& wanted);

}  // namespace irqbench::importing
