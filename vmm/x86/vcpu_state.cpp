#include <algorithm>

#include "vmm/x86/boot.hpp"
#include "vmm/x86/cpu_facts.hpp"
#include "vmm/x86/placement.hpp"

// What KVM keeps of a vCPU wherever its local APIC is (api.rst, section of each ioctl's name). Left out: FPU
// and XSAVE areas, XCRs and debug registers, which the guest agent does not use.
namespace irqbench::vmm::x86 {

StateAccess X86Placement::sregs_state() {
    return of_vcpus<kvm_sregs>(
        "sregs", [](VcpuSlot& slot) { return slot.vcpu.sregs(); },
        [](VcpuSlot& slot, kvm_sregs sregs) {
            // The interrupt that was being injected is one of the events; here it would come a second time.
            std::fill(std::begin(sregs.interrupt_bitmap), std::end(sregs.interrupt_bitmap), 0);
            slot.vcpu.set_sregs(sregs);
            slot.vcpu.set_apic_base(sregs.apic_base);
            slot.vcpu.set_cr8(sregs.cr8);
        });
}

StateAccess X86Placement::regs_state() {
    return of_vcpus<kvm_regs>(
        "regs", [](VcpuSlot& slot) { return slot.vcpu.regs(); },
        [](VcpuSlot& slot, const kvm_regs& regs) { slot.vcpu.set_regs(regs); });
}

// A value within a second of what KVM expects is taken for an attempt to synchronise the counters of the VM,
// and ignored (arch/x86/kvm/x86.c, kvm_synchronize_tsc): so it goes far away first.
void set_tsc(kvm::Vcpu& vcpu, std::uint64_t tsc) {
    constexpr std::uint64_t far_away = std::uint64_t{1} << 60;
    vcpu.set_msr(msr_tsc, tsc + far_away);
    vcpu.set_msr(msr_tsc, tsc);
}

StateAccess X86Placement::tsc_state() {
    return of_vcpus<std::uint64_t>(
        "tsc", [](VcpuSlot& slot) { return slot.vcpu.msr(msr_tsc); },
        [](VcpuSlot& slot, const std::uint64_t& tsc) { set_tsc(slot.vcpu, tsc); });
}

// Only what is different is written: not everything that can be read can be written.
void X86Placement::change_msrs(kvm::Vcpu& vcpu, std::span<const kvm_msr_entry> saved) const {
    std::map<std::uint32_t, std::uint64_t> present;
    for (const kvm_msr_entry& entry : vcpu.known_msrs(msrs_)) present[entry.index] = entry.data;
    std::vector<kvm_msr_entry> changed;
    for (const kvm_msr_entry& entry : saved) {
        const auto now = present.find(entry.index);
        if (now == present.end() || now->second != entry.data) changed.push_back(entry);
    }
    if (!changed.empty()) vcpu.set_msrs(changed);
}

StateAccess X86Placement::msrs_state() {
    using Entries = std::vector<kvm_msr_entry>;
    return of_vcpus<Entries>(
        "msrs", [this](VcpuSlot& slot) { return slot.vcpu.known_msrs(msrs_); },
        [this](VcpuSlot& slot, const Entries& saved) { change_msrs(slot.vcpu, saved); });
}

StateAccess X86Placement::events_state() {
    return of_vcpus<kvm_vcpu_events>(
        "vcpu_events", [](VcpuSlot& slot) { return slot.vcpu.vcpu_events(); },
        [](VcpuSlot& slot, const kvm_vcpu_events& events) { slot.vcpu.set_vcpu_events(events); });
}

}  // namespace irqbench::vmm::x86
