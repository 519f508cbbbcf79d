#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "vmm/kernel_irqfds.hpp"
#include "vmm/x86/placement.hpp"

namespace irqbench::vmm::x86 {

/// What the x86 placements with a LAPIC in the kernel have in common.
class KernelLapicPlacement : public X86Placement {
  public:
    KernelLapicPlacement(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                         Recorder& recorder);

    void start(VcpuSlot& slot, bool running) override;
    Outcome msi(const MsiMessage& message) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return table_; }
    Outcome nmi(VcpuSlot& slot) override;
    [[nodiscard]] std::optional<event::RestState> parked(VcpuSlot& slot) override;
    void unpark(VcpuSlot& slot) override;
    [[nodiscard]] std::uint32_t running_priority(VcpuSlot& slot) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    /// The parts of vCPUs with a LAPIC in the kernel, in an order in which each finds what it depends on: a
    /// LAPIC's mode is in sregs; a TSC deadline needs the counter, and a timer in that mode.
    [[nodiscard]] std::vector<StateAccess> vcpu_state();

    /// The vCPUs with their local APICs, as portable state.
    void save_cpus(PortableState& state);
    void restore_cpus(const PortableState& state);

    [[nodiscard]] MarkerConditions marker_conditions(VcpuSlot& slot) override;
    /// KVM_SET_GSI_ROUTING with the entries of `table`.
    [[nodiscard]] Outcome set_routing(const routing::RoutingTable& table);

    KernelIrqfds irqfds_;
    routing::RoutingTable table_;
};

/// The fields of `state` by the names of irqchip/x86/lapic_registers.hpp.
std::vector<NamedValue> lapic_fields(const kvm_lapic_state& state);

}  // namespace irqbench::vmm::x86
