#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "vmm/free_runner.hpp"

// What the host waits for while vCPUs run: that they have done something, take something, or rest.
namespace irqbench::vmm {

namespace {

using Clock = std::chrono::steady_clock;

/// Records a vCPU may add while interrupts are expected in any number: what bounds the trace's memory.
constexpr std::uint64_t records_while_many = 1'000'000;

bool is_halt(const GuestOp* op) { return op != nullptr && (op->code == OP_HALT || op->code == OP_STI_HALT); }
bool is_barrier(const GuestOp* op) { return op != nullptr && op->code == OP_BARRIER; }
bool may_block(const GuestOp* op) { return is_halt(op) || is_barrier(op); }

}  // namespace

void FreeRunner::collect_all() {
    if (abandoned_) return;
    parts_.placement.run_timers();
    for (const auto& thread : threads_) {
        collect(thread->slot);
        if (limit(*thread)) kick(*thread);
    }
}

/// Takes a vCPU that is over its budget out of KVM_RUN until the next step.
/// @returns whether it has just done so
bool FreeRunner::limit(VcpuThread& thread) {
    const std::uint64_t records = thread.slot.records_in_step;
    if (thread.stormed || (many_ != 0 ? records <= records_while_many : !over_budget(thread.slot)))
        return false;
    thread.stormed = true;
    parts_.recorder.add(Lane::guest, event::Storm{thread.slot.records_in_step}, thread.slot.index);
    return true;
}

/// Whether the vCPU has done what was posted, or does the last of it and blocks there.
bool FreeRunner::done(VcpuThread& thread) {
    const guest::Agent& agent = thread.slot.agent;
    return agent.all_finished() || (agent.mailbox_empty() && may_block(agent.unfinished()));
}

/// Whether all that is left to finish are operations that INIT has ended, or in which an interrupt was taken
/// whose handler stays: it has executed the rest of the mailbox and idles.
bool FreeRunner::suspended(VcpuThread& thread) {
    if (!thread.slot.agent.mailbox_empty()) return false;
    const auto paused = pause(&thread.slot);
    const Lock lock(mutex_);
    if (abandoned_) return true;
    collect(thread.slot);
    guest::Agent& agent = thread.slot.agent;
    const auto parked = parts_.placement.parked(thread.slot);
    if (parked && *parked != event::RestState::halted) {
        agent.abandon_begun();
        return agent.mailbox_empty();
    }
    return agent.mailbox_empty() && !agent.executing() && parked.has_value();
}

/// Sends a vCPU that idles in HLT through its loop once: the kernel may owe it an exit (for an EOI, say) that
/// waits for the next entry of the guest.
void FreeRunner::enter_once(VcpuThread& thread) {
    const auto paused = pause(&thread.slot);
    const Lock lock(mutex_);
    unpark(thread);
}

/// To be called while it is paused.
void FreeRunner::unpark(VcpuThread& thread) {
    if (abandoned_ || thread.over || thread.stormed || thread.slot.agent.executing()) return;
    if (parts_.placement.parked(thread.slot) == event::RestState::halted)
        parts_.placement.unpark(thread.slot);
}

/// Fetches the exits that the kernel owes for vCPUs at rest. Those it owes nothing for are left alone.
void FreeRunner::fetch_owed_exits(Lock& lock) {
    if (abandoned_) return;
    for (const auto& thread : threads_) {
        if (thread->over || thread->stormed || !thread->slot.agent.rested()) continue;
        while (const auto vector = parts_.placement.take_owed_exit(thread->slot)) {
            parts_.recorder.add(Lane::host,
                                event::Wire{std::nullopt, fmt::format("EOI exit of {:#x} fetched", *vector)},
                                thread->slot.index);
            lock.unlock();
            enter_once(*thread);
            Watchdog watchdog(parts_.config.watchdog);
            await_rest(*thread, watchdog);
            lock.lock();
        }
    }
}

/// Whether the vCPU waits in HLT or for a SIPI and has nothing to do, or will not run before the next step.
/// @param moved set if it has done something since it was last looked at
bool FreeRunner::at_rest(VcpuThread& thread, bool& moved) {
    const auto paused = pause(&thread.slot);
    const Lock lock(mutex_);
    if (abandoned_) return true;
    parts_.placement.run_timers();
    if (collect(thread.slot)) moved = true;
    limit(thread);
    if (thread.over || thread.stormed) return true;
    const guest::Agent& agent = thread.slot.agent;
    if (!agent.mailbox_empty()) return false;
    // That it is to halt does not say that it does: a handler may have been taken there.
    return parts_.placement.parked(thread.slot).has_value() || is_barrier(agent.unfinished());
}

/// @returns whether the vCPU has done anything until it came to rest
bool FreeRunner::await_rest(VcpuThread& thread, Watchdog& watchdog) {
    bool moved = false;
    Patience patience(poll_interval / 10);
    while (!at_rest(thread, moved) && !failed_) {
        std::this_thread::sleep_for(patience.next());
        if (watchdog.expired(patience.last())) {
            const Lock lock(mutex_);
            give_up(thread.slot, watchdog,
                    fmt::format("come to rest within {} ms", parts_.config.watchdog.count()));
            break;
        }
    }
    return moved;
}

/// Asks every vCPU, which wakes it: not to be called while an interrupt is awaited that must wake one.
void FreeRunner::rest() {
    Watchdog watchdog(parts_.config.watchdog);
    for (bool moved = true; moved && !failed_;) {
        moved = false;
        {
            const auto paused = pause(nullptr);
            const Lock lock(mutex_);
            for (const auto& thread : threads_) unpark(*thread);
        }
        for (const auto& thread : threads_)
            if (await_rest(*thread, watchdog)) moved = true;
    }
}

bool FreeRunner::settle() {
    Watchdog watchdog(parts_.config.watchdog);
    {
        const Lock lock(mutex_);
        for (const auto& thread : threads_) {
            thread->slot.records_in_step = 0;
            thread->stormed = false;
        }
        released_.notify_all();
    }
    finish_operations(watchdog);
    for (const auto& thread : threads_)
        if (!failed_) look_whether_halted(*thread, watchdog);
    return !failed_;
}

void FreeRunner::finish_operations(Watchdog& watchdog) {
    Lock lock(mutex_);
    Patience patience(poll_interval);
    for (bool all_done = false; !failed_;) {
        collect_all();
        all_done = true;
        const bool kicks = patience.is_over();
        for (const auto& thread : threads_) {
            if (done(*thread) || thread->stormed) continue;
            bool idles = false;
            if (kicks) {
                kick(*thread);
                lock.unlock();
                idles = suspended(*thread);
                lock.lock();
            }
            if (idles) continue;
            all_done = false;
            if (!kicks || !watchdog.expired(patience.last())) continue;
            // It may have gone back into KVM_RUN, where nobody would fetch it that is taken for over.
            kick(*thread);
            thread->over = true;
            give_up(thread->slot, watchdog,
                    fmt::format("do this within {} ms: {}", parts_.config.watchdog.count(),
                                thread->slot.agent.unfinished()->text));
        }
        if (all_done || failed_) break;
        changed_.wait_for(lock, poll_interval);
    }
}

/// Records that the vCPU halts, or no longer does. It may still be on its way into HLT.
void FreeRunner::look_whether_halted(VcpuThread& thread, Watchdog& watchdog) {
    VcpuSlot& slot = thread.slot;
    const auto halting = [&] { return is_halt(slot.agent.unfinished()); };
    const auto halted = [&] {
        const auto paused = pause(&slot);
        const Lock lock(mutex_);
        collect(slot);
        return !halting() || parts_.placement.parked(slot).has_value();
    };
    Lock first_look(mutex_);
    const bool is_to_halt = halting();
    first_look.unlock();
    Patience patience(poll_interval / 10);
    while (is_to_halt && !halted() && !watchdog.expired(patience.last()))
        std::this_thread::sleep_for(patience.next());
    const Lock lock(mutex_);
    const bool executing = halting() && slot.agent.executing();
    if (executing && watchdog.expired())
        give_up(slot, watchdog, fmt::format("halt within {} ms", parts_.config.watchdog.count()));
    else if (executing)
        record_rest(slot, {event::RestState::halted, true, slot.agent.depth(), slot.agent.in_service()});
    else if (slot.rest.state == event::RestState::halted)
        record_rest(slot, {event::RestState::idle, true, slot.agent.depth(), slot.agent.in_service()});
}

/// Ends the run over what the vCPU did not do, unless it is the host that did not.
void FreeRunner::give_up(VcpuSlot& slot, const Watchdog& watchdog, const std::string& what) {
    fail(slot, watchdog.starved() ? "this process got next to no CPU time" : "the vCPU did not " + what,
         watchdog.starved());
}

void FreeRunner::wait(const std::function<bool()>& enough) {
    Watchdog watchdog(parts_.config.watchdog);
    Lock lock(mutex_);
    ++many_;
    bool satisfied = false;
    while (!failed_) {
        collect_all();
        lock.unlock();
        satisfied = enough();
        lock.lock();
        if (satisfied || watchdog.expired()) break;
        fetch_owed_exits(lock);
        changed_.wait_for(lock, poll_interval);
    }
    for (const auto& thread : threads_) thread->slot.records_in_step = 0;
    --many_;
    if (!satisfied && !failed_ && watchdog.starved())
        give_up(threads_.front()->slot, watchdog, "get any time");
    lock.unlock();
    if (satisfied) let_handlers_end();
}

void FreeRunner::expect_many(bool on) {
    const Lock lock(mutex_);
    many_ += on ? 1U : -1U;
    for (const auto& thread : threads_) thread->slot.records_in_step = 0;
}

void FreeRunner::wake(VcpuSlot& slot) {
    const Lock lock(mutex_);
    thread_of(slot).awaited.reset();
    kick(thread_of(slot));
}

GuestProgress FreeRunner::progress(VcpuSlot& slot) {
    Lock lock(mutex_);
    VcpuThread& thread = thread_of(slot);
    collect(slot);
    if (limit(thread)) kick(thread);
    const guest::Agent& agent = slot.agent;
    const auto end = [&thread](GuestProgress how) {
        thread.awaited.reset();
        return how;
    };
    if (agent.all_finished()) return end(GuestProgress::done);
    if (failed_ || thread.over || thread.stormed) return end(GuestProgress::stopped);
    const auto taken = agent.word(BLOCK_MAIL_TAIL);
    if (!thread.awaited) thread.awaited.emplace(Awaited{taken, Watchdog(parts_.config.watchdog)});
    Awaited& awaited = *thread.awaited;
    if (std::exchange(awaited.taken, taken) != taken) awaited.watchdog = Watchdog(parts_.config.watchdog);
    if (!awaited.patience.is_over()) return GuestProgress::under_way;
    // It may idle in HLT, or have been about to when it was woken.
    if (!agent.mailbox_empty()) kick(thread);
    const auto waited = awaited.patience.last();
    lock.unlock();
    const bool idles = suspended(thread);
    lock.lock();
    if (idles || agent.all_finished()) return end(GuestProgress::done);
    if (!awaited.watchdog.expired(waited)) return GuestProgress::under_way;
    kick(thread);
    thread.over = true;
    give_up(
        slot, awaited.watchdog,
        fmt::format("do this within {} ms: {}", parts_.config.watchdog.count(), agent.unfinished()->text));
    return end(GuestProgress::stopped);
}

/// A handler writes down that it began; what it does comes later. Nobody is asked here, since that would wake
/// a vCPU whose next interrupt is stuck, and hide it.
void FreeRunner::let_handlers_end() {
    const auto deadline = Clock::now() + parts_.config.watchdog;
    Lock lock(mutex_);
    const auto busy = [](const auto& thread) {
        const guest::Agent& agent = thread->slot.agent;
        return !thread->over && !thread->stormed && !agent.rested() && !agent.executing();
    };
    while (!failed_ && !abandoned_ && std::any_of(threads_.begin(), threads_.end(), busy) &&
           Clock::now() < deadline) {
        changed_.wait_for(lock, poll_interval / 10);
        collect_all();
    }
    fetch_owed_exits(lock);
}

/// @returns whether the marker was taken, and its handler and all that it held up are over
bool FreeRunner::await_marker(VcpuSlot& slot) {
    Watchdog watchdog(parts_.config.watchdog);
    {
        Lock lock(mutex_);
        while (collect(slot), slot.marker && !failed_) {
            if (watchdog.expired()) {
                slot.marker.reset();
                if (watchdog.starved()) give_up(slot, watchdog, "take the marker");
                return false;
            }
            changed_.wait_for(lock, poll_interval);
        }
    }
    let_handlers_end();
    return true;
}

void FreeRunner::prove_quiet(std::span<VcpuSlot* const> slots) {
    rest();
    for (VcpuSlot* slot : slots) prove_quiet_at_rest(*slot);
}

void FreeRunner::prove_quiet_at_rest(VcpuSlot& slot) {
    event::Quiet quiet{true, {}, std::nullopt};
    bool sent = false;
    {
        // Some controllers are not read while any vCPU runs (Linux, devices/arm-vgic-v3.rst, EBUSY). All have
        // been asked whether they rest already.
        const auto paused = pause(nullptr);
        const Lock lock(mutex_);
        collect(slot);
        const auto parked = parts_.placement.parked(slot);
        if (thread_of(slot).stormed) {
            quiet = {false, "the vCPU is in a storm", std::nullopt};
        } else if (parked == event::RestState::not_started || parked == event::RestState::wait_for_sipi) {
        } else if (parked && slot.agent.executing()) {
            quiet = {false, "the vCPU is halted: only an interrupt could prove it", std::nullopt};
        } else if (!parts_.placement.interrupts_enabled(slot)) {
            quiet = {false, "interrupts are disabled", std::nullopt};
        } else if (std::string armed = parts_.placement.timer_armed(); !armed.empty()) {
            quiet = {false, std::move(armed), std::nullopt};
        } else {
            const std::uint32_t priority = parts_.placement.running_priority(slot);
            if (priority != 0) {
                quiet.above = priority;
                quiet.above_words = parts_.placement.priority_in_words(priority);
            }
            // Where no marker can be taken, that the vCPU has been entered with the window open must do.
            slot.marker = parts_.placement.send_marker(slot, priority);
            sent = slot.marker.has_value();
        }
    }
    if (sent && !await_marker(slot)) quiet = {false, "a marker interrupt was not taken", std::nullopt};
    parts_.recorder.add(Lane::guest, quiet, slot.index);
}

}  // namespace irqbench::vmm
