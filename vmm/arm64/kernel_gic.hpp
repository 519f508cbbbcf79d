#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "vmm/arm64/placement.hpp"
#include "vmm/kernel_irqfds.hpp"
#include "vmm/kvm/device.hpp"

namespace irqbench::vmm::arm64 {

/// Versions of the GIC that this host's KVM can make, best first: `v3`, `v2`.
[[nodiscard]] std::vector<std::string_view> gic_versions(const kvm::Vm& vm);

/// The `kernel` placement: a vGICv3, with an ITS if asked for, or a vGICv2 (KVM_CREATE_DEVICE; Linux,
/// Documentation/virt/kvm/devices/arm-vgic*.rst).
class KernelGic : public ArmPlacement {
  public:
    /// @throws std::invalid_argument for a GIC that this host's KVM does not have
    KernelGic(kvm::Vm& vm, const MachineConfig& config, Recorder& recorder);

    void create_controllers() override;
    void finish() override;
    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return table_; }
    Outcome assign_irqfd(const IrqfdSpec& spec) override { return irqfds_.assign(spec); }
    Outcome deassign_irqfd(std::string_view name) override { return irqfds_.deassign(name); }
    void signal(std::string_view irqfd, std::uint64_t count) override { irqfds_.signal(irqfd, count); }
    void concurrent(bool) override {}
    void drain_irqfds() override { irqfds_.drain(); }
    [[nodiscard]] std::vector<event::Resampled> take_resampled() override { return irqfds_.take_resampled(); }
    bool before_run(VcpuSlot&) override { return true; }
    [[nodiscard]] bool has_interrupt_for(VcpuSlot&) override { return false; }
    [[nodiscard]] std::uint32_t running_priority(VcpuSlot& slot) override;
    std::optional<Marker> send_marker(VcpuSlot& slot, std::uint32_t priority) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    [[nodiscard]] std::uint64_t cpu_interface() const override { return is_v3_ ? 0 : AGENT_GICC; }

  private:
    void set_address(kvm::Device& device, std::uint64_t type, std::uint64_t address);
    /// A register of the distributor.
    [[nodiscard]] std::uint32_t distributor(std::uint32_t offset) const;
    void set_distributor(std::uint32_t offset, std::uint32_t value);
    /// A register of the vCPU's redistributor, or banked one of a GICv2's distributor: what the distributor
    /// has for SPIs at `offset`.
    [[nodiscard]] std::uint32_t own_register(std::uint32_t vcpu, std::uint32_t offset) const;
    /// The word of a register with `bits` for each INTID that this one is in.
    [[nodiscard]] std::uint32_t bits_of(std::uint32_t vcpu, std::uint32_t intid, std::uint32_t offset,
                                        std::uint32_t bits) const;
    /// Of a GICv3: whether an SGI of the vCPU would be taken if it were enabled and urgent enough.
    [[nodiscard]] bool is_deliverable(std::uint32_t vcpu, std::uint32_t intid) const;
    [[nodiscard]] std::vector<NamedValue> interrupt_state(std::uint32_t vcpu, std::uint32_t intid) const;
    [[nodiscard]] std::uint64_t affinity(std::uint32_t vcpu) const;
    /// A register of the CPU interface: by its encoding on GICv3, by its offset on GICv2.
    [[nodiscard]] std::uint64_t cpu_register(std::uint32_t vcpu, std::uint32_t which) const;

    bool is_v3_;
    std::optional<kvm::Device> gic_;
    std::optional<kvm::Device> its_;
    KernelIrqfds irqfds_;
    routing::RoutingTable table_;
    std::map<std::uint32_t, std::uint32_t> marker_sgis_;  ///< vCPU -> the SGI that its markers are
};

}  // namespace irqbench::vmm::arm64
