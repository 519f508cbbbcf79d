#include "vmm/free_runner.hpp"

#include <thread>

// The threads of the vCPUs.
namespace irqbench::vmm {

void FreeRunner::loop(VcpuThread& thread) {
    thread.id.store(static_cast<pid_t>(syscall(SYS_gettid)));
    try {
        while (prepare(thread)) run_once(thread);
    } catch (const std::exception& error) {
        const Lock lock(mutex_);
        fail(thread.slot, error.what());
    }
    const Lock lock(mutex_);
    thread.over = true;
    thread.outside = true;
    changed_.notify_all();
}

/// Stays out of KVM_RUN as long as anybody wants that.
/// @returns false if the thread is to end
bool FreeRunner::prepare(VcpuThread& thread) {
    Lock lock(mutex_);
    thread.outside = true;
    changed_.notify_all();
    for (;;) {
        released_.wait(lock, [&] { return stopping_ || (thread.pauses == 0 && !thread.stormed); });
        if (stopping_ || thread.over) return false;
        thread.forget_kicks();
        end_idling(thread.slot);
        if (parts_.placement.before_run(thread.slot)) break;
        lock.unlock();
        thread.await_kick();
        lock.lock();
    }
    thread.outside = false;
    return true;
}

/// Lets a vCPU go on that idles in HLT while there is something to do: no interrupt may be needed for that.
void FreeRunner::end_idling(VcpuSlot& slot) {
    if (!leaves_mail_ && !slot.agent.mailbox_empty() && !slot.agent.executing() &&
        parts_.placement.parked(slot) == event::RestState::halted)
        parts_.placement.unpark(slot);
}

void FreeRunner::run_once(VcpuThread& thread) {
    VcpuSlot& slot = thread.slot;
    const kvm::RunResult result = slot.vcpu.run();
    const Lock lock(mutex_);
    if (result != kvm::RunResult::exited) return;
    // What the agent wrote down came before the exit.
    collect(slot);
    if (handle_exit(slot) == AfterExit::stop) thread.over = true;
    collect(slot);
    limit(thread);
    changed_.notify_all();
}

std::shared_ptr<void> FreeRunner::pause(VcpuSlot* slot) {
    const auto concerns = [slot](const VcpuThread& thread) {
        return slot == nullptr || slot == &thread.slot;
    };
    Lock lock(mutex_);
    for (const auto& thread : threads_)
        if (concerns(*thread)) ++thread->pauses;
    // All are kicked before any is waited for, so that they come out together.
    const auto inside = [](const VcpuThread& thread) { return !thread.outside && !thread.over; };
    for (const auto& thread : threads_)
        if (concerns(*thread) && inside(*thread)) kick(*thread);
    for (const auto& thread : threads_)
        while (concerns(*thread) && inside(*thread))
            if (changed_.wait_for(lock, poll_interval) == std::cv_status::timeout) kick(*thread);
    return {nullptr, [this, concerns](void*) {
                const Lock release(mutex_);
                for (const auto& thread : threads_)
                    if (concerns(*thread)) --thread->pauses;
                released_.notify_all();
            }};
}

void FreeRunner::stop() {
    {
        const Lock lock(mutex_);
        stopping_ = true;
        released_.notify_all();
    }
    for (const auto& thread : threads_) {
        if (!thread->thread.joinable()) continue;  // ended before, or never begun
        while (true) {
            Lock lock(mutex_);
            if (thread->over) break;
            kick(*thread);
            changed_.wait_for(lock, poll_interval);
        }
        thread->thread.join();
    }
}

std::unique_ptr<Runner> make_free_runner(const Runner::Parts& parts) {
    return std::make_unique<FreeRunner>(parts);
}

}  // namespace irqbench::vmm
