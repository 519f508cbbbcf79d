#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "routing/table.hpp"
#include "vmm/kernel_trace_formats.hpp"
#include "vmm/kernel_version.hpp"
#include "vmm/state.hpp"
#include "vmm/trace.hpp"

namespace irqbench::vmm {

/// How vCPUs get to run, see docs/architecture.md.
enum class RunMode { stepped, free };

/// Where MachineConfig::memory begins, clear of the agents of 255 vCPUs.
inline constexpr std::uint64_t scenario_memory = 0x10000000;

/// What to build. Plain data from a scenario's head and the command line.
struct MachineConfig {
    std::string placement;                ///< irqchip mode: `kernel`, `split` ...
    std::string arch;                     ///< as a scenario's "arch" says it; the host's if empty
    std::vector<std::uint32_t> vcpu_ids;  ///< one vCPU per element; the element is its id (APIC id)
    std::uint32_t started = 0;  ///< vCPUs that run from the beginning, 0 for all; the rest wait for SIPI
    RunMode run = RunMode::stepped;
    std::uint64_t seed = 1;   ///< model, free-running: of the order in which things happen
    bool x2apic = false;      ///< x86: vCPUs start in x2APIC mode
    bool x2apic_ids = false;  ///< x86: KVM_CAP_X2APIC_API: 32-bit ids in routes and MSIs, no broadcast quirk
    bool eoi_suppression = false;  ///< x86, split: KVM keeps EOIs to itself that SVR bit 12 holds back
    /// x86, userspace and model: 15-bit ids in routes and MSIs (KVM cpuid.rst, KVM_FEATURE_MSI_EXT_DEST_ID)
    bool extended_ids = false;
    bool pit = false;                     ///< x86: an 8254; in the kernel where the other controllers are
    std::optional<bool> pit_reinject;     ///< x86: KVM_REINJECT_CONTROL
    std::uint32_t ioapic_version = 0x11;  ///< x86, where the IOAPIC is ours: 0x11 or 0x20
    std::string gic = {};                 ///< arm64: `v3` or `v2`; the newest the host has if empty
    bool its = false;                     ///< arm64: GICv3 with an ITS
    std::uint32_t spis = 64;              ///< arm64: SPIs the distributor has, a multiple of 32
    std::uint64_t memory = 0;             ///< bytes of scenario memory beside the agent's own, at most 1 GiB
    bool kernel_trace = false;            ///< the kernel's own events join the trace, if there are any
    std::uint64_t storm_budget = 2000;    ///< records one step may add before it is a storm
    std::chrono::milliseconds watchdog{10000};  ///< wall clock and CPU time one wait may take
};

/// One operation of the guest agent. The codes are the OP_* of vmm/guest/agent_abi.h.
struct GuestOp {
    std::uint32_t code = 0;
    std::uint32_t size = 4;
    std::uint64_t address = 0;
    std::uint64_t value = 0;
    bool observed = false;  ///< record its value as event::Observed
    std::string text;       ///< in words, for the timeline and for messages
    bool counted = false;  ///< whoever posts it counts it: no event of its own, unless it raises an exception
};

/// An interrupt file descriptor: KVM_IRQFD.
struct IrqfdSpec {
    std::string name;
    std::uint32_t gsi = 0;
    bool resample = false;
    std::string shares;       ///< uses the eventfd of this other irqfd
    bool via_kernel = false;  ///< split: bypass the IOAPIC model, as QEMU does
    bool other_vm = false;    ///< of another VM of this process, which exists for that alone
};

/// A doorbell: KVM_IOEVENTFD.
struct IoeventfdSpec {
    std::string name;
    std::uint64_t address = 0;
    bool port = false;  ///< `address` is a port, not guest physical memory
    std::uint32_t length = 4;
    std::optional<std::uint64_t> datamatch;
};

struct MsiMessage {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::optional<std::uint32_t> device_id;
};

/// How far a vCPU is with the operations it was given.
enum class GuestProgress { done, under_way, stopped };

/// How a vector reaches a vCPU without an interrupt controller: KVM_INTERRUPT or KVM_SET_VCPU_EVENTS.
enum class Injection { interrupt, vcpu_events };

/// A named register field or state word, as the chip's register table calls it.
struct NamedValue {
    std::string name;
    std::uint64_t value = 0;
};

/// A virtual machine that can be driven step by step. The small interface every machine has: it grows only
/// when a scenario verb needs it. Every call records what it did in the trace. Calls that a scenario may
/// expect to be refused return the outcome; all others throw std::system_error when the host fails them.
class Machine {
  public:
    virtual ~Machine() = default;

    /// KVM_IRQ_LINE, or KVM_IRQ_LINE_STATUS with `want_status` (the outcome's value is the status).
    virtual Outcome set_line(std::uint32_t gsi, bool level, bool want_status) = 0;
    /// KVM_SIGNAL_MSI.
    virtual Outcome msi(const MsiMessage& message) = 0;
    /// KVM_SET_GSI_ROUTING: replaces the whole table. routes() keeps the old one when it is refused.
    virtual Outcome route(const routing::RoutingTable& table) = 0;
    [[nodiscard]] virtual const routing::RoutingTable& routes() const = 0;

    virtual Outcome assign_irqfd(const IrqfdSpec& spec) = 0;
    virtual Outcome deassign_irqfd(std::string_view name) = 0;
    /// Writes `count` to the irqfd's eventfd, and sees to it that nothing is still under way when the machine
    /// rests.
    virtual void signal(std::string_view irqfd, std::uint64_t count) = 0;
    virtual Outcome assign_ioeventfd(const IoeventfdSpec& spec) = 0;
    virtual Outcome deassign_ioeventfd(std::string_view name) = 0;

    virtual Outcome nmi(std::uint32_t vcpu) = 0;
    virtual Outcome inject(std::uint32_t vcpu, std::uint32_t vector, Injection how) = 0;

    /// Puts a controller back to where it was when it was made, as its own interface has it. On arm64 `its`:
    /// KVM_DEV_ARM_ITS_CTRL_RESET. ENODEV where there is none that can be reset.
    virtual Outcome reset_controller(std::string_view /*controller*/) { return {0, ENODEV}; }

    /// Puts operations into the vCPU's mailbox; they are executed, in order, by the next settle().
    virtual void guest(std::uint32_t vcpu, std::span<const GuestOp> operations) = 0;
    /// What the handler of `vector` does: POLICY_* of vmm/guest/agent_abi.h. `lowers` is the GSI that
    /// POLICY_LOWER drops.
    virtual void handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                         std::optional<std::uint32_t> lowers) = 0;

    /// Stepped: runs the vCPUs in turn until a full round adds no record, then records where each rests.
    /// Free: waits until every posted operation is done. Also collects resamplefds and doorbells.
    /// @returns false if the run cannot go on (the reason is in the trace as Trouble or Fault)
    virtual bool settle() = 0;
    /// Lets time pass until `enough` or the watchdog ends it. Free: the vCPUs run, and their events are
    /// collected. Stepped: settles again and again, since at rest only the passage of time brings more; a
    /// machine on virtual time goes from deadline to deadline, and ends when there is none left.
    virtual void wait(const std::function<bool()>& enough) = 0;
    /// Records event::Quiet for each of the vCPUs: by the window at rest when stepped, by a marker interrupt
    /// when free.
    virtual void prove_quiet(const std::vector<std::uint32_t>& vcpus) = 0;

    /// Free-running only. After concurrent(true), set_line, msi, route, signal, for each irqfd by one of them
    /// assign_irqfd and deassign_irqfd, and by one close_descriptors, may be called by several host threads
    /// at once and record nothing but that close, since a trace has one writer: the caller records them all
    /// as one event. So may guest(), for each vCPU by one of them, with operations that are `counted`: it
    /// returns before they are done; progress() says when they are. wait() and settle() still belong to one
    /// thread. concurrent(false) ends it.
    /// @throws std::logic_error by a machine that cannot
    virtual void concurrent(bool on) {
        if (on) throw std::logic_error("this machine cannot be driven by several threads");
    }

    /// Between concurrent(true) and concurrent(false), by the thread that gives the vCPU operations: whether
    /// it has done all of them. `stopped` where it will not: it storms, or the run cannot go on.
    [[nodiscard]] virtual GuestProgress progress(std::uint32_t /*vcpu*/) { return GuestProgress::done; }

    /// Between concurrent(true) and concurrent(false), for a machine that decides in which order things
    /// happen: which of so many threads of the host acts next. All of them are the caller's one thread then.
    /// @returns nullopt if they are to be threads of the host, which meet as they like
    [[nodiscard]] virtual std::optional<std::size_t> next_thread(std::size_t /*threads*/) {
        return std::nullopt;
    }

    /// State of a controller by its register table's names: ("ioapic", pin), ("pic", 0 or 1), ("lapic", vCPU)
    /// ... Empty when there is no such controller.
    [[nodiscard]] virtual std::vector<NamedValue> inspect(std::string_view controller,
                                                          std::uint32_t index) = 0;

    /// The kernel's own events that this machine's trace has, and can have: with MachineConfig::kernel_trace,
    /// where a kernel has any of its controllers.
    [[nodiscard]] virtual KernelEvents kernel_events() const { return {"there is no KVM in this mode", {}}; }

    /// Why the state of this machine cannot be saved; empty if it can.
    [[nodiscard]] virtual std::string unsaved() const { return "this machine has no saved state yet"; }
    /// The state of everything: controllers, vCPUs, memory, routes, irqfds, and who holds a line. The machine
    /// goes on.
    /// @throws std::logic_error where unsaved() says why
    [[nodiscard]] virtual std::shared_ptr<const MachineState> save() { throw std::logic_error(unsaved()); }
    /// The same in a form that machines of other irqchip modes, and of other processes, can go on from: a
    /// PortableState.
    /// @throws std::logic_error where there is none
    [[nodiscard]] virtual std::shared_ptr<const MachineState> save_portable() {
        throw std::logic_error("the state of this machine has no form that others can restore");
    }
    /// Replaces the virtual machine by a new one that begins with this state. The trace goes on, and so does
    /// time.
    /// @throws std::invalid_argument for a state of another kind of machine, an unknown part, or a mode that
    /// cannot be reached from it
    virtual void restore(const MachineState& /*state*/, const RestoreOptions& /*options*/) {
        throw std::logic_error(unsaved());
    }

    /// Closes the virtual machine, as the end of its process does: the vCPUs stop where they are, and every
    /// descriptor is closed with irqfds assigned and interrupts under way, which other threads may go on
    /// signalling between concurrent(true) and concurrent(false). Only restore() brings a machine back; until
    /// then calls are answered with EBADF, and nothing happens.
    virtual void close_descriptors() { throw std::logic_error("this machine has no descriptors"); }
    [[nodiscard]] virtual bool is_closed() const { return false; }

    /// Lets everything under way arrive and collects it, so that nothing can come after the last step unseen.
    /// Stepped, nothing is under way at rest.
    virtual void finish() {}

    /// Ends the machine: stops every thread and closes the VM. What is still in flight is abandoned.
    virtual void close() = 0;
};

/// An irqchip mode whose controllers are all in our process: it offers more than the host's KVM does, or as
/// much where there is none, and has none of its faults.
struct OwnControllers {
    std::vector<std::string_view> capabilities;  ///< that do not depend on the host
    bool uses_kvm = true;                        ///< for its vCPUs
    /// Those of machines of one architecture, by its name.
    std::map<std::string, std::vector<std::string_view>, std::less<>> of_arch{};
};

/// What a host offers, by the names `requires` and `known` use: capabilities and probed traits.
/// For example `kvm`, `cap:split_irqchip`, `trait:lapic_eoi_at_delivery`.
struct Host {
    std::string arch;                     ///< as a scenario's "arch" says it
    std::string kernel;                   ///< release, as in uname
    KernelVersion kernel_version;         ///< the stable release it is; see running_kernel_version()
    std::vector<std::string> placements;  ///< that can be built here
    std::vector<std::string> traits;      ///< probed divergences of this host's KVM
    /// Those that not all machines have, by MachineConfig::gic.
    std::map<std::string, std::vector<std::string>, std::less<>> traits_of_gic{};
    std::vector<NamedValue> capabilities;  ///< KVM_CHECK_EXTENSION by lower-case name
    std::string unavailable;               ///< why there is no KVM, empty if there is
    bool is_of_lab = false;                ///< what is presumed of the lab's machines, before they are there
    std::string untraced = {};             ///< why its KVM's own events cannot be read, empty if they can
    std::map<std::string, OwnControllers, std::less<>> own;  ///< of those irqchip modes that have them

    /// Whether something can be done in an irqchip mode, by machines of that architecture.
    [[nodiscard]] bool offers(std::string_view placement, std::string_view capability,
                              std::string_view of_arch) const;
    /// Whether a fault of this host's KVM shows in an irqchip mode, on machines with that GIC.
    [[nodiscard]] bool has_trait(std::string_view placement, std::string_view trait,
                                 std::string_view gic = {}) const;
    /// Whether the irqchip mode has anything of this host's kernel.
    [[nodiscard]] bool uses_kvm(std::string_view placement) const;
};

}  // namespace irqbench::vmm
