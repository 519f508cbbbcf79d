#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vmm/runner.hpp"
#include "vmm/vcpu_thread.hpp"
#include "vmm/watchdog.hpp"

namespace irqbench::vmm {

/// One thread a vCPU, which waits in HLT.
class FreeRunner final : public Runner {
  public:
    explicit FreeRunner(const Parts& parts) : Runner(parts) {
        for (const auto& slot : parts_.slots) threads_.push_back(std::make_unique<VcpuThread>(*slot));
        parts_.placement.on_wake([this](VcpuSlot& slot) { kick(thread_of(slot)); });
        try {
            for (const auto& thread : threads_)
                thread->thread = std::thread([this, t = thread.get()] { loop(*t); });
        } catch (...) {
            stop();
            parts_.placement.on_wake(nullptr);
            throw;
        }
    }
    ~FreeRunner() override {
        stop();
        parts_.placement.on_wake(nullptr);
    }

    bool settle() override;
    void rest() override;
    void wait(const std::function<bool()>& enough) override;
    void prove_quiet(std::span<VcpuSlot* const> slots) override;
    void stop() override;
    void expect_many(bool on) override;
    void wake(VcpuSlot& slot) override;
    GuestProgress progress(VcpuSlot& slot) override;
    std::unique_lock<FairMutex> hold() override { return std::unique_lock(mutex_); }
    std::shared_ptr<void> pause(VcpuSlot* slot) override;

  private:
    using Lock = std::unique_lock<FairMutex>;

    [[nodiscard]] bool reachable(const VcpuSlot& slot) const override {
        const VcpuThread& thread = *threads_[slot.index];
        return thread.outside || thread.id == static_cast<pid_t>(syscall(SYS_gettid));
    }
    void loop(VcpuThread& thread);
    bool prepare(VcpuThread& thread);
    void end_idling(VcpuSlot& slot);
    void run_once(VcpuThread& thread);
    void kick(VcpuThread& thread) { thread.kick(kicker_); }
    bool done(VcpuThread& thread);
    bool suspended(VcpuThread& thread);
    void unpark(VcpuThread& thread);
    void enter_once(VcpuThread& thread);
    void prove_quiet_at_rest(VcpuSlot& slot);
    void fetch_owed_exits(Lock& lock);
    bool at_rest(VcpuThread& thread, bool& moved);
    bool await_rest(VcpuThread& thread, Watchdog& watchdog);
    void finish_operations(Watchdog& watchdog);
    void look_whether_halted(VcpuThread& thread, Watchdog& watchdog);
    void give_up(VcpuSlot& slot, const Watchdog& watchdog, const std::string& what);
    void collect_all();
    void let_handlers_end();
    bool await_marker(VcpuSlot& slot);
    bool limit(VcpuThread& thread);
    [[nodiscard]] VcpuThread& thread_of(const VcpuSlot& slot) { return *threads_[slot.index]; }

    FairMutex mutex_;
    std::condition_variable_any changed_;   ///< for whoever waits for a vCPU's thread
    std::condition_variable_any released_;  ///< for those threads: they may go on
    kvm::Kicker kicker_;
    std::vector<std::unique_ptr<VcpuThread>> threads_;
    bool stopping_ = false;
    unsigned many_ = 0;  ///< reasons to expect interrupts in any number: wait(), expect_many()
};

}  // namespace irqbench::vmm
