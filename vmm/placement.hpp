#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "vmm/guest/agent.hpp"
#include "vmm/kvm/eventfd.hpp"
#include "vmm/kvm/irqfd.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/machine.hpp"
#include "vmm/portable_state.hpp"
#include "vmm/state.hpp"

namespace irqbench::vmm {

/// Converts the guest's counter to the machine's time.
struct GuestClock {
    std::uint64_t counter = 0;
    std::chrono::nanoseconds at{};
    double ns_per_tick = 1.0;
    std::chrono::nanoseconds within{};  ///< it was read in so long a time, which ended at `at`

    /// The guest may write anything to its counter: a time is never more than about 11 days away.
    [[nodiscard]] std::chrono::nanoseconds time_of(std::uint64_t value) const {
        constexpr double most = 1e15;
        const auto ticks = static_cast<double>(static_cast<std::int64_t>(value - counter));
        return at + std::chrono::nanoseconds{
                        static_cast<std::int64_t>(std::clamp(ticks * ns_per_tick, -most, most))};
    }

    /// The same of something that happened between these two times of the host. A counter that says it comes
    /// later runs faster than KVM takes it to, as happens where the host's own is emulated: it is set right.
    std::chrono::nanoseconds time_between(std::uint64_t value, std::chrono::nanoseconds not_before,
                                          std::chrono::nanoseconds not_after) {
        const auto time = time_of(value);
        if (time > not_after) at -= time - not_after;
        return std::clamp(time, not_before, std::max(not_before, not_after));
    }
};

/// An interrupt that the host sends to prove that none is left before it. Not recorded.
struct Marker {
    std::uint32_t vector;
    std::uint8_t former_policy;  ///< of the vector's handler
};

/// One vCPU, the agent's block that belongs to it, and where it was last seen.
struct VcpuSlot {
    VcpuSlot(kvm::Vm& vm, std::uint32_t index_, std::uint32_t id, kvm::GuestMemory& memory)
        : index(index_), vcpu(vm, id), agent(memory, index_) {}

    std::uint32_t index;
    kvm::Vcpu vcpu;
    guest::Agent agent;
    GuestClock clock;
    std::map<std::uint32_t, std::uint32_t> lowers;  ///< vector -> GSI its handler's device drops
    std::vector<guest::Record> records;             ///< scratch for the log
    std::chrono::nanoseconds records_since{};       ///< when those before it were taken from the log
    std::chrono::nanoseconds records_until{};       ///< and these
    event::Rest rest{event::RestState::idle, true, 0, 0};
    std::optional<Marker> marker;  ///< free-running: the one under way
    std::uint64_t records_in_step = 0;
};

/// A part that every vCPU of `slots` has, by index. The vector may grow until it is saved or restored.
template <class T>
StateAccess vcpu_part(std::string_view name, const std::vector<VcpuSlot*>& slots,
                      std::function<T(VcpuSlot&)> save, std::function<void(VcpuSlot&, const T&)> restore) {
    return state_access<std::vector<T>>(
        name,
        [&slots, save = std::move(save)] {
            std::vector<T> values;
            for (VcpuSlot* slot : slots) values.push_back(save(*slot));
            return values;
        },
        [&slots, restore = std::move(restore)](const std::vector<T>& values) {
            for (VcpuSlot* slot : slots) restore(*slot, values.at(slot->index));
        });
}

/// What the agent said by an exit: AGENT_EXIT_* of agent_abi.h.
enum class AgentExit : std::uint8_t {
    idle = AGENT_EXIT_IDLE,
    log_full = AGENT_EXIT_LOG_FULL,
    fault = AGENT_EXIT_FAULT,
    lower = AGENT_EXIT_LOWER,
    waiting = AGENT_EXIT_WAITING,
};

/// Where the interrupt controllers of a KVM machine are: in the kernel, in our process, or some of each; and
/// what its architecture makes of vCPUs. The machine above it knows neither.
class Placement {
  public:
    virtual ~Placement() = default;

    /// Before the first vCPU.
    virtual void create_controllers() = 0;
    /// Gives the vCPU its first state: at the agent's entry if `running`, otherwise waiting to be started.
    virtual void start(VcpuSlot& slot, bool running) = 0;
    /// After the last vCPU: the initial masks and routes.
    virtual void finish() = 0;

    /// In place of start(): the vCPU's state is going to be restored.
    virtual void adopt(VcpuSlot&) {}
    /// The parts of the state, in the order in which they are restored unless somebody wants another one.
    /// None where saving is not supported. To be called with every access of the vCPUs completed.
    [[nodiscard]] virtual std::vector<StateAccess> state() { return {}; }
    /// In place of finish(), when the parts have been restored.
    virtual void resume() {}
    /// Whether the two below can be called, in place of saving and restoring the parts.
    [[nodiscard]] virtual bool is_portable() const { return false; }
    /// Adds what is not the machine's own, routes and irqfds included.
    virtual void save(PortableState& /*state*/) {}
    /// The handlers that do something else than the usual.
    [[nodiscard]] std::vector<PortableState::Handler> handlers(const VcpuSlot& slot) const;
    /// What the handler of a vector does unless a scenario says otherwise.
    [[nodiscard]] virtual std::uint8_t usual_policy(std::uint32_t vector) const = 0;
    /// @param state that unfit() has nothing against
    /// @throws std::system_error if the kernel refuses it, std::invalid_argument if this placement cannot
    virtual void restore(const PortableState& /*state*/) {}

    /// Closes the descriptors that hold the VM besides its own and the vCPUs'. Nothing but destruction and
    /// concurrent calls that are under way may follow.
    virtual void close_descriptors() {}

    virtual Outcome set_line(std::uint32_t gsi, bool level, bool want_status) = 0;
    virtual Outcome msi(const MsiMessage& message) = 0;
    virtual Outcome route(const routing::RoutingTable& table) = 0;
    [[nodiscard]] virtual const routing::RoutingTable& routes() const = 0;

    virtual Outcome assign_irqfd(const IrqfdSpec& spec) = 0;
    /// ENOENT in our own words if there is none of this name.
    virtual Outcome deassign_irqfd(std::string_view name) = 0;
    virtual void signal(std::string_view irqfd, std::uint64_t count) = 0;
    /// While on, set_line, msi, route and signal may be called by several threads at once: those that the
    /// kernel alone serves without a lock, so that they really meet there. route by one thread only.
    virtual void concurrent(bool on) = 0;
    /// Sees to it that no signalled irqfd is still under way to the controllers.
    virtual void drain_irqfds() = 0;
    /// Kicks of resamplefds since the last call.
    [[nodiscard]] virtual std::vector<event::Resampled> take_resampled() = 0;

    /// Ioeventfds that KVM must not be given, since it would take the writes to a controller in our process:
    /// what came of it, or nothing where it is KVM's.
    virtual std::optional<Outcome> assign_ioeventfd(const IoeventfdSpec&) { return std::nullopt; }
    virtual std::optional<Outcome> deassign_ioeventfd(std::string_view /*name*/) { return std::nullopt; }
    /// How often they were signalled since the last call.
    [[nodiscard]] virtual std::vector<event::DoorbellRung> take_rung() { return {}; }

    /// See Machine. To be called with no vCPU running.
    virtual Outcome reset_controller(std::string_view /*controller*/) { return {0, ENODEV}; }

    virtual Outcome nmi(VcpuSlot& slot) = 0;
    virtual Outcome inject(VcpuSlot& slot, std::uint32_t vector, Injection how) = 0;

    /// The agent's word, if this exit is one.
    [[nodiscard]] virtual std::optional<AgentExit> agent_exit(const kvm::Exit& exit) const = 0;
    /// Handles an exit that concerns a controller or a device.
    /// @returns false if nothing here knows it
    virtual bool handle(VcpuSlot& slot, const kvm::Exit& exit) = 0;
    /// Whom to tell that a vCPU has to come out of KVM_RUN for before_run(), while others may be inside it.
    void on_wake(std::function<void(VcpuSlot&)> wake) {
        const std::lock_guard lock(wake_mutex_);
        wake_ = std::move(wake);
    }
    /// The guest has written down that it took an interrupt of this vector.
    virtual void taken(VcpuSlot&, std::uint32_t /*vector*/) {}
    /// The vector of an EOI whose exit this host's KVM keeps until the next entry of the guest, also if that
    /// sleeps. Each is returned once; on a host without that fault there are none.
    [[nodiscard]] virtual std::optional<std::uint32_t> take_owed_exit(VcpuSlot&) { return std::nullopt; }
    /// Does what the timers of controllers in our process have due.
    virtual void run_timers() {}
    /// Stepped: whether pass_time() has time pass at once, to the next deadline.
    [[nodiscard]] virtual bool virtual_time() const { return false; }
    /// Stepped: lets time pass while every vCPU is at rest, so that timers can expire.
    /// @param real_time to sleep where timers run on real time; on virtual time the next deadline comes
    /// @returns false if no passage of time can change anything
    virtual bool pass_time(std::chrono::microseconds real_time) {
        std::this_thread::sleep_for(real_time);
        return true;
    }
    /// Why interrupts may still come by a timer of a controller in our process; empty if none is armed.
    [[nodiscard]] virtual std::string timer_armed() { return {}; }
    /// Called before every entry of the guest, perhaps more than once: does what the controllers in our
    /// process ask of this vCPU, and injects what they have for it.
    /// @returns false if it must not be entered, since it waits (see parked()) where the kernel knows nothing
    /// of it; on_wake() tells when to ask again
    [[nodiscard]] virtual bool before_run(VcpuSlot& slot) = 0;
    /// Whether before_run() would inject something now, so that the vCPU cannot be at rest.
    [[nodiscard]] virtual bool has_interrupt_for(VcpuSlot& slot) = 0;

    /// Where a vCPU that is not executing stands: halted, waiting for SIPI; nullopt if it can execute.
    [[nodiscard]] virtual std::optional<event::RestState> parked(VcpuSlot& slot) = 0;
    /// Whether a vCPU that executes, or waits for an interrupt, takes those that come.
    [[nodiscard]] virtual bool interrupts_enabled(VcpuSlot& slot) = 0;
    /// Makes a halted vCPU execute again, as no interrupt would.
    virtual void unpark(VcpuSlot& slot) = 0;
    /// The priority that an interrupt must exceed to be taken, on a scale of the architecture's own on which
    /// more urgent is greater; 0 when every one is taken.
    [[nodiscard]] virtual std::uint32_t running_priority(VcpuSlot& slot) = 0;
    /// Such a priority as the manuals have it: the greatest that is held back.
    [[nodiscard]] virtual std::string priority_in_words(std::uint32_t priority) const = 0;
    /// Sends an interrupt just above `priority` whose vector nothing else uses; its handler EOIs and returns.
    /// @returns nullopt if none could be taken by this vCPU: its controller is disabled, or nothing is above
    virtual std::optional<Marker> send_marker(VcpuSlot& slot, std::uint32_t priority) = 0;
    [[nodiscard]] virtual GuestClock clock(VcpuSlot& slot) = 0;
    /// The vCPU's registers, for the report of a run that cannot go on.
    [[nodiscard]] virtual std::string registers(VcpuSlot& slot) = 0;

    [[nodiscard]] virtual std::vector<NamedValue> inspect(std::string_view controller,
                                                          std::uint32_t index) = 0;

  protected:
    void wake(VcpuSlot& slot) const {
        const std::lock_guard lock(wake_mutex_);
        if (wake_) wake_(slot);
    }

  private:
    mutable std::mutex wake_mutex_;
    std::function<void(VcpuSlot&)> wake_;
};

}  // namespace irqbench::vmm
