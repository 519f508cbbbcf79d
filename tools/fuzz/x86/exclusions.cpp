#include "tools/fuzz/x86/exclusions.hpp"

#include <array>

#include "tools/fuzz/x86/features.hpp"

namespace irqbench::tools::fuzz::x86 {

namespace {

constexpr std::string_view eoi_at_delivery = "lapic_eoi_at_delivery";

constexpr std::array table{
    Exclusion{
        feature::arbitration, in_kernel_and_split, "",
        "KVM picks by vector hash or in turn, not by priority: compared is that one of the set takes it",
        "KVM irq_comm.c, kvm_irq_delivery_to_apic; SDM vol. 3, 11.6.2.4"},
    Exclusion{feature::service, in_kernel_and_split, eoi_at_delivery, "the ISR bit never appears",
              "scenarios/README.md, traits"},
    Exclusion{feature::level, in_kernel_and_split, eoi_at_delivery,
              "the EOI comes before the handler lowers the line", "scenarios/README.md, traits"},
    Exclusion{feature::edge_resample, in_kernel, "",
              "only KVM's IOAPIC tells resamplers of edge-triggered pins",
              "irqchip/x86/ioapic.hpp; KVM ioapic.c, kvm_ioapic_update_eoi_one"},
    Exclusion{feature::shared_vector, in_kernel, "",
              "an EOI for a level-triggered pin makes KVM send an edge-triggered one of the vector again",
              "docs/findings.md, 13; KVM ioapic.c, kvm_ioapic_update_eoi_one; 82093AA 3.2.4"},
    Exclusion{feature::shared_vector, in_split, "",
              "KVM reports the EOI of an edge if a level-triggered pin has the vector",
              "docs/findings.md, 15; KVM lapic.c, kvm_ioapic_send_eoi; SDM vol. 3, 11.8.5"},
    Exclusion{feature::shared_message, in_kernel, "",
              "the EOI of a message's vector asks the devices of level-triggered pins",
              "docs/findings.md, 15; KVM ioapic.c, kvm_ioapic_update_eoi_one; SDM vol. 3, 11.8.5"},
    Exclusion{feature::shared_message, in_split, "",
              "KVM reports the EOI of a message if a level-triggered pin has the vector",
              "docs/findings.md, 15; KVM lapic.c, kvm_ioapic_send_eoi; SDM vol. 3, 11.8.5"},
    Exclusion{feature::tpr_subclass, in_kernel_and_split, "",
              "on AMD KVM keeps the upper half of the TPR only",
              "docs/findings.md, 14; KVM svm.c, sync_cr8_to_lapic; SDM vol. 3, 11.8.3.1"},
    Exclusion{feature::nmi_level, in_kernel, "", "only here an NMI entry may be level-triggered",
              "irqchip/x86/ioapic.hpp; 82093AA 3.2.4, delivery mode"},
    Exclusion{feature::entry_reads, in_kernel, "",
              "delivery status is pending while a level waits, and reserved bits read zero, in ours only",
              "irqchip/x86/ioapic.hpp; 82093AA 3.2.4, bit 12"},
    Exclusion{feature::pic_again, in_kernel, "", "KVM's ICW1 keeps ISR and edges",
              "irqchip/x86/pic.hpp; 8259A data sheet, initialization command words"},
    Exclusion{feature::pic_level, in_kernel, "", "KVM's PIC knows ELCR only",
              "KVM i8259.c, pic_ioport_write; 8259A data sheet, ICW1"},
    Exclusion{feature::poll, in_kernel, "", "a poll sets no ISR bit in KVM's PIC",
              "KVM i8259.c, pic_poll_read; 8259A data sheet, poll command"},
    Exclusion{feature::special_mask, in_kernel, "", "KVM's PIC takes the command and ignores the mode",
              "KVM i8259.c, pic_get_irq; 8259A data sheet, special mask mode"},
    Exclusion{feature::special_nesting, in_kernel, "", "KVM's PIC does not count IR2 as in service then",
              "KVM i8259.c, pic_get_irq; 8259A data sheet, special fully nested mode"},
    Exclusion{feature::level_messages, in_kernel_and_split, "", "KVM takes every message for an assertion",
              "KVM irq_comm.c, kvm_set_msi_irq; SDM vol. 3, 11.11.2"},
    Exclusion{feature::own_pins, in_kernel, "",
              "pin 0 is the PIT's, GSI 2 the cascade, and KVM tracks the EOI of pin 8",
              "KVM ioapic.c, rtc_irq_eoi; 82371SB (PIIX3)"},
    Exclusion{feature::logical_nmi, in_kernel_and_split, "",
              "KVM leaves out LAPICs that are disabled by software, which still take an NMI",
              "KVM lapic.c, kvm_recalculate_apic_map; SDM vol. 3, 11.4.7.2"},
    Exclusion{feature::lint0, in_kernel_and_split, "lint0_unmask_unnoticed",
              "an ExtINT that waits at a masked LINT0 is not taken when that is unmasked",
              "scenarios/README.md, traits; SDM vol. 3, 11.5.1"},
    Exclusion{feature::errors, in_kernel_and_split, "",
              "KVM's local APIC detects no errors, and a message with an illegal vector counts as delivered",
              "KVM lapic.c, kvm_lapic_reg_write, __apic_accept_irq; SDM vol. 3, 11.5.2, 11.5.3"},
    Exclusion{feature::versions, in_kernel_and_split, "", "version registers say who made the controller",
              "SDM vol. 3, 11.4.8; 82093AA 3.2.2"},
    Exclusion{feature::mixed_modes, in_kernel_and_split, "",
              "beside CPUs in x2APIC mode KVM finds those without a logical id by their APIC id, and an IPI "
              "of theirs to 255 is a broadcast to nobody",
              "docs/findings.md, 16; KVM lapic.c, kvm_recalculate_logical_map, kvm_apic_is_broadcast_dest; "
              "SDM vol. 3, 11.6.2.2, 11.12.9"},
    Exclusion{feature::apic_disable, in_kernel_and_split, "",
              "what waits in a local APIC is not noticed when that is enabled",
              "docs/findings.md, 18; SDM vol. 3, 11.4.3"},
    Exclusion{feature::boot_init, in_kernel_and_split, "",
              "KVM resets the boot processor's LINT0 to an open ExtINT",
              "KVM api.rst, KVM_X86_QUIRK_LINT0_REENABLED; SDM vol. 3, 11.4.7.1"},
    Exclusion{feature::time, in_kernel_and_split, "",
              "kernel timers run on real time, the model on virtual time", "docs/architecture.md"},
};

}  // namespace

std::span<const Exclusion> exclusions() { return table; }

}  // namespace irqbench::tools::fuzz::x86
