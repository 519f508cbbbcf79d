#include "vmm/arm64/boot.hpp"

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <span>

#include "vmm/guest/agent.hpp"

extern "C" {
extern const std::byte irqbench_agent_begin[];
extern const std::byte irqbench_agent_end[];
}

namespace irqbench::vmm::arm64 {

namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
constexpr std::uint64_t large_page = std::uint64_t{1} << 21;

// Attributes of a block, Arm ARM D8.3.2: bit 0 valid, 4:2 index into MAIR_EL1, 9:8 inner shareable, 10 access
// flag, 53 and 54 never executed.
constexpr std::uint64_t normal = 0x1 | 0x300 | 0x400 | std::uint64_t{1} << 54;
constexpr std::uint64_t device = 0x1 | 0x4 | 0x400 | std::uint64_t{3} << 53;
constexpr std::uint64_t table = 0x3;

constexpr std::uint64_t attributes_of(std::uint64_t address) {
    const bool is_device =
        (address >= AGENT_DEVICES && address < AGENT_DEVICES_END) || address >= AGENT_MAPPED_NORMAL;
    return is_device ? device : normal;
}

void write_translation_tables(kvm::GuestMemory& memory) {
    constexpr std::uint64_t second = AGENT_PAGE_TABLES + kvm::GuestMemory::page_size;
    std::array<std::uint64_t, 512> entries{};
    entries[0] = second | table;
    for (std::uint64_t i = 1; i < 4; ++i) entries[i] = i * gibibyte | attributes_of(i * gibibyte);
    memory.write(AGENT_PAGE_TABLES, entries);
    for (std::uint64_t i = 0; i < entries.size(); ++i)
        entries[i] = i * large_page | attributes_of(i * large_page);
    memory.write(second, entries);
}

}  // namespace

void load_agent(kvm::GuestMemory& memory) {
    memory.write_bytes(AGENT_CODE, std::span(irqbench_agent_begin, irqbench_agent_end));
    write_translation_tables(memory);
}

std::uint64_t core_register(std::size_t word) {
    return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | word;
}

std::uint64_t general_register(std::size_t number) {
    return core_register(KVM_REG_ARM_CORE_REG(regs.regs) + 2 * number);
}

std::uint64_t pc_register() { return core_register(KVM_REG_ARM_CORE_REG(regs.pc)); }

std::uint64_t pstate_register() { return core_register(KVM_REG_ARM_CORE_REG(regs.pstate)); }

std::uint64_t system_register(std::uint32_t encoding) {
    return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG | encoding;
}

namespace {

void enter_at(kvm::Vcpu& vcpu, std::uint32_t index, std::uint64_t entry) {
    constexpr std::uint64_t masked_el1h = 0x3c5;
    vcpu.set_reg(pstate_register(), masked_el1h);
    vcpu.set_reg(pc_register(), AGENT_CODE + entry);
    vcpu.set_reg(general_register(0), guest::Agent::block_address(index));
}

}  // namespace

void enter_agent(kvm::Vcpu& vcpu, std::uint32_t index) { enter_at(vcpu, index, ENTRY_FIRST); }

void resume_agent(kvm::Vcpu& vcpu, std::uint32_t index, bool enabled) {
    enter_at(vcpu, index, enabled ? ENTRY_RESUMED : ENTRY_RESUMED_MASKED);
}

}  // namespace irqbench::vmm::arm64
