#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmm/kernel_trace_formats.hpp"
#include "vmm/kvm/fd.hpp"
#include "vmm/trace_instance.hpp"

struct kbuffer;

namespace irqbench::vmm {

/// The events of the kernel's KVM (kvm:*), from a tracefs instance of its own, so that nobody else's tracing
/// is disturbed. It is removed with this object; one that a killed process has left is removed by the next.
/// Its buffers are of 4 MiB for each CPU: where more comes than is read, the oldest events are lost, and
/// counted. Events of threads of other processes are left out.
///
/// Kernel documentation, trace/ftrace.rst (instances, trace_clock, trace_pipe_raw).
class KernelTrace {
  public:
    /// Why this process cannot read the kernel's events; empty if it can.
    [[nodiscard]] static std::string unavailable() { return TraceInstance::unavailable(); }

    /// The one of this process; made if there is none. Its events are switched on once for as long as anybody
    /// holds it, since that patches the kernel's code.
    /// @throws std::system_error when the kernel refuses
    [[nodiscard]] static std::shared_ptr<KernelTrace> shared();

    /// @throws std::system_error when the kernel refuses
    KernelTrace();
    ~KernelTrace();
    KernelTrace(const KernelTrace&) = delete;
    KernelTrace& operator=(const KernelTrace&) = delete;

    struct Seen {
        std::chrono::nanoseconds at;  ///< CLOCK_MONOTONIC
        event::Kernel event;
    };
    struct Batch {
        std::vector<Seen> events;  ///< by time
        std::uint64_t lost = 0;    ///< how many could not be kept since the last batch
    };

    /// Forgets what has happened, and writes down what happens from now on.
    void start();
    void stop();
    /// What has happened since the last call.
    [[nodiscard]] Batch take();

    [[nodiscard]] const KernelEvents& events() const { return events_; }

  private:
    struct Destroy {
        void operator()(kbuffer* buffer) const;
    };
    struct Cpu {
        int number;
        kvm::Fd pipe;            ///< gives a page of the ring buffer for each read, or what there is of one
        std::uint64_t lost = 0;  ///< as the kernel counts it
    };

    void open_cpus();
    void read(Cpu& cpu, Batch& batch, std::chrono::nanoseconds until);
    void read_formats();

    TraceInstance instance_;
    std::unique_ptr<kbuffer, Destroy> page_;
    std::vector<std::byte> bytes_;
    std::vector<Cpu> cpus_;
    KernelTraceFormats formats_;
    KernelEvents events_;
    TracedThreads threads_{"self"};
};

}  // namespace irqbench::vmm
