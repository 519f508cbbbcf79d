#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/kernel_irqfds.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"

namespace irqbench::vmm::x86 {

/// What the x86 placements with a LAPIC in the kernel have in common.
class KernelLapicPlacement : public Placement {
  public:
    KernelLapicPlacement(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                         Recorder& recorder);

    void start(VcpuSlot& slot, bool running) override;
    Outcome msi(const MsiMessage& message) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return table_; }
    Outcome nmi(VcpuSlot& slot) override;
    Outcome inject(VcpuSlot& slot, std::uint32_t vector, Injection how) override;
    [[nodiscard]] std::optional<AgentExit> agent_exit(const kvm::Exit& exit) const override;
    bool handle(VcpuSlot& slot, const kvm::Exit& exit) override;
    [[nodiscard]] std::optional<event::RestState> parked(VcpuSlot& slot) override;
    void unpark(VcpuSlot& slot) override;
    [[nodiscard]] std::uint32_t running_priority(VcpuSlot& slot) override;
    std::optional<Marker> send_marker(VcpuSlot& slot, std::uint32_t priority) override;
    [[nodiscard]] GuestClock clock(VcpuSlot& slot) override;
    [[nodiscard]] std::string registers(VcpuSlot& slot) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    /// KVM_SET_GSI_ROUTING with the entries of `table`.
    [[nodiscard]] Outcome set_routing(const routing::RoutingTable& table);

    kvm::Vm& vm_;
    const MachineConfig& config_;
    Recorder& recorder_;
    KernelIrqfds irqfds_;
    routing::RoutingTable table_;
    std::vector<VcpuSlot*> slots_;

  private:
    const std::vector<kvm_cpuid_entry2>& cpuid_;
};

/// The fields of `state` by the names of irqchip/x86/lapic_registers.hpp.
std::vector<NamedValue> lapic_fields(const kvm_lapic_state& state);

}  // namespace irqbench::vmm::x86
