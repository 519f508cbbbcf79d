#include <fmt/format.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <system_error>

#include "vmm/runner.hpp"
#include "vmm/watchdog.hpp"

namespace irqbench::vmm {

namespace {

using namespace std::chrono_literals;

/// A signal that this thread blocks as long as this lives, so that it never ends the process.
class BlockedSignal {
  public:
    BlockedSignal() {
        static const bool has_handler = handle();
        static_cast<void>(has_handler);
        sigemptyset(&set_);
        sigaddset(&set_, number());
        pthread_sigmask(SIG_BLOCK, &set_, &previous_);
    }
    ~BlockedSignal() {
        eat();
        pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
    }
    BlockedSignal(const BlockedSignal&) = delete;
    BlockedSignal& operator=(const BlockedSignal&) = delete;

    static int number() { return SIGRTMIN + 1; }

    void eat() {
        const timespec now{};
        while (sigtimedwait(&set_, nullptr, &now) == number()) {
        }
    }

    [[nodiscard]] sigset_t mask_without() const {
        sigset_t mask = previous_;
        sigdelset(&mask, number());
        return mask;
    }

  private:
    /// It is never called. But before Linux 4.15 a signal without a handler ends the process when it comes
    /// during KVM_RUN, which has it unblocked.
    static bool handle() {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigemptyset(&action.sa_mask);
        return sigaction(number(), &action, nullptr) == 0;
    }

    sigset_t set_{};
    sigset_t previous_{};
};

/// Sends this thread a signal now and then, which KVM_RUN alone lets through: a vCPU that blocks in the
/// kernel comes back to be looked at.
class Ticker {
  public:
    Ticker() {
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = BlockedSignal::number();
        event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
        if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
            throw std::system_error(errno, std::generic_category(), "timer_create");
        set(usual);
    }
    ~Ticker() { timer_delete(timer_); }
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;

    static constexpr std::chrono::microseconds usual = 5ms;
    static constexpr std::chrono::microseconds eager = 200us;

    void set(std::chrono::microseconds interval) {
        if (interval == interval_) return;
        interval_ = interval;
        itimerspec spec{};
        spec.it_interval.tv_nsec = std::chrono::nanoseconds(interval).count();
        spec.it_value = spec.it_interval;
        timer_settime(timer_, 0, &spec, nullptr);
    }

    /// Makes the next KVM_RUN of this thread return as soon as it has looked at what is pending.
    void kick() { pthread_kill(pthread_self(), BlockedSignal::number()); }

    /// Takes signals that are pending.
    void eat() { signal_.eat(); }

    /// The mask for KVM_SET_SIGNAL_MASK: everything this thread blocks but our signal.
    [[nodiscard]] sigset_t run_mask() const { return signal_.mask_without(); }

  private:
    BlockedSignal signal_;
    timer_t timer_{};
    std::chrono::microseconds interval_{};
};

class SteppedRunner final : public Runner {
  public:
    explicit SteppedRunner(const Parts& parts) : Runner(parts) {
        for (const auto& slot : parts_.slots) slot->vcpu.set_signal_mask(ticker_.run_mask());
    }

    bool settle() override;
    void wait(const std::function<bool()>& enough) override;
    void rest() override {}
    bool reachable(const VcpuSlot&) const override { return true; }
    void prove_quiet(std::span<VcpuSlot* const> slots) override;
    void stop() override {}
    std::unique_lock<FairMutex> hold() override { return {}; }
    std::shared_ptr<void> pause(VcpuSlot*) override { return nullptr; }

  private:
    void prove_quiet(VcpuSlot& slot);
    bool run_to_rest(VcpuSlot& slot);
    bool poll_parked(VcpuSlot& slot);
    bool storms(VcpuSlot& slot);
    bool expired(VcpuSlot& slot, std::chrono::microseconds waited = poll_interval);
    event::Rest rest_at_exit(VcpuSlot& slot) const;

    Ticker ticker_;
    Watchdog watchdog_{parts_.config.watchdog};
};

bool is_parked(event::RestState state) {
    return state == event::RestState::halted || state == event::RestState::not_started ||
           state == event::RestState::wait_for_sipi;
}

bool SteppedRunner::settle() {
    watchdog_ = Watchdog(parts_.config.watchdog);
    for (const auto& slot : parts_.slots) {
        slot->records_in_step = 0;
        if (slot->rest.state == event::RestState::storming) slot->rest.state = event::RestState::idle;
    }
    bool storm = false;
    for (bool moved = true; moved && !failed_ && !storm;) {
        moved = false;
        for (const auto& slot : parts_.slots) {
            if (run_to_rest(*slot)) moved = true;
            if (failed_) break;
            storm = storm || slot->rest.state == event::RestState::storming;
        }
    }
    return !failed_;
}

/// Time only passes where a wait asks for it. The pauses keep the trace short; no conclusion rests on them.
void SteppedRunner::wait(const std::function<bool()>& enough) {
    const auto begin = parts_.recorder.now();
    const auto skipped_before = parts_.recorder.skipped();
    std::chrono::microseconds pause{20};
    while (!enough() && !failed_) {
        const auto skipped = parts_.recorder.skipped() - skipped_before;
        const auto real = parts_.recorder.now() - begin - skipped;
        if (std::max(skipped, real) >= parts_.config.watchdog) {
            // A wait that did not come to its end has not seen that nothing comes.
            if (skipped < parts_.config.watchdog && parts_.placement.virtual_time())
                fail(*parts_.slots.front(),
                     fmt::format("the bench gave up waiting: the guest has a timer of so short a period that "
                                 "{} us of virtual time took {} ms",
                                 skipped / 1us, real / 1ms));
            return;
        }
        if (!parts_.placement.pass_time(pause)) return;
        pause = std::min(pause * 2, std::chrono::microseconds{1000});
        settle();
    }
}

bool SteppedRunner::expired(VcpuSlot& slot, std::chrono::microseconds waited) {
    if (!watchdog_.expired(waited)) return false;
    fail(slot,
         watchdog_.starved()
             ? "host stalled: the vCPU's thread got no CPU time"
             : fmt::format("the vCPU did not come to rest within {} ms", parts_.config.watchdog.count()),
         watchdog_.starved());
    return true;
}

event::Rest SteppedRunner::rest_at_exit(VcpuSlot& slot) const {
    const std::uint32_t depth = slot.agent.depth();
    return {depth == 0 ? event::RestState::idle : event::RestState::in_handler,
            parts_.placement.interrupts_enabled(slot), depth, slot.agent.in_service()};
}

/// A vCPU that waits in the kernel: with a signal pending, KVM_RUN looks whether something wakes it and comes
/// back.
/// @returns whether it can execute now
bool SteppedRunner::poll_parked(VcpuSlot& slot) {
    parts_.placement.run_timers();
    if (!parts_.placement.before_run(slot)) return false;
    if (!parts_.placement.parked(slot)) return true;
    ticker_.kick();
    const kvm::RunResult result = slot.vcpu.run();
    ticker_.eat();
    // It was not waiting after all, and ran into an exit.
    if (result == kvm::RunResult::exited) {
        static_cast<void>(handle_exit(slot));
        return true;
    }
    return !parts_.placement.parked(slot).has_value();
}

bool SteppedRunner::storms(VcpuSlot& slot) {
    if (!over_budget(slot)) return false;
    parts_.recorder.add(Lane::guest, event::Storm{slot.records_in_step}, slot.index);
    record_rest(slot, {event::RestState::storming, false, slot.agent.depth(), slot.agent.in_service()});
    return true;
}

/// @returns whether it did anything at all
bool SteppedRunner::run_to_rest(VcpuSlot& slot) {
    bool moved = false;
    if (is_parked(slot.rest.state)) {
        if (!slot.agent.mailbox_empty()) {
            fail(slot, fmt::format("the vCPU is {} and cannot do this: {}",
                                   slot.rest.state == event::RestState::halted ? "halted" : "not started",
                                   slot.agent.unfinished() == nullptr ? "" : slot.agent.unfinished()->text));
            return true;
        }
        // One that waits by the agent's word alone is asked by running it.
        const bool waits_in_kernel = parts_.placement.parked(slot).has_value();
        if (waits_in_kernel && !poll_parked(slot)) {
            if (const auto state = parts_.placement.parked(slot); state && *state != slot.rest.state)
                record_rest(slot,
                            {*state, slot.rest.interrupts_enabled, slot.rest.depth, slot.rest.in_service});
            return false;
        }
        moved = waits_in_kernel;
    }
    Patience patience(slot.agent.may_halt() ? Ticker::eager : Ticker::usual);
    ticker_.set(patience.next());
    for (;;) {
        parts_.placement.run_timers();
        if (!parts_.placement.before_run(slot)) {
            event::Rest rest = rest_at_exit(slot);
            rest.state = parts_.placement.parked(slot).value_or(event::RestState::halted);
            record_rest(slot, rest);
            break;
        }
        const kvm::RunResult result = slot.vcpu.run();
        if (result != kvm::RunResult::exited) {
            ticker_.eat();
            moved = collect(slot) || moved;
            if (const auto state = parts_.placement.parked(slot)) {
                event::Rest rest = rest_at_exit(slot);
                rest.state = *state;
                record_rest(slot, rest);
                break;
            }
            // A storm need not make a single exit.
            if (storms(slot) || expired(slot, patience.last())) break;
            ticker_.set(patience.next());
            continue;
        }
        const AfterExit after = handle_exit(slot);
        if (collect(slot)) moved = true;
        if (after == AfterExit::stop || failed_ || storms(slot)) break;
        if (after == AfterExit::waiting) {
            event::Rest rest = rest_at_exit(slot);
            rest.state = event::RestState::halted;
            record_rest(slot, rest);
            break;
        }
        if (after == AfterExit::idle) {
            // A KVM that never delivers what the vCPU has must not keep it from coming to an end.
            if (!slot.agent.mailbox_empty() || parts_.placement.has_interrupt_for(slot)) {
                if (expired(slot)) break;
                continue;
            }
            record_rest(slot, rest_at_exit(slot));
            break;
        }
        moved = true;
        if (expired(slot)) break;
    }
    ticker_.set(Ticker::usual);
    return moved;
}

void SteppedRunner::prove_quiet(std::span<VcpuSlot* const> slots) {
    for (VcpuSlot* slot : slots) prove_quiet(*slot);
}

void SteppedRunner::prove_quiet(VcpuSlot& slot) {
    event::Quiet quiet{true, {}, std::nullopt};
    switch (slot.rest.state) {
        case event::RestState::not_started:
        case event::RestState::wait_for_sipi: break;
        case event::RestState::halted:
            quiet = {false, "the vCPU is halted: only an interrupt could prove it", std::nullopt};
            break;
        case event::RestState::storming: quiet = {false, "the vCPU is in a storm", std::nullopt}; break;
        case event::RestState::idle:
        case event::RestState::in_handler:
            if (!slot.rest.interrupts_enabled) {
                quiet = {false, "interrupts are disabled", std::nullopt};
            } else if (std::string armed = parts_.placement.timer_armed(); !armed.empty()) {
                quiet = {false, std::move(armed), std::nullopt};
            } else if (const std::uint32_t priority = parts_.placement.running_priority(slot);
                       priority != 0) {
                quiet.above = priority;
                quiet.above_words = parts_.placement.priority_in_words(priority);
            }
            break;
    }
    parts_.recorder.add(Lane::guest, quiet, slot.index);
}

}  // namespace

std::unique_ptr<Runner> make_stepped_runner(const Runner::Parts& parts) {
    return std::make_unique<SteppedRunner>(parts);
}

}  // namespace irqbench::vmm
