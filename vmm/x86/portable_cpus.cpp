#include <algorithm>

#include "irqchip/x86/lapic_registers.hpp"
#include "vmm/x86/boot.hpp"
#include "vmm/x86/cpu_facts.hpp"
#include "vmm/x86/placement.hpp"

// What a vCPU of KVM's has in every placement, as portable state (api.rst, section of each ioctl's name).
namespace irqbench::vmm::x86 {

namespace {

constexpr __u64 kvm_regs::*general_registers[] = {
    &kvm_regs::rax, &kvm_regs::rbx, &kvm_regs::rcx, &kvm_regs::rdx, &kvm_regs::rsi, &kvm_regs::rdi,
    &kvm_regs::rsp, &kvm_regs::rbp, &kvm_regs::r8,  &kvm_regs::r9,  &kvm_regs::r10, &kvm_regs::r11,
    &kvm_regs::r12, &kvm_regs::r13, &kvm_regs::r14, &kvm_regs::r15, &kvm_regs::rip, &kvm_regs::rflags};
constexpr kvm_segment kvm_sregs::*segment_registers[] = {&kvm_sregs::cs, &kvm_sregs::ds, &kvm_sregs::es,
                                                         &kvm_sregs::fs, &kvm_sregs::gs, &kvm_sregs::ss,
                                                         &kvm_sregs::tr, &kvm_sregs::ldt};
static_assert(std::size(general_registers) == std::tuple_size_v<decltype(CoreState::general)>);
static_assert(std::size(segment_registers) == std::tuple_size_v<decltype(CoreState::segments)>);

/// A member of kvm_segment, and where it is in Segment::attributes.
struct Attribute {
    __u8 kvm_segment::*member;
    unsigned bit;
    unsigned width;
};
constexpr Attribute attributes[] = {
    {&kvm_segment::type, 0, 4},    {&kvm_segment::s, 4, 1},    {&kvm_segment::dpl, 5, 2},
    {&kvm_segment::present, 7, 1}, {&kvm_segment::avl, 12, 1}, {&kvm_segment::l, 13, 1},
    {&kvm_segment::db, 14, 1},     {&kvm_segment::g, 15, 1},   {&kvm_segment::unusable, 16, 1}};

Segment saved(const kvm_segment& segment) {
    Segment saved{segment.base, segment.limit, segment.selector, 0};
    for (const Attribute& each : attributes)
        saved.attributes |= std::uint32_t{segment.*each.member} << each.bit;
    return saved;
}

kvm_segment restored(const Segment& saved) {
    kvm_segment segment{};
    segment.base = saved.base;
    segment.limit = saved.limit;
    segment.selector = saved.selector;
    for (const Attribute& each : attributes)
        segment.*each.member =
            static_cast<std::uint8_t>(saved.attributes >> each.bit & ((1U << each.width) - 1));
    return segment;
}

}  // namespace

CpuState X86Placement::save_cpu(VcpuSlot& slot) const {
    const kvm_regs regs = slot.vcpu.regs();
    const kvm_sregs sregs = slot.vcpu.sregs();
    CoreState core;
    for (std::size_t i = 0; i < core.general.size(); ++i) core.general[i] = regs.*general_registers[i];
    for (std::size_t i = 0; i < core.segments.size(); ++i)
        core.segments[i] = saved(sregs.*segment_registers[i]);
    core.gdt = {sregs.gdt.base, sregs.gdt.limit};
    core.idt = {sregs.idt.base, sregs.idt.limit};
    core.cr0 = sregs.cr0;
    core.cr2 = sregs.cr2;
    core.cr3 = sregs.cr3;
    core.cr4 = sregs.cr4;
    core.efer = sregs.efer;

    CpuState cpu;
    for (const kvm_msr_entry& entry : slot.vcpu.known_msrs(msrs_)) {
        if (entry.index == msr_tsc_adjust)
            cpu.tsc_adjust = entry.data;
        else
            core.msrs.push_back({entry.index, entry.data});
    }
    cpu.tsc = slot.vcpu.msr(msr_tsc);
    constexpr std::uint64_t interrupt_flag = 1U << 9;
    cpu.interrupts_enabled = (core.rflags() & interrupt_flag) != 0;
    cpu.core = std::move(core);
    const kvm_vcpu_events events = slot.vcpu.vcpu_events();
    if (events.exception.injected != 0 || events.exception.pending != 0 || events.smi.smm != 0)
        throw std::logic_error("a vCPU is about to take an exception, or in system management mode");
    if (events.interrupt.injected != 0) cpu.injected = events.interrupt.nr;
    cpu.shadow = events.interrupt.shadow;
    cpu.nmis = events.nmi.pending;
    cpu.nmi_injected = events.nmi.injected != 0;
    cpu.nmi_blocked = events.nmi.masked != 0;
    cpu.smi = events.smi.pending != 0;
    cpu.agent_x2apic = slot.agent.word(BLOCK_X2APIC) != 0;
    cpu.agent_lapic = slot.agent.word<std::uint64_t>(BLOCK_LAPIC);
    return cpu;
}

void X86Placement::restore_core(VcpuSlot& slot, const CpuState& cpu, const irqchip::x86::LapicState& lapic) {
    slot.agent.set_word(BLOCK_X2APIC, std::uint32_t{cpu.agent_x2apic});
    slot.agent.set_word(BLOCK_LAPIC, cpu.agent_lapic);
    if (!cpu.core && cpu.activity == Activity::running) {
        enter_agent(slot.vcpu, slot.index, false);
        if (!cpu.interrupts_enabled) {
            kvm_regs regs = slot.vcpu.regs();
            regs.rflags &= ~std::uint64_t{1U << 9};
            slot.vcpu.set_regs(regs);
        }
    }
    kvm_sregs sregs = slot.vcpu.sregs();
    if (cpu.core) {
        for (std::size_t i = 0; i < cpu.core->segments.size(); ++i)
            sregs.*segment_registers[i] = restored(cpu.core->segments[i]);
        sregs.gdt.base = cpu.core->gdt.base;
        sregs.gdt.limit = cpu.core->gdt.limit;
        sregs.idt.base = cpu.core->idt.base;
        sregs.idt.limit = cpu.core->idt.limit;
        sregs.cr0 = cpu.core->cr0;
        sregs.cr2 = cpu.core->cr2;
        sregs.cr3 = cpu.core->cr3;
        sregs.cr4 = cpu.core->cr4;
        sregs.efer = cpu.core->efer;
    }
    sregs.apic_base = lapic.apic_base;
    sregs.cr8 = lapic.at(irqchip::x86::lapic::tpr) >> 4 & 0xf;
    slot.vcpu.set_sregs(sregs);
    slot.vcpu.set_apic_base(sregs.apic_base);
    slot.vcpu.set_cr8(sregs.cr8);
    if (cpu.core) {
        kvm_regs regs{};
        for (std::size_t i = 0; i < cpu.core->general.size(); ++i)
            regs.*general_registers[i] = cpu.core->general[i];
        slot.vcpu.set_regs(regs);
    }
    set_tsc(slot.vcpu, cpu.tsc);
}

void X86Placement::restore_msrs_and_events(VcpuSlot& slot, const CpuState& cpu, bool pending) {
    std::vector<kvm_msr_entry> msrs;
    const auto add = [&msrs](std::uint32_t index, std::uint64_t value) {
        kvm_msr_entry entry{};
        entry.index = index;
        entry.data = value;
        msrs.push_back(entry);
    };
    if (cpu.core)
        for (const Msr& msr : cpu.core->msrs) add(msr.index, msr.value);
    if (std::find(msrs_.begin(), msrs_.end(), msr_tsc_adjust) != msrs_.end())
        add(msr_tsc_adjust, cpu.tsc_adjust);
    change_msrs(slot.vcpu, msrs);

    kvm_vcpu_events events = slot.vcpu.vcpu_events();
    events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    events.interrupt.injected = cpu.injected.has_value();
    events.interrupt.nr = cpu.injected.value_or(0);
    events.interrupt.soft = 0;
    events.interrupt.shadow = cpu.shadow;
    events.nmi.injected = cpu.nmi_injected;
    events.nmi.masked = cpu.nmi_blocked;
    events.nmi.pending = pending ? cpu.nmis : 0;
    if ((events.flags & KVM_VCPUEVENT_VALID_SMM) != 0) events.smi.pending = pending && cpu.smi;
    slot.vcpu.set_vcpu_events(events);
}

}  // namespace irqbench::vmm::x86
