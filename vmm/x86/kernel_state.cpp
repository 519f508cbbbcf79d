#include <algorithm>
#include <array>
#include <set>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "routing/x86.hpp"
#include "vmm/kernel_routing.hpp"
#include "vmm/x86/kernel_irqchip.hpp"

// Saved state where the controllers are the kernel's. The kernel does not say who holds a line, or that a
// resampling irqfd does: that is ours to remember and to drive again.
namespace irqbench::vmm::x86 {

using routing::PinRoute;

std::vector<StateAccess> KernelLapicPlacement::vcpu_state() {
    return {sregs_state(),
            regs_state(),
            tsc_state(),
            of_vcpus<kvm_lapic_state>(
                "lapic", [](VcpuSlot& slot) { return slot.vcpu.lapic(); },
                [](VcpuSlot& slot, const kvm_lapic_state& lapic) { slot.vcpu.set_lapic(lapic); }),
            msrs_state(),
            of_vcpus<std::uint64_t>(
                "tsc_deadline", [](VcpuSlot& slot) { return slot.vcpu.msr(irqchip::x86::msr::tsc_deadline); },
                [](VcpuSlot& slot, const std::uint64_t& deadline) {
                    slot.vcpu.set_msr(irqchip::x86::msr::tsc_deadline, deadline);
                }),
            events_state(),
            of_vcpus<std::uint32_t>(
                "mp_state", [](VcpuSlot& slot) { return slot.vcpu.mp_state(); },
                [](VcpuSlot& slot, const std::uint32_t& state) { slot.vcpu.set_mp_state(state); })};
}

std::vector<StateAccess> KernelIrqchip::state() {
    using Pics = std::array<kvm_irqchip, 2>;
    std::vector<StateAccess> parts = vcpu_state();
    parts.push_back(state_access<routing::RoutingTable>(
        "routing", [this] { return table_; },
        [this](const routing::RoutingTable& table) {
            kvm::require(set_routing(table), "KVM_SET_GSI_ROUTING");
            table_ = table;
        }));
    parts.push_back(state_access<Pics>(
        "pic",
        [this] {
            return Pics{vm_.get_irqchip(KVM_IRQCHIP_PIC_MASTER), vm_.get_irqchip(KVM_IRQCHIP_PIC_SLAVE)};
        },
        [this](const Pics& pics) {
            for (const kvm_irqchip& pic : pics) vm_.set_irqchip(pic);
        }));
    parts.push_back(state_access<kvm_irqchip>(
        "ioapic", [this] { return vm_.get_irqchip(KVM_IRQCHIP_IOAPIC); },
        [this](const kvm_irqchip& ioapic) { vm_.set_irqchip(ioapic); }));
    if (config_.pit)
        parts.push_back(state_access<kvm_pit_state2>(
            "pit", [this] { return vm_.pit2(); }, [this](const kvm_pit_state2& pit) { vm_.set_pit2(pit); }));
    parts.push_back(state_access<HostLines::Pins>(
        "lines", [this] { return lines_.held(); },
        [this](const HostLines::Pins& pins) { drive_again(pins); }));
    parts.push_back(irqfds_.state([this](std::uint32_t gsi) { return drives_level(gsi); }));
    return parts;
}

void KernelIrqchip::concurrent(bool on) {
    concurrent_ = on;
    if (!on) lines_.settle(table_, pins());
}

/// The level that each pin has, whoever drives it: an 8259A keeps the one it saw last for its edge detection,
/// the IOAPIC has it in its IRR if the pin is level-triggered.
std::vector<HostLines::Pin> KernelIrqchip::pins() const {
    std::vector<HostLines::Pin> pins;
    const auto add = [&](const PinRoute& pin, std::optional<bool> high) {
        pins.push_back({pin, high, resampler_may_drive(pin)});
    };
    for (std::uint32_t irq = 0; irq < 16; ++irq) {
        const PinRoute pin = routing::x86::pic_route(irq);
        add(pin, (vm_.get_irqchip(irq / 8).chip.pic.last_irr >> pin.pin & 1) != 0);
    }
    const std::uint32_t irr = vm_.get_irqchip(KVM_IRQCHIP_IOAPIC).chip.ioapic.irr;
    for (std::uint32_t number = 0; number < KVM_IOAPIC_NUM_PINS; ++number) {
        const PinRoute pin{routing::x86::ioapic, number};
        add(pin, holds_level(pin) ? std::optional((irr >> number & 1) != 0) : std::nullopt);
    }
    return pins;
}

bool KernelIrqchip::resampler_may_drive(const PinRoute& pin) const {
    const auto entries = table_.entries();
    return std::any_of(entries.begin(), entries.end(), [&](const routing::Entry& entry) {
        return entry.route == routing::Route(pin) && irqfds_.resamples(entry.gsi);
    });
}

/// Whether driving the pin again does nothing but say who drives it. An 8259A remembers the level that its
/// edge detection saw, so that this holds for its edge-triggered pins too; the IOAPIC in the kernel does not.
bool KernelIrqchip::holds_level(const PinRoute& pin) const {
    if (pin.chip != routing::x86::ioapic) return true;
    if (pin.pin >= KVM_IOAPIC_NUM_PINS) return false;
    const irqchip::x86::RedirectionEntry entry{
        vm_.get_irqchip(KVM_IRQCHIP_IOAPIC).chip.ioapic.redirtbl[pin.pin].bits};
    return entry.get(entry.trigger) == irqchip::x86::Trigger::level;
}

bool KernelIrqchip::drives_level(std::uint32_t gsi) const {
    const auto routes = table_.routes(gsi);
    return !routes.empty() && std::all_of(routes.begin(), routes.end(), [this](const routing::Route& route) {
        const auto* pin = std::get_if<PinRoute>(&route);
        return pin != nullptr && holds_level(*pin);
    });
}

/// By a table of their own, since the GSI that raised a pin may lead elsewhere by now.
void KernelIrqchip::drive_again(const HostLines::Pins& pins) {
    lines_.restore(pins);
    routing::RoutingTable temporary;
    std::uint32_t gsi = 0;
    for (const PinRoute& pin : pins)
        if (holds_level(pin)) temporary.add(gsi++, pin);
    if (gsi == 0) return;
    kvm::require(set_routing(temporary), "KVM_SET_GSI_ROUTING");
    for (std::uint32_t each = 0; each < gsi; ++each) vm_.irq_line(each, true);
    kvm::require(set_routing(table_), "KVM_SET_GSI_ROUTING");
}

}  // namespace irqbench::vmm::x86
