#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/bare_machine.hpp"
#include "vmm/kernel_trace.hpp"
#include "vmm/kvm/ioeventfd.hpp"
#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/memory_slots.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"
#include "vmm/runner.hpp"

namespace irqbench::vmm {

/// A virtual machine on KVM: one placement of the controllers, the vCPUs with their agents, and a way to run
/// them.
class KvmMachine final : public Machine {
  public:
    /// @throws std::system_error when the host refuses to build it; std::invalid_argument for an unknown
    /// placement
    KvmMachine(const MachineConfig& config, Trace& trace);
    ~KvmMachine() override;

    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return placement_->routes(); }
    Outcome assign_irqfd(const IrqfdSpec& spec) override;
    Outcome deassign_irqfd(std::string_view name) override;
    void signal(std::string_view irqfd, std::uint64_t count) override;
    Outcome assign_ioeventfd(const IoeventfdSpec& spec) override;
    Outcome deassign_ioeventfd(std::string_view name) override;
    Outcome reset_controller(std::string_view controller) override;
    Outcome nmi(std::uint32_t vcpu) override;
    Outcome inject(std::uint32_t vcpu, std::uint32_t vector, Injection how) override;
    void guest(std::uint32_t vcpu, std::span<const GuestOp> operations) override;
    void handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                 std::optional<std::uint32_t> lowers) override;
    bool settle() override;
    void wait(const std::function<bool()>& enough) override;
    void prove_quiet(const std::vector<std::uint32_t>& vcpus) override;
    void concurrent(bool on) override;
    GuestProgress progress(std::uint32_t vcpu) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;
    [[nodiscard]] KernelEvents kernel_events() const override;
    [[nodiscard]] std::string unsaved() const override;
    [[nodiscard]] std::shared_ptr<const MachineState> save() override;
    [[nodiscard]] std::shared_ptr<const MachineState> save_portable() override;
    void restore(const MachineState& state, const RestoreOptions& options) override;
    void close_descriptors() override;
    [[nodiscard]] bool is_closed() const override { return closed_; }
    void finish() override;
    void close() override;

    /// For measurements: only of a free-running machine.
    [[nodiscard]] std::unique_ptr<BareMachine> bare();

  private:
    struct NamedDoorbell {
        std::string name;
        std::unique_ptr<kvm::EventFd> event;
        kvm::Doorbell doorbell;
        std::optional<kvm::Ioeventfd> ioeventfd;  ///< none once it is deassigned
    };

    struct State;

    /// So that a state can be saved: every vCPU is between two instructions, and nothing is under way.
    void halt_for_save();
    /// In place of the virtual machine, one with vCPUs that wait for a state.
    void begin_anew();
    void restore(const PortableState& state, const RestoreOptions& options);
    Outcome make_ioeventfd(const IoeventfdSpec& spec);
    Outcome end_ioeventfd(std::string_view name);
    void restore_ioeventfd(const SavedIoeventfd& saved);
    /// What a restore ends with.
    void take_up();

    void build();
    /// VM, controllers and vCPUs, none of which has begun.
    void create();
    void begin();
    /// Stopped by save(), it begins anew.
    [[nodiscard]] Runner& runner();
    /// Everything that belongs to the VM, and it.
    void discard();
    /// Stepped or not, no vCPU is inside of an access afterwards.
    void complete_accesses();
    /// Keeps vCPU threads out of the controllers; not while several host threads are to meet there.
    [[nodiscard]] std::unique_lock<FairMutex> hold();
    bool await_progress(std::uint32_t vcpu);
    void drain_irqfds();
    void injecting();
    void collect_eventfds();
    void collect_kernel_events();
    /// Collects everything and moves it into the trace.
    void flush();
    /// Makes a call that may be refused, and records it ahead of what it causes.
    template <class Make>
    Outcome call(std::string name, std::string arguments, std::optional<std::uint32_t> gsi, Make make);

    // In this order: what is destroyed first belongs to what is destroyed later.
    MachineConfig config_;
    Trace& trace_;
    Recorder recorder_;
    std::shared_ptr<KernelTrace> kernel_trace_;  ///< null where it is not wanted, or not to be had
    kvm::System system_;
    kvm::GuestMemory memory_;
    std::unique_ptr<kvm::Vm> vm_;
    std::unique_ptr<kvm::MemorySlots> memory_slots_;
    std::unique_ptr<Placement> placement_;
    std::vector<std::unique_ptr<VcpuSlot>> slots_;
    std::vector<NamedDoorbell> doorbells_;
    std::unique_ptr<Runner> runner_;
    bool concurrent_ = false;              ///< set and cleared while there is one thread only
    std::atomic<bool> closed_{false};      ///< until there is a new virtual machine
    std::shared_ptr<void> stopped_vcpus_;  ///< while it is closed
    bool signalled_ = false;               ///< an irqfd, and what that caused may be on its way still
};

}  // namespace irqbench::vmm
