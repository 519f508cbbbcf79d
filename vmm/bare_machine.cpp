#include "vmm/bare_machine.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "vmm/architecture.hpp"
#include "vmm/watchdog.hpp"

namespace irqbench::vmm {

struct BareMachine::Loop {
    explicit Loop(VcpuSlot& slot_) : slot(slot_) {}

    static constexpr std::uint32_t nothing = 0;
    static constexpr std::uint32_t end = ~std::uint32_t{0};

    VcpuSlot& slot;
    std::atomic<std::uint32_t> pending{nothing};  ///< a vector, or `end`
    std::atomic<std::uint32_t> raised{nothing};   ///< by architecture::BareInput
    std::atomic<bool> over{false};
    std::atomic<pid_t> id{0};
    std::exception_ptr error;
    std::thread thread;

    void post(std::uint32_t what) {
        const std::lock_guard lock(mutex_);
        pending = what;
        changed_.notify_one();
    }
    void await_post() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return pending != nothing; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

BareMachine::BareMachine(Parts parts) : parts_(std::move(parts)) { leave_mail(true); }

BareMachine::~BareMachine() {
    abandoned_ = true;
    end_loops();
    leave_mail(false);
}

/// What is posted is for a handler: neither the machine nor the agent may have it executed before. A WFI ends
/// whenever the host takes an interrupt, and HLT where the vCPU's thread is told to go on.
void BareMachine::leave_mail(bool on) {
    parts_.runner.leave_mail(on);
    for (const auto& each : parts_.slots) each->agent.set_word(BLOCK_LEAVES_MAIL, std::uint32_t{on});
}

std::uint32_t BareMachine::records(std::uint32_t vcpu) const { return slot(vcpu).agent.word(BLOCK_HEAD); }

// The counter is written in halves. As long as the upper one is that of an older record in the same place,
// the value comes before `before`, or is right.
std::optional<std::uint64_t> BareMachine::counter(std::uint32_t vcpu, std::uint32_t record,
                                                  std::uint64_t before) const {
    const std::uint32_t offset =
        BLOCK_LOG + ((record & (LOG_SLOTS - 1)) << LOG_SLOT_SHIFT) + std::uint32_t{RECORD_TSC};
    const auto value = slot(vcpu).agent.word<std::uint64_t>(offset);
    return value > before ? std::optional(value) : std::nullopt;
}

GuestClock BareMachine::clock(std::uint32_t vcpu) {
    const auto paused = parts_.runner.pause(&slot(vcpu));
    const auto held = parts_.runner.hold();
    GuestClock best = parts_.placement.clock(slot(vcpu));
    for (int again = 0; again < 10; ++again)
        if (const GuestClock clock = parts_.placement.clock(slot(vcpu)); clock.within < best.within)
            best = clock;
    return best;
}

bool BareMachine::post(std::uint32_t vcpu, const GuestOp& op) {
    const auto held = parts_.runner.hold();
    return slot(vcpu).agent.post(op);
}

void BareMachine::start() {
    paused_ = parts_.runner.pause(nullptr);
    collect();
    for (const auto& each : parts_.slots) loops_.push_back(std::make_unique<Loop>(*each));
    for (const auto& loop : loops_) loop->thread = std::thread([this, l = loop.get()] { run(*l); });
}

void BareMachine::stop() {
    end_loops();
    collect();
    auto loops = std::exchange(loops_, {});
    paused_.reset();
    for (const auto& loop : loops)
        if (loop->error) std::rethrow_exception(loop->error);
}

void BareMachine::end_loops() {
    for (const auto& loop : loops_) {
        if (!loop->thread.joinable()) continue;
        while (!loop->over) {
            loop->post(Loop::end);
            if (const pid_t id = loop->id; id != 0) kicker_.kick(loop->slot.vcpu, id);
            std::this_thread::sleep_for(poll_interval);
        }
        loop->thread.join();
        loop->slot.vcpu.set_immediate_exit(false);
    }
}

/// The yardstick. Exits are of no interest but HLT, which is one where the local APIC is not the kernel's:
/// then the thread waits as the kernel does otherwise; and what the guest asks where the GIC is not.
void BareMachine::run(Loop& loop) {
    kvm::Vcpu& vcpu = loop.slot.vcpu;
    const auto answer = architecture::bare_input().answer;
    bool halted = false;  // and waits for what is pending
    bool exits_at_halt = false;
    loop.id = static_cast<pid_t>(syscall(SYS_gettid));
    try {
        for (;;) {
            const std::uint32_t pending = loop.pending;
            // The machine believes that a vCPU waits that it has left waiting.
            if (pending == Loop::end && (halted || !exits_at_halt || abandoned_)) break;
            if (pending == Loop::nothing && halted) {
                loop.await_post();
                continue;
            }
            if (pending != Loop::nothing && pending != Loop::end) {
                const bool takes_it = vcpu.ready_for_interrupt_injection();
                vcpu.set_request_interrupt_window(!takes_it);
                if (takes_it) {
                    kvm::require(vcpu.try_interrupt(pending), "KVM_INTERRUPT");
                    halted = false;
                    loop.pending = Loop::nothing;
                }
            }
            if (vcpu.run() == kvm::RunResult::exited) {
                halted = std::holds_alternative<kvm::HltExit>(vcpu.exit());
                exits_at_halt = exits_at_halt || halted;
                if (const std::uint32_t raised = loop.raised; raised != Loop::nothing)
                    answer(parts_.vm, vcpu.id(), vcpu.exit(), raised);
            } else
                vcpu.set_immediate_exit(false);
        }
    } catch (...) {
        loop.error = std::current_exception();
    }
    vcpu.set_request_interrupt_window(false);
    loop.over = true;
}

void BareMachine::interrupt(std::uint32_t vcpu, std::uint32_t vector) {
    Loop& loop = *loops_.at(vcpu);
    if (const auto raise = architecture::bare_input().raise) {
        loop.raised = vector;
        return raise(parts_.vm, loop.slot.vcpu.id());
    }
    // As the machine does, which does not ask either whether the thread waits.
    loop.post(vector);
    if (const pid_t id = loop.id; id != 0) kicker_.kick(loop.slot.vcpu, id);
}

void BareMachine::collect() {
    for (const auto& each : parts_.slots) {
        records_.clear();
        each->agent.take_records(records_);
        static_cast<void>(each->agent.take_finished());
    }
}

}  // namespace irqbench::vmm
