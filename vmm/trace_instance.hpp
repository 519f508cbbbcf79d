#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "vmm/kvm/fd.hpp"

struct tracefs_instance;

namespace irqbench::vmm {

/// A tracefs instance of our own, with buffers and switches that nobody else's tracing is disturbed by. It is
/// removed with this object; one that a killed process has left is removed by the next.
///
/// Kernel documentation, trace/ftrace.rst (instances).
class TraceInstance {
  public:
    /// Why this process cannot have one that tells of KVM; empty if it can.
    [[nodiscard]] static std::string unavailable();

    /// Off, with CLOCK_MONOTONIC, and without events.
    /// @throws std::system_error when the kernel refuses
    TraceInstance();

    /// @throws std::system_error when the kernel refuses
    void set(const std::string& file, const std::string& value);
    /// @returns whether it could be written
    bool try_set(const std::string& file, const std::string& value);
    /// What a file holds; nothing if it cannot be read.
    [[nodiscard]] std::optional<std::string> read(const std::string& file) const;
    /// @returns none if it cannot be opened
    [[nodiscard]] kvm::Fd open(const std::string& file, int flags) const;
    [[nodiscard]] std::string path(const std::string& file) const;

    /// How many events the buffer of a CPU could not keep so far.
    [[nodiscard]] std::optional<std::uint64_t> lost(int cpu) const;

  private:
    struct Destroy {
        void operator()(tracefs_instance* instance) const;
    };
    void make();

    std::unique_ptr<tracefs_instance, Destroy> instance_;
};

/// The threads that may do something for a process's machines: its own, those of the processes that it has
/// started, and those of the kernel, which work for all. One that is not known any more may have been.
class TracedThreads {
  public:
    explicit TracedThreads(std::string process) : process_(std::move(process)) {}

    [[nodiscard]] bool has(std::uint32_t thread);
    /// Numbers may be others' by now.
    void forget() { known_.clear(); }

  private:
    std::string process_;  ///< its folder's name in /proc
    std::map<std::uint32_t, bool> known_;
};

}  // namespace irqbench::vmm
