#include "vmm/x86/kernel_irqchip.hpp"

#include "irqchip/x86/ioapic_registers.hpp"
#include "routing/x86.hpp"

namespace irqbench::vmm::x86 {

namespace {

std::vector<NamedValue> pic_fields(const kvm_pic_state& pic) {
    return {{"irr", pic.irr},
            {"isr", pic.isr},
            {"imr", pic.imr},
            {"elcr", pic.elcr},
            {"base", pic.irq_base},
            {"lowest_priority", (pic.priority_add + 7U) & 7U},
            {"auto_eoi", pic.auto_eoi},
            {"rotate_on_auto_eoi", pic.rotate_on_auto_eoi},
            {"special_mask", pic.special_mask},
            {"special_fully_nested", pic.special_fully_nested_mode},
            {"poll", pic.poll}};
}

}  // namespace

void KernelIrqchip::create_controllers() {
    vm_.create_irqchip();
    if (config_.pit) {
        vm_.create_pit2(KVM_PIT_SPEAKER_DUMMY);
        if (config_.pit_reinject) vm_.reinject_control(*config_.pit_reinject);
    }
    table_ = routing::x86::default_table();
    irqfds_.on_line([this](std::uint32_t gsi, bool level) { resampled_.set(table_, gsi, level); });
}

// A PIC out of reset is unmasked and injects vectors from 0.
void KernelIrqchip::finish() {
    for (const std::uint32_t chip :
         {std::uint32_t{KVM_IRQCHIP_PIC_MASTER}, std::uint32_t{KVM_IRQCHIP_PIC_SLAVE}}) {
        kvm_irqchip state = vm_.get_irqchip(chip);
        state.chip.pic.imr = 0xff;
        vm_.set_irqchip(state);
    }
}

Outcome KernelIrqchip::set_line(std::uint32_t gsi, bool level, bool want_status) {
    if (concurrent_)
        lines_.set_among_others(gsi, level);
    else
        lines_.set(table_, gsi, level);
    return want_status ? vm_.try_irq_line_status(gsi, level) : vm_.try_irq_line(gsi, level);
}

Outcome KernelIrqchip::route(const routing::RoutingTable& table) {
    const Outcome outcome = set_routing(table);
    if (!outcome.ok()) return outcome;
    irqfds_.rerouted([&] { table_ = table; });
    return outcome;
}

std::vector<NamedValue> KernelIrqchip::inspect(std::string_view controller, std::uint32_t index) {
    static_assert(KVM_IRQCHIP_PIC_MASTER == 0 && KVM_IRQCHIP_PIC_SLAVE == 1);
    if (controller == "pic" && index < 2) {
        const kvm_irqchip state = vm_.get_irqchip(index);
        return pic_fields(state.chip.pic);
    }
    if (controller == "ioapic" && index < KVM_IOAPIC_NUM_PINS) {
        const kvm_irqchip state = vm_.get_irqchip(KVM_IRQCHIP_IOAPIC);
        const kvm_ioapic_state& chip = state.chip.ioapic;
        std::vector<NamedValue> fields;
        for (const irqchip::FieldInfo& field : irqchip::field_table<irqchip::x86::RedirectionEntry>())
            fields.push_back({std::string(field.name), field.extract(chip.redirtbl[index].bits)});
        fields.push_back({"irr", chip.irr >> index & 1});
        return fields;
    }
    return KernelLapicPlacement::inspect(controller, index);
}

}  // namespace irqbench::vmm::x86
