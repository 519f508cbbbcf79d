#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"
#include "vmm/runner.hpp"

namespace irqbench::vmm {

/// What a measurement needs of a free-running machine on KVM, and no scenario does: to see what its guest
/// does without an exit, a lock or a system call, and to run the same virtual machine without the bench
/// around it: a thread for each vCPU that is in KVM_RUN and, where no controller is the kernel's, does what
/// takes an interrupt to it (architecture::BareInput).
///
/// Belongs to one thread of the host, and must not outlive the machine.
class BareMachine {
  public:
    struct Parts {
        kvm::Vm& vm;
        Placement& placement;
        Runner& runner;
        const Recorder& recorder;
        std::vector<std::unique_ptr<VcpuSlot>>& slots;
        std::function<std::uint64_t()> rung;       ///< doorbells since the last call
        std::function<std::uint64_t()> resampled;  ///< kicks of resamplefds since the last call
    };

    explicit BareMachine(Parts parts);
    ~BareMachine();
    BareMachine(const BareMachine&) = delete;
    BareMachine& operator=(const BareMachine&) = delete;

    [[nodiscard]] kvm::Vm& vm() { return parts_.vm; }

    /// The host's clock, that of clock() too.
    [[nodiscard]] std::chrono::nanoseconds now() const { return parts_.recorder.now(); }

    /// How much the guest of that vCPU has written down, ever. It counts before it writes.
    [[nodiscard]] std::uint32_t records(std::uint32_t vcpu) const;
    /// The guest's counter when it wrote that record; nothing while it does so.
    /// @param before an earlier one of that vCPU, so that a value half written is known
    [[nodiscard]] std::optional<std::uint64_t> counter(std::uint32_t vcpu, std::uint32_t record,
                                                       std::uint64_t before) const;
    /// Whether it waits in HLT, with nothing to do.
    [[nodiscard]] bool rested(std::uint32_t vcpu) const { return slot(vcpu).agent.rested(); }
    /// Where the guest's counter stands, with GuestClock::within. Not between start() and stop().
    [[nodiscard]] GuestClock clock(std::uint32_t vcpu);

    /// Since the last call: doorbells of the machine's, kicks of its resamplefds.
    [[nodiscard]] std::uint64_t rung() { return parts_.rung(); }
    [[nodiscard]] std::uint64_t resampled() { return parts_.resampled(); }

    /// Takes the vCPUs away from the machine, and gives them back.
    /// @throws what ended a vCPU's thread
    void start();
    void stop();

    /// Puts an operation into the vCPU's mailbox, for a handler that stays: as long as this object lives,
    /// nothing but an interrupt gets the vCPU to look there. @returns false if it is full
    [[nodiscard]] bool post(std::uint32_t vcpu, const GuestOp& op);

    // Between start() and stop().
    /// KVM_INTERRUPT, by the vCPU's thread, as soon as the vCPU takes it; or what else the architecture has.
    void interrupt(std::uint32_t vcpu, std::uint32_t vector);
    /// Empties the logs and the mailboxes. To be called often enough that no log gets full.
    void collect();

  private:
    struct Loop;

    [[nodiscard]] VcpuSlot& slot(std::uint32_t vcpu) const { return *parts_.slots.at(vcpu); }
    void run(Loop& loop);
    void end_loops();
    void leave_mail(bool on);

    Parts parts_;
    kvm::Kicker kicker_;
    std::shared_ptr<void> paused_;
    std::atomic<bool> abandoned_{false};  ///< nothing goes on after it
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<guest::Record> records_;
};

}  // namespace irqbench::vmm
