#include "vmm/vcpu_thread.hpp"

namespace irqbench::vmm {

void VcpuThread::kick(const kvm::Kicker& kicker) {
    {
        const std::lock_guard lock(mutex_);
        kicked_ = true;
        kicked_changed_.notify_one();
    }
    if (const pid_t thread_id = id.load(); thread_id != 0 && !over) kicker.kick(slot.vcpu, thread_id);
}

void VcpuThread::forget_kicks() {
    slot.vcpu.set_immediate_exit(false);
    const std::lock_guard lock(mutex_);
    kicked_ = false;
}

void VcpuThread::await_kick() {
    std::unique_lock lock(mutex_);
    kicked_changed_.wait(lock, [this] { return kicked_; });
}

}  // namespace irqbench::vmm
