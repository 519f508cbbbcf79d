#pragma once

#include "scenarios/engine/run.hpp"

namespace irqbench::scenarios {

/// Name of the event::Call that sums up what one thread of a block has done.
inline constexpr const char* parallel_call = "parallel";

/// Performs a parallel block: one host thread per named list of steps, started together, each `times` over.
/// Only raise, lower, pulse, msi, irqfd, deassign, signal, close, the verbs of routing and what a vCPU's
/// agent executes have a place there. Routes belong to one thread, because a table is replaced as a whole,
/// and each vCPU's agent to one, because its mailbox has one writer. A thread hands operations over as long
/// as they are of the same vCPU, and waits until they are done before it does anything else. Recorded as one
/// event::Call per thread, whose outcome is the first refusal that no step of the thread names as its
/// `errno`.
/// @throws std::exception what a thread threw; std::logic_error for a verb that has no place there
void perform_parallel(const Block& block, vmm::Machine& machine, vmm::Trace& trace,
                      const RunOptions& options);

}  // namespace irqbench::scenarios
