#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "vmm/fair_mutex.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"

namespace irqbench::vmm {

/// What the two ways to run have in common: the vCPUs, their exits, and what goes into the trace.
class Runner {
  public:
    struct Parts {
        const MachineConfig& config;
        Placement& placement;
        Recorder& recorder;
        std::vector<std::unique_ptr<VcpuSlot>>& slots;
    };

    explicit Runner(Parts parts) : parts_(parts) {}
    virtual ~Runner() = default;

    /// See Machine::settle(), wait() and prove_quiet().
    virtual bool settle() = 0;
    virtual void wait(const std::function<bool()>& enough) = 0;
    virtual void prove_quiet(std::span<VcpuSlot* const> slots) = 0;
    /// Whether interrupts are expected in any number, as while several host threads send them.
    virtual void expect_many(bool) {}
    /// The vCPU has something to do: no interrupt may be needed for it to look into its mailbox.
    virtual void wake(VcpuSlot&) {}
    /// See Machine::progress().
    [[nodiscard]] virtual GuestProgress progress(VcpuSlot&) { return GuestProgress::done; }
    /// Whether what is posted to a vCPU that idles in HLT is left there for the handler of an interrupt.
    void leave_mail(bool on) { leaves_mail_ = on; }
    /// Waits until every vCPU has done what it was woken for.
    virtual void rest() = 0;
    /// Stops whatever runs on its own.
    virtual void stop() = 0;
    /// Held while the controllers are touched from outside of the runner.
    [[nodiscard]] virtual std::unique_lock<FairMutex> hold() = 0;
    /// Keeps the vCPU, or with nullptr every one, out of KVM_RUN as long as the result lives: its ioctls
    /// would wait for the end of KVM_RUN. To be called before hold(), never while holding.
    [[nodiscard]] virtual std::shared_ptr<void> pause(VcpuSlot* slot) = 0;

    /// The virtual machine is about to go, with no vCPU running: records what they have done, and from now on
    /// it is left alone. To be called while holding.
    void abandon();
    [[nodiscard]] bool failed() const { return failed_; }

  protected:
    enum class AfterExit { go_on, idle, waiting, stop };

    /// Handles one exit of the vCPU and everything the agent has written down by then.
    AfterExit handle_exit(VcpuSlot& slot);
    /// Records what the agent has written and done since the last call.
    /// @returns whether there was anything
    bool collect(VcpuSlot& slot);
    void record_rest(VcpuSlot& slot, const event::Rest& rest);
    void fail(VcpuSlot& slot, std::string report, bool host_stalled = false);
    /// Whether the vCPU's ioctls would return at once: it is outside of KVM_RUN for the calling thread.
    [[nodiscard]] virtual bool reachable(const VcpuSlot& slot) const = 0;
    [[nodiscard]] bool over_budget(const VcpuSlot& slot) const {
        return slot.records_in_step > parts_.config.storm_budget;
    }

    Parts parts_;
    std::atomic<bool> failed_{false};
    std::atomic<bool> abandoned_{false};
    std::atomic<bool> leaves_mail_{false};

  private:
    void record(VcpuSlot& slot, const guest::Record& record);
    void record(VcpuSlot& slot, const guest::FinishedOp& done);
};

/// Runs the vCPUs in turn on the calling thread, and only while the host does nothing else.
std::unique_ptr<Runner> make_stepped_runner(const Runner::Parts& parts);
/// One thread per vCPU, which waits in HLT.
std::unique_ptr<Runner> make_free_runner(const Runner::Parts& parts);

}  // namespace irqbench::vmm
