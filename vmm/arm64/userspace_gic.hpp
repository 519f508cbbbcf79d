#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/arm64/gic_board.hpp"
#include "vmm/arm64/placement.hpp"
#include "vmm/fair_mutex.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/model/doorbells.hpp"
#include "vmm/model/irqfds.hpp"

namespace irqbench::vmm::arm64 {

/// Whether this host's KVM tells of its timers' outputs where it has no GIC (KVM_CAP_ARM_USER_IRQ, which
/// needs not be enabled).
[[nodiscard]] bool has_user_irqs(const kvm::Vm& vm);

/// The `userspace` placement: no GIC in the kernel; a GICv2 is our GicBoard. KVM has no system registers of a
/// GICv3 without its own, so that there can be no other.
///
/// The guest reaches it by MMIO exits. What its CPU interfaces signal goes to the IRQ and FIQ inputs of the
/// vCPUs by KVM_IRQ_LINE (type CPU), which any thread may call at any time: KVM gets the vCPU out of the
/// guest or out of WFI itself. The timers are KVM's: their outputs are in kvm_run after every KVM_RUN, which
/// comes back whenever one has changed (api.rst, KVM_CAP_ARM_USER_IRQ), and go to the PPIs they have with
/// KVM's own GIC. KVM keeps the host's timer quiet while the output is up; there is nothing to mask here.
///
/// Irqfds are served here. Ioeventfds are KVM's, but for those at an address of the GIC: KVM would take the
/// writes before they exit. Those never ring, since the GIC takes every write there, as KVM's own does.
class UserspaceGic final : public ArmPlacement, private model::Wires {
  public:
    /// @throws std::invalid_argument for a machine that no GICv2 can be in
    UserspaceGic(kvm::Vm& vm, const MachineConfig& config, Recorder& recorder);

    /// KVM has no GIC where none was made.
    void create_controllers() override {}
    void finish() override {}
    [[nodiscard]] std::vector<StateAccess> state() override;
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;

    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return board_.routes(); }
    Outcome assign_irqfd(const IrqfdSpec& spec) override;
    Outcome deassign_irqfd(std::string_view name) override;
    void signal(std::string_view irqfd, std::uint64_t count) override;
    /// Every call is served under one lock.
    void concurrent(bool on) override;
    /// A signal has arrived when signal() returns.
    void drain_irqfds() override {}
    [[nodiscard]] std::vector<event::Resampled> take_resampled() override;
    std::optional<Outcome> assign_ioeventfd(const IoeventfdSpec& spec) override;
    std::optional<Outcome> deassign_ioeventfd(std::string_view name) override;

    bool handle(VcpuSlot& slot, const kvm::Exit& exit) override;
    bool before_run(VcpuSlot& slot) override;
    [[nodiscard]] bool has_interrupt_for(VcpuSlot& slot) override;
    [[nodiscard]] std::uint32_t running_priority(VcpuSlot& slot) override;
    std::optional<Marker> send_marker(VcpuSlot& slot, std::uint32_t priority) override;
    [[nodiscard]] std::string registers(VcpuSlot& slot) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    [[nodiscard]] std::uint64_t cpu_interface() const override { return AGENT_GICC; }

  private:
    /// What KVM was last told of a vCPU's inputs.
    struct Inputs {
        bool irq = false;
        bool fiq = false;
    };

    struct Controllers;

    // model::Wires
    [[nodiscard]] bool watches_wires() const override { return !concurrent_; }
    void moved(std::optional<std::uint32_t> gsi, std::string text) override;
    void ended(routing::ListenerId listener) override { irqfds_->ended(listener); }

    void restore_timer_output(VcpuSlot& slot, const BoardState& saved);
    /// Brings the outputs of the vCPU's timers, as they were when it last came out of KVM_RUN, to its PPIs.
    void take_timers(const VcpuSlot& slot);
    /// Tells KVM which inputs of vCPUs have changed. After whatever may have changed one.
    void drive_inputs();
    void drive_input(const VcpuSlot& slot, std::uint32_t number, bool& driven, bool level);
    bool access(const VcpuSlot& slot, const kvm::MmioExit& mmio);

    GicBoard board_;
    std::unique_ptr<model::Irqfds> irqfds_;
    model::Doorbells doorbells_;  ///< at addresses of the GIC
    std::vector<Inputs> inputs_;
    std::map<std::uint32_t, std::uint32_t> marker_sgis_;  ///< vCPU -> the SGI that its markers are
    bool concurrent_ = false;
    /// Guards everything above: vCPU threads come with their exits, host threads with stimuli.
    FairMutex mutex_;
};

}  // namespace irqbench::vmm::arm64
