#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "vmm/arm64/gic_registers.hpp"
#include "vmm/arm64/line_memory.hpp"
#include "vmm/arm64/placement.hpp"
#include "vmm/kernel_irqfds.hpp"
#include "vmm/kvm/device.hpp"

namespace irqbench::vmm::arm64 {

/// Versions of the GIC that this host's KVM can make, best first: `v3`, `v2`.
[[nodiscard]] std::vector<std::string_view> gic_versions(const kvm::Vm& vm);

/// The `kernel` placement: a vGICv3, with an ITS if asked for, or a vGICv2 (KVM_CREATE_DEVICE; Linux,
/// Documentation/virt/kvm/devices/arm-vgic*.rst).
class KernelGic : public ArmPlacement, private RegisterFile {
  public:
    /// @throws std::invalid_argument for a GIC that this host's KVM does not have
    KernelGic(kvm::Vm& vm, kvm::GuestMemory& memory, const MachineConfig& config, Recorder& recorder);

    void create_controllers() override;
    void finish() override;
    void adopt(VcpuSlot& slot) override;
    /// With a GICv3 in the order that arm-vgic-v3.rst and arm-vgic-its.rst ask for: GICD_IIDR before any
    /// other register, redistributors before the ITS, GITS_CTLR last. A GICv2 has no lines that could be
    /// read: those that are high are driven again, and the pending bit of a level-sensitive interrupt whose
    /// line is high is taken to be that line. What was made pending by GICD_ISPENDR beside it is lost.
    [[nodiscard]] std::vector<StateAccess> state() override;
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;
    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    Outcome reset_controller(std::string_view controller) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return table_; }
    Outcome assign_irqfd(const IrqfdSpec& spec) override { return irqfds_.assign(spec); }
    Outcome deassign_irqfd(std::string_view name) override;
    void signal(std::string_view irqfd, std::uint64_t count) override;
    void concurrent(bool on) override;
    void close_descriptors() override {
        if (gic_) gic_->close_file();
        if (its_) its_->close_file();
    }
    void drain_irqfds() override { irqfds_.drain(); }
    [[nodiscard]] std::vector<event::Resampled> take_resampled() override;
    bool before_run(VcpuSlot&) override { return true; }
    [[nodiscard]] bool has_interrupt_for(VcpuSlot&) override { return false; }
    [[nodiscard]] std::uint32_t running_priority(VcpuSlot& slot) override;
    std::optional<Marker> send_marker(VcpuSlot& slot, std::uint32_t priority) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    [[nodiscard]] std::uint64_t cpu_interface() const override { return is_v3_ ? 0 : AGENT_GICC; }

  private:
    /// How KVM names a register.
    struct Attribute {
        std::uint32_t group;  ///< KVM_DEV_ARM_VGIC_GRP_*
        std::uint64_t number;
    };
    using Markers = std::map<std::uint32_t, std::uint32_t>;
    /// What several threads have been at, beside KVM_IRQ_LINE.
    struct Moved {
        std::set<std::uint32_t> gsis;  ///< of irqfds
        bool routes = false;
    };
    struct Redistributors;

    void initialise();

    [[nodiscard]] GicShape shape() const;
    [[nodiscard]] Attribute attribute_of(const GicRegister& where) const;
    // RegisterFile
    [[nodiscard]] std::uint64_t read_register(const GicRegister& where) const override;
    void write_register(const GicRegister& where, std::uint64_t value) override;
    /// Lines that are high, but those of timers.
    [[nodiscard]] std::set<std::uint32_t> high_lines();
    void set_lines(const std::set<std::uint32_t>& high);
    [[nodiscard]] std::vector<PendingTable> save_pending_tables();
    void write_tables(const std::vector<PendingTable>& tables);
    [[nodiscard]] ItsState save_its();
    void restore_its(const ItsState& its);
    /// GICv2: which of 32 INTIDs are pending for their line.
    [[nodiscard]] std::uint32_t pending_by_line(std::uint32_t vcpu, std::uint32_t first) const;
    [[nodiscard]] bool remembers_lines() const { return !is_v3_ && !concurrent_; }
    /// GICv2: notes a level of the SPIs of a GSI.
    /// @param of_late as a kick says it, which may have come before what has moved the line since
    void remember_gsi(std::uint32_t gsi, bool level, bool of_late = false);
    /// GICv2, for one of several threads: notes that an irqfd of the GSI is at work, or that routes change.
    void among_others(std::optional<std::uint32_t> gsi);
    /// GICv2: lines in doubt after several threads have moved them.
    void look_for_lines();
    void drive_again(const std::set<std::uint32_t>& lines);

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
    kvm::GuestMemory& memory_;
    std::optional<kvm::Device> gic_;
    std::optional<kvm::Device> its_;
    KernelIrqfds irqfds_;
    routing::RoutingTable table_;
    Markers marker_sgis_;  ///< vCPU -> the SGI that its markers are
    LineMemory lines_;     ///< of a GICv2
    bool concurrent_ = false;
    Moved moved_;
    std::mutex moved_mutex_;  ///< guards moved_
};

}  // namespace irqbench::vmm::arm64
