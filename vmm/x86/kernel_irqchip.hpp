#pragma once

#include "vmm/host_lines.hpp"
#include "vmm/x86/kernel_lapic.hpp"

namespace irqbench::vmm::x86 {

/// The `kernel` placement: PIC, IOAPIC, LAPICs and, if asked for, a PIT, all in the kernel
/// (KVM_CREATE_IRQCHIP).
class KernelIrqchip : public KernelLapicPlacement {
  public:
    using KernelLapicPlacement::KernelLapicPlacement;

    void create_controllers() override;
    void finish() override;
    [[nodiscard]] std::vector<StateAccess> state() override;
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;
    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome route(const routing::RoutingTable& table) override;
    Outcome assign_irqfd(const IrqfdSpec& spec) override { return irqfds_.assign(spec); }
    Outcome deassign_irqfd(std::string_view name) override { return irqfds_.deassign(name).outcome; }
    void signal(std::string_view irqfd, std::uint64_t count) override { irqfds_.signal(irqfd, count); }
    void concurrent(bool on) override;
    void drain_irqfds() override { irqfds_.drain(); }
    [[nodiscard]] std::vector<event::Resampled> take_resampled() override { return irqfds_.take_resampled(); }
    bool before_run(VcpuSlot&) override { return true; }
    [[nodiscard]] bool has_interrupt_for(VcpuSlot&) override { return false; }
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  private:
    using Pins = HeldPins::Pins;

    void drive_again(const Pins& pins);
    void hold_again(const Pins& pins);
    /// Those of `pins` that hold their level, each with a GSI of its own, from 0.
    [[nodiscard]] routing::RoutingTable table_of(const Pins& pins) const;
    [[nodiscard]] const Pins& resampled();
    [[nodiscard]] std::vector<HeldPins::Pin> pins() const;
    [[nodiscard]] bool resampler_may_drive(const routing::PinRoute& pin) const;
    [[nodiscard]] bool holds_level(const routing::PinRoute& pin) const;

    HostLines lines_;
    ResampledLines resampled_;
    bool concurrent_ = false;
};

}  // namespace irqbench::vmm::x86
