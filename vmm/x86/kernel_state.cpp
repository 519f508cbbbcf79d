#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <utility>
#include <vector>

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
    /// With the pins that they hold.
    using Irqfds = std::pair<std::vector<KernelIrqfds::Binding>, Pins>;
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
    parts.push_back(state_access<Pins>(
        "lines", [this] { return lines_.held(); }, [this](const Pins& pins) { drive_again(pins); }));
    parts.push_back(state_access<Irqfds>(
        "irqfds",
        [this] {
            return Irqfds{irqfds_.save(), resampled()};
        },
        [this](const Irqfds& saved) {
            hold_again(saved.second);
            irqfds_.restore(saved.first);
        }));
    return parts;
}

void KernelIrqchip::concurrent(bool on) {
    concurrent_ = on;
    if (!on) lines_.settle(table_, pins());
}

/// The level that each pin has, whoever drives it: an 8259A keeps the one it saw last for its edge detection,
/// the IOAPIC has it in its IRR if the pin is level-triggered.
std::vector<HeldPins::Pin> KernelIrqchip::pins() const {
    std::vector<HeldPins::Pin> pins;
    const auto add = [&](const PinRoute& pin, std::optional<bool> high) {
        pins.push_back({pin, high, resampler_may_drive(pin)});
    };
    for (std::uint32_t irq = 0; irq < 16; ++irq) {
        const PinRoute pin = routing::x86::pic_route(irq);
        // Where the slave is connected, the level is the slave's.
        constexpr std::uint32_t cascade = 2;
        const bool high = (vm_.get_irqchip(irq / 8).chip.pic.last_irr >> pin.pin & 1) != 0;
        add(pin, irq == cascade ? std::nullopt : std::optional(high));
    }
    const std::uint32_t irr = vm_.get_irqchip(KVM_IRQCHIP_IOAPIC).chip.ioapic.irr;
    for (std::uint32_t number = 0; number < KVM_IOAPIC_NUM_PINS; ++number) {
        const PinRoute pin{routing::x86::ioapic, number};
        add(pin, holds_level(pin) ? std::optional((irr >> number & 1) != 0) : std::nullopt);
    }
    return pins;
}

bool KernelIrqchip::resampler_may_drive(const PinRoute& pin) const {
    if (resampled_.holds(pin)) return true;
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

const HeldPins::Pins& KernelIrqchip::resampled() {
    resampled_.settle(pins(), lines_);
    return resampled_.held();
}

routing::RoutingTable KernelIrqchip::table_of(const Pins& pins) const {
    routing::RoutingTable table;
    std::uint32_t gsi = 0;
    for (const PinRoute& pin : pins)
        if (holds_level(pin)) table.add(gsi++, pin);
    return table;
}

/// By a table of their own, since the GSI that raised a pin may lead elsewhere by now.
void KernelIrqchip::drive_again(const Pins& pins) {
    lines_.restore(pins);
    const routing::RoutingTable temporary = table_of(pins);
    if (temporary.empty()) return;
    kvm::require(set_routing(temporary), "KVM_SET_GSI_ROUTING");
    for (const auto& [gsi, routes] : temporary.by_gsi()) vm_.irq_line(gsi, true);
    kvm::require(set_routing(table_), "KVM_SET_GSI_ROUTING");
}

/// The same for resamplers: only a resampling irqfd drives a line as one, and the last of a GSI lowers it by
/// the routes that the GSI has when it goes. So the last one here goes when there are none.
void KernelIrqchip::hold_again(const Pins& pins) {
    resampled_.restore(pins);
    const routing::RoutingTable temporary = table_of(pins);
    if (temporary.empty()) return;
    kvm::require(set_routing(temporary), "KVM_SET_GSI_ROUTING");
    std::deque<kvm::EventFd> eventfds;  // which stay where they are
    std::vector<kvm::Irqfd> last;
    for (const auto& [gsi, routes] : temporary.by_gsi()) {
        const auto irqfd = [&eventfds, this, number = gsi] {
            const kvm::EventFd& resample = eventfds.emplace_back();
            return kvm::Irqfd(vm_, eventfds.emplace_back(), number, &resample);
        };
        last.push_back(irqfd());
        kvm::Irqfd first = irqfd();
        eventfds.back().signal();
        // This waits until it is injected.
        kvm::require(first.try_deassign(), "KVM_IRQFD");
    }
    kvm::require(set_routing({}), "KVM_SET_GSI_ROUTING");
    last.clear();
    kvm::require(set_routing(table_), "KVM_SET_GSI_ROUTING");
}

}  // namespace irqbench::vmm::x86
