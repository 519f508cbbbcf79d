#pragma once

#include <cstdint>
#include <memory>

#include "tools/bench/architecture.hpp"
#include "vmm/bare_machine.hpp"
#include "vmm/kvm_machine.hpp"

namespace irqbench::tools::bench {

/// One of the two ways to drive the same virtual machine: the bench's, and bare system calls.
class Drive {
  public:
    virtual ~Drive() = default;
    /// The vCPUs are its own until end().
    virtual void begin() = 0;
    virtual void end() = 0;
    virtual void stimulate() = 0;
    /// After the round trip: lowers the line.
    virtual void release() = 0;
    /// Whether the eventfd that ends the round trip was signalled.
    [[nodiscard]] virtual bool signalled() = 0;
    /// Takes what the guest has written, so that its logs do not get full.
    virtual void collect() = 0;
    /// The same where that takes no time, while a round trip goes on: a guest may take an interrupt again and
    /// again until its line goes down.
    virtual void make_room() {}
};

/// @param machine on which the wiring's irqfd and doorbell have been assigned
std::unique_ptr<Drive> drive_by_machine(vmm::KvmMachine& machine, vmm::BareMachine& bare, vmm::Trace& trace,
                                        const Wiring& wiring);

/// @param by_injection vectors go in by KVM_INTERRUPT, since no controller is KVM's
std::unique_ptr<Drive> drive_by_ioctls(vmm::BareMachine& bare, const Wiring& wiring, bool by_injection);

inline constexpr const char* irqfd_name = "irqfd";

}  // namespace irqbench::tools::bench
