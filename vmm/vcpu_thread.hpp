#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "vmm/kvm/vcpu.hpp"
#include "vmm/placement.hpp"
#include "vmm/watchdog.hpp"

namespace irqbench::vmm {

/// A wait for a vCPU to do what it was given.
struct Awaited {
    std::uint32_t taken;  ///< operations that it has taken off its mailbox
    Watchdog watchdog;
    Patience patience{poll_interval};
};

/// The thread of one vCPU. What has no comment of its own is guarded by the runner's lock.
struct VcpuThread {
    explicit VcpuThread(VcpuSlot& slot_) : slot(slot_) {}

    VcpuSlot& slot;
    std::thread thread;
    std::atomic<pid_t> id{0};
    unsigned pauses = 0;             ///< requests to stay out of KVM_RUN
    bool outside = false;            ///< it stays out of KVM_RUN
    bool stormed = false;            ///< over budget: out of KVM_RUN until the next step
    std::optional<Awaited> awaited;  ///< while a thread of the host waits for what it was given
    std::atomic<bool> over{false};   ///< the thread has ended or will end without another KVM_RUN

    /// Makes it come out of KVM_RUN, or out of await_kick(). May be called by any thread, with or without
    /// the runner's lock.
    void kick(const kvm::Kicker& kicker);
    /// By the thread itself: what it was kicked for is about to be looked at; the next kick counts again.
    void forget_kicks();
    /// By the thread itself: waits for a kick. None is lost: one since forget_kicks() has left its mark.
    void await_kick();

  private:
    std::mutex mutex_;
    std::condition_variable kicked_changed_;
    bool kicked_ = false;
};

}  // namespace irqbench::vmm
