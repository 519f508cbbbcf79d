#include "vmm/x86/boot.hpp"

#include <algorithm>
#include <array>

#include "vmm/guest/agent.hpp"
#include "vmm/x86/cpu_facts.hpp"

extern "C" {
extern const std::byte irqbench_agent_begin[];
extern const std::byte irqbench_agent_end[];
extern const std::byte irqbench_agent_vectors[];
extern const std::byte irqbench_agent_trampoline[];
extern const std::byte irqbench_agent_trampoline_nmi[];
extern const std::byte irqbench_agent_trampoline_end[];
extern const std::byte irqbench_agent_started_nmi[];
extern const std::byte irqbench_agent_smm[];
extern const std::byte irqbench_agent_smm_end[];
extern const std::byte irqbench_agent_reset[];
extern const std::byte irqbench_agent_reset_end[];
}

namespace irqbench::vmm::x86 {

namespace {

constexpr std::uint16_t code_selector = 0x08;
constexpr std::uint16_t data_selector = 0x10;
constexpr std::uint64_t large_page = std::uint64_t{1} << 21;

void write_page_tables(kvm::GuestMemory& memory) {
    constexpr std::uint64_t page = kvm::GuestMemory::page_size;
    constexpr std::uint64_t pml4 = AGENT_PAGE_TABLES;
    constexpr std::uint64_t pdpt = pml4 + page;
    constexpr std::uint64_t directories = pdpt + page;
    constexpr std::uint64_t present_writable = 0x3;
    constexpr std::uint64_t page_size_bit = 0x80;
    memory.write(pml4, pdpt | present_writable);
    for (std::uint64_t gigabyte = 0; gigabyte < 4; ++gigabyte) {
        memory.write(pdpt + gigabyte * 8, (directories + gigabyte * page) | present_writable);
        std::array<std::uint64_t, 512> directory{};
        for (std::uint64_t i = 0; i < directory.size(); ++i)
            directory[i] = (gigabyte * directory.size() + i) * large_page | present_writable | page_size_bit;
        memory.write(directories + gigabyte * page, directory);
    }
}

/// An interrupt gate of long mode.
std::array<std::uint64_t, 2> gate(std::uint64_t handler) {
    constexpr std::uint64_t interrupt_gate = 0x8e00;
    return {(handler & 0xffff) | std::uint64_t{code_selector} << 16 | interrupt_gate << 32 |
                (handler >> 16 & 0xffff) << 48,
            handler >> 32};
}

void write_descriptors(kvm::GuestMemory& memory) {
    memory.write(AGENT_GDT, std::array<std::uint64_t, 3>{0, 0x00af9b000000ffff, 0x00cf93000000ffff});
    std::array<std::array<std::uint64_t, 2>, 256> idt{};
    // 256 of 16 bytes each.
    const std::uint64_t stubs =
        AGENT_CODE + static_cast<std::uint64_t>(irqbench_agent_vectors - irqbench_agent_begin);
    for (std::size_t vector = 0; vector < idt.size(); ++vector) idt[vector] = gate(stubs + 16 * vector);
    memory.write(AGENT_IDT, idt);
}

/// The table of a vCPU that starts is the one at 0, where INIT leaves it: real mode's, and for some
/// instructions long mode's. Only an NMI can come then.
void write_early_nmi(kvm::GuestMemory& memory) {
    constexpr std::uint64_t nmi_vector = 2;
    const auto entry = static_cast<std::uint16_t>(irqbench_agent_trampoline_nmi - irqbench_agent_trampoline);
    memory.write(nmi_vector * 4, std::array<std::uint16_t, 2>{entry, AGENT_TRAMPOLINE >> 4});
    memory.write(nmi_vector * 16, gate(AGENT_CODE + static_cast<std::uint64_t>(irqbench_agent_started_nmi -
                                                                               irqbench_agent_begin)));
}

}  // namespace

void load_agent(kvm::GuestMemory& memory, std::span<const std::uint32_t> vcpu_ids) {
    const auto write = [&memory](std::uint64_t address, const std::byte* begin, const std::byte* end) {
        memory.write_bytes(address, std::span(begin, end));
    };
    write(AGENT_CODE, irqbench_agent_begin, irqbench_agent_end);
    write(AGENT_TRAMPOLINE, irqbench_agent_trampoline, irqbench_agent_trampoline_end);
    write(AGENT_SMM, irqbench_agent_smm, irqbench_agent_smm_end);
    write(AGENT_RESET + AGENT_RESET_VECTOR, irqbench_agent_reset, irqbench_agent_reset_end);
    write_page_tables(memory);
    write_descriptors(memory);
    write_early_nmi(memory);
    std::uint64_t entry = AGENT_DIRECTORY;
    for (std::uint32_t index = 0; index < vcpu_ids.size(); ++index, entry += 8)
        memory.write(entry,
                     std::array<std::uint32_t, 2>{
                         vcpu_ids[index], static_cast<std::uint32_t>(guest::Agent::block_address(index))});
    memory.write(entry, ~std::uint32_t{0});
}

void set_cpuid(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> supported) {
    std::vector<kvm_cpuid_entry2> entries(supported.begin(), supported.end());
    // Without KVM's own leaves, and with KVM_CAP_ENFORCE_PV_FEATURE_CPUID, a write to one of its MSRs faults.
    // It would have KVM write into the agent's memory.
    constexpr std::uint32_t hypervisor_leaves = 0x40000000;
    std::erase_if(entries, [](const kvm_cpuid_entry2& entry) {
        return (entry.function & 0xf0000000) == hypervisor_leaves;
    });
    constexpr std::uint32_t x2apic_bit = 1U << 21;
    constexpr std::uint32_t address_leaf = 0x80000008;
    constexpr std::uint32_t tsc_deadline_bit = 1U << 24;
    constexpr std::uint32_t features_leaf = 7;
    constexpr std::uint32_t five_levels_bit = 1U << 16;
    // The agent finds its block by the id in leaf 0xb, which has 32 bits; not every host has the leaf.
    constexpr std::uint32_t topology_leaf = 0xb;
    const auto is_topology = [](const kvm_cpuid_entry2& entry) { return entry.function == topology_leaf; };
    if (std::none_of(entries.begin(), entries.end(), is_topology)) {
        kvm_cpuid_entry2 topology{};
        topology.function = topology_leaf;
        topology.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        entries.push_back(topology);
    }
    for (kvm_cpuid_entry2& entry : entries) {
        if (entry.function == 1) {
            entry.ebx = (entry.ebx & 0x00ffffff) | vcpu.id() << 24;
            entry.ecx |= x2apic_bit | tsc_deadline_bit;
        } else if (entry.function == address_leaf) {
            // The agent's page tables have four levels, and Linux before 4.14 refuses a vCPU that has five.
            constexpr std::uint32_t linear_address_bits = 48;
            entry.eax = (entry.eax & ~0xffffU) | linear_address_bits << 8 |
                        std::min(entry.eax & 0xff, physical_address_bits);
        } else if (entry.function == features_leaf && entry.index == 0) {
            entry.ecx &= ~five_levels_bit;
        } else if (entry.function == topology_leaf || entry.function == 0x1f) {
            entry.edx = vcpu.id();
        }
    }
    vcpu.set_cpuid(entries);
    // Linux before 5.8 has no such capability.
    static_cast<void>(vcpu.try_enable_cap(KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1));
}

ResetState reset_state(const kvm::Vcpu& vcpu) { return {vcpu.regs(), vcpu.sregs()}; }

void init_cpu(kvm::Vcpu& vcpu, const ResetState& reset) {
    constexpr std::uint64_t caching = 0x60000000;  // CR0.CD and NW stay as they are
    const kvm_sregs before = vcpu.sregs();
    kvm_sregs sregs = reset.sregs;
    sregs.cr0 = (sregs.cr0 & ~caching) | (before.cr0 & caching);
    sregs.apic_base = before.apic_base;
    vcpu.set_sregs(sregs);
    vcpu.set_regs(reset.regs);
    kvm_vcpu_events events{};
    events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    kvm::require(vcpu.try_set_vcpu_events(events), "KVM_SET_VCPU_EVENTS");
}

void start_at_page(kvm::Vcpu& vcpu, std::uint8_t vector) {
    kvm_sregs sregs = vcpu.sregs();
    sregs.cs.selector = static_cast<std::uint16_t>(vector << 8);
    sregs.cs.base = std::uint64_t{vector} << 12;
    vcpu.set_sregs(sregs);
    kvm_regs regs = vcpu.regs();
    regs.rip = 0;
    vcpu.set_regs(regs);
}

void enter_agent(kvm::Vcpu& vcpu, std::uint32_t index, bool x2apic) {
    kvm_sregs sregs = vcpu.sregs();
    kvm_segment code{};
    code.limit = 0xffffffff;
    code.selector = code_selector;
    code.type = 11;  // execute, read, accessed
    code.present = 1;
    code.s = 1;
    code.l = 1;
    code.g = 1;
    kvm_segment data = code;
    data.selector = data_selector;
    data.type = 3;  // read, write, accessed
    data.l = 0;
    data.db = 1;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.tr.type = 11;  // busy TSS: VM entry insists on one
    sregs.tr.present = 1;
    sregs.tr.limit = 0x67;
    sregs.gdt.base = AGENT_GDT;
    sregs.gdt.limit = 3 * 8 - 1;
    sregs.idt.base = AGENT_IDT;
    sregs.idt.limit = 256 * 16 - 1;
    sregs.cr0 = 0x80000011;  // PG, ET, PE
    sregs.cr3 = AGENT_PAGE_TABLES;
    sregs.cr4 = 0x20;    // PAE
    sregs.efer = 0x500;  // LMA, LME
    if (x2apic) sregs.apic_base |= apic_base_x2apic;
    vcpu.set_sregs(sregs);

    kvm_regs regs{};
    regs.rip = AGENT_CODE;
    regs.rflags = 0x202;  // IF
    regs.r15 = guest::Agent::block_address(index);
    regs.rsp = regs.r15 + BLOCK_STACK_TOP;
    vcpu.set_regs(regs);
}

}  // namespace irqbench::vmm::x86
