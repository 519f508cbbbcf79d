#include <fmt/format.h>

#include <algorithm>

#include "vmm/x86/userspace_irqchip.hpp"

namespace irqbench::vmm::x86 {

namespace {

/// Nobody waits for a deadline that is further away.
constexpr std::chrono::hours longest_wait{24};

/// A period of the guest's may be shorter than its expiry takes: others get their turn in between.
constexpr std::chrono::microseconds shortest_wait{20};

}  // namespace

UserspaceIrqchip::~UserspaceIrqchip() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        timers_changed_.notify_one();
    }
    if (timer_thread_.joinable()) timer_thread_.join();
}

UserspaceIrqchip::Time UserspaceIrqchip::now() const {
    return free_ ? recorder_.now() - stood_still_ : virtual_now_;
}

void UserspaceIrqchip::expire_timers() {
    // Of one moment, and each timer about once, or there might be no end.
    const Time moment = now();
    for (std::size_t most = cpus_.size() + irqchip::x86::IoApic::pin_count + 1; most != 0; --most) {
        const auto response = timers_.expire(platform_, moment);
        if (!response) return;
        act(*response);
    }
}

void UserspaceIrqchip::serve_timers() {
    std::unique_lock<FairMutex> lock(mutex_);
    while (!stopping_) {
        expire_timers();
        if (const auto next = timers_.next())
            timers_changed_.wait_for(lock, std::clamp<Time>(*next - now(), shortest_wait, longest_wait));
        else
            timers_changed_.wait(lock);
    }
}

void UserspaceIrqchip::run_timers() {
    const std::lock_guard lock(mutex_);
    expire_timers();
}

bool UserspaceIrqchip::pass_time(std::chrono::microseconds) {
    const std::lock_guard lock(mutex_);
    const auto next = timers_.next();
    if (!next || *next - virtual_now_ > longest_wait) return false;
    const Time step = std::max(*next - virtual_now_, Time{});
    virtual_now_ += step;
    recorder_.skip(step);
    // Their counters have not gone on.
    for (VcpuSlot* slot : slots_) slot->clock.at += step;
    expire_timers();
    return true;
}

std::string UserspaceIrqchip::timer_armed() {
    const std::lock_guard lock(mutex_);
    const irqchip::x86::IoApic& chip = platform_.board().ioapic();
    for (unsigned pin = 0; pin < irqchip::x86::IoApic::pin_count; ++pin) {
        const auto entry = chip.entry(pin);
        if (timers_.storm_armed(pin) && chip.pending(pin) && !entry.get(entry.masked))
            return fmt::format("IOAPIC pin {} is held back after a storm", pin);
    }
    return {};
}

}  // namespace irqbench::vmm::x86
