#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace irqbench::irqchip::x86 {

/// A 32-bit register of the local APIC, by its offset into the xAPIC page. In x2APIC mode it is MSR 0x800
/// plus a sixteenth of that (SDM vol. 3, tables 11-1 and 11-6).
struct LapicRegister {
    std::string_view name;
    std::uint16_t offset;
};

inline constexpr std::array<LapicRegister, 46> lapic_registers{{
    {"id", 0x020},           {"version", 0x030},       {"tpr", 0x080},
    {"apr", 0x090},          {"ppr", 0x0a0},           {"eoi", 0x0b0},
    {"ldr", 0x0d0},          {"dfr", 0x0e0},           {"svr", 0x0f0},
    {"isr0", 0x100},         {"isr1", 0x110},          {"isr2", 0x120},
    {"isr3", 0x130},         {"isr4", 0x140},          {"isr5", 0x150},
    {"isr6", 0x160},         {"isr7", 0x170},          {"tmr0", 0x180},
    {"tmr1", 0x190},         {"tmr2", 0x1a0},          {"tmr3", 0x1b0},
    {"tmr4", 0x1c0},         {"tmr5", 0x1d0},          {"tmr6", 0x1e0},
    {"tmr7", 0x1f0},         {"irr0", 0x200},          {"irr1", 0x210},
    {"irr2", 0x220},         {"irr3", 0x230},          {"irr4", 0x240},
    {"irr5", 0x250},         {"irr6", 0x260},          {"irr7", 0x270},
    {"esr", 0x280},          {"lvt_cmci", 0x2f0},      {"icr", 0x300},
    {"icr_high", 0x310},     {"lvt_timer", 0x320},     {"lvt_thermal", 0x330},
    {"lvt_perf", 0x340},     {"lvt_lint0", 0x350},     {"lvt_lint1", 0x360},
    {"lvt_error", 0x370},    {"timer_initial", 0x380}, {"timer_current", 0x390},
    {"timer_divide", 0x3e0},
}};

/// The offset of the register of this name.
constexpr std::optional<std::uint16_t> lapic_offset(std::string_view name) {
    for (const LapicRegister& row : lapic_registers)
        if (row.name == name) return row.offset;
    return std::nullopt;
}

}  // namespace irqbench::irqchip::x86
