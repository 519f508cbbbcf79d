#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/fuzz/x86/grammar.hpp"

namespace irqbench::tools::fuzz::x86 {

void Grammar::lapic(std::uint32_t vcpu, const char* name, std::uint64_t value) {
    add("lapic", {{"vcpu", vcpu}, {"register", name}, {"value", fmt::format("{:#x}", value)}});
}

void Grammar::flag() {
    if (calm_) return;
    const std::uint32_t on = vcpu();
    const bool closed = closed_.count(on) != 0;
    if (closed)
        closed_.erase(on);
    else
        closed_.insert(on);
    add(closed ? "sti" : "cli", on);
}

void Grammar::priority() {
    if (calm_) return;
    if (dice_.chance(50) || !may(feature::cr8)) {
        static constexpr std::array<std::uint32_t, 6> values{0, 0, 0x20, 0x50, 0x6f, 0xf0};
        const std::uint32_t kept = may(feature::tpr_subclass) ? 0xff : 0xf0;
        add("tpr", {{"vcpu", vcpu()}, {"value", hex(dice_.pick(values) & kept)}});
    } else {
        static constexpr std::array<std::uint32_t, 5> values{0, 0, 3, 8, 15};
        add("cr8", {{"vcpu", vcpu()}, {"value", dice_.pick(values)}});
    }
}

void Grammar::handler() {
    Json argument = {{"vector", hex(vector())}};
    if (dice_.chance(30)) argument["vcpu"] = vcpu();
    if (may(feature::service)) {
        if (dice_.chance(55)) {
            argument["stays"] = true;
            if (dice_.chance(50)) argument["nests"] = true;
            if (dice_.chance(20))
                argument["eoi"] = "first";
            else if (dice_.chance(30))
                argument["eoi"] = "auto";
            else if (dice_.chance(20))
                argument["eoi"] = "never";
            declare_stay(argument);
        } else if (dice_.chance(20)) {
            argument["eoi"] = "on request";
        }
    }
    if (may(feature::level) && dice_.chance(30)) argument["lowers"] = dice_.pick(pins_).number;
    add("handler", std::move(argument));
}

void Grammar::declare_stay(const Json& argument) {
    if (argument.contains("vcpu"))
        stays_.insert(argument["vcpu"].get<std::uint32_t>());
    else
        for (std::uint32_t i = 0; i < case_.vcpus; ++i) stays_.insert(i);
}

void Grammar::leave() {
    const std::uint32_t on = vcpu();
    if (stays_.count(on) != 0) add("return", on);
}

void Grammar::eoi() {
    if (may(feature::service)) add("eoi", vcpu());
}

/// Disabling it masks LINT0 too, which the PIC needs.
void Grammar::enable() {
    if (calm_) return;
    const std::uint32_t on = vcpu();
    if (uses_pic_ && on == 0 && !may(feature::lint0)) return;
    const bool off = off_.count(on) != 0;
    if (off)
        off_.erase(on);
    else
        off_.insert(on);
    lapic(on, "svr", off ? 0x1ff : 0xff);
    if (off && uses_pic_ && on == 0) lapic(0, "lvt_lint0", 0x700);
}

void Grammar::read_lapic() {
    static constexpr std::array singles{"tpr", "ppr", "svr", "ldr", "lvt_lint0", "lvt_lint1", "id"};
    std::string name = dice_.pick(singles);
    if (dice_.chance(70)) {
        std::string set = dice_.pick(std::array{"irr", "isr", "tmr"});
        if (set != "irr" && !may(feature::service)) set = "irr";
        name = fmt::format("{}{}", set, vector() / 32);
    }
    if (name == "ppr" && !may(feature::service)) name = "tpr";
    if (may(feature::versions) && dice_.chance(5)) name = "version";
    if (may(feature::errors) && dice_.chance(8)) name = "esr";
    add("read", {{"vcpu", vcpu()}, {"lapic", name}});
}

void Grammar::halt() {
    if (!calm_) add("halt", vcpu());
}

void Grammar::logical_id() {
    if (!logical_ || x2apic_ || calm_) return;
    if (dice_.chance(70))
        lapic(vcpu(), "ldr", std::uint64_t{1} << (24 + dice_.roll(4)));
    else
        lapic(vcpu(), "dfr", dice_.chance(50) ? 0xffffffff : 0x0fffffff);
}

/// What the local APIC answers with a bit in ESR, and with an interrupt where LVT error asks for one.
void Grammar::errors() {
    if (!may(feature::errors) || calm_) return;
    const std::uint32_t on = vcpu();
    switch (dice_.roll(6)) {
        case 0: lapic(on, "lvt_error", vector() | (dice_.chance(25) ? 0x10000U : 0U)); break;
        case 1: add("ipi", {{"from", on}, {"to", vcpu()}, {"vector", hex(dice_.roll(16))}}); break;
        case 2: add("msi", {{"dest", on}, {"vector", hex(dice_.roll(16))}}); break;
        case 3: {
            static constexpr std::array entries{"lvt_timer", "lvt_thermal", "lvt_perf", "lvt_error"};
            lapic(on, dice_.pick(entries), dice_.roll(16) | (dice_.chance(50) ? 0x10000U : 0U));
            break;
        }
        default: lapic(on, "esr", 0);
    }
}

/// INIT, and mostly the SIPI behind it, or two as the manual has them (SDM vol. 3, 9.4.4.1).
void Grammar::startup() {
    if (!may(feature::startup) || calm_ || case_.vcpus == 1) return;
    const std::uint32_t from = vcpu();
    const std::uint32_t to = (from + 1 + dice_.roll(case_.vcpus - 1)) % case_.vcpus;
    if (to == 0 && !may(feature::boot_init)) return;
    if (dice_.chance(85)) add("ipi", {{"from", from}, {"to", to}, {"mode", "init"}});
    // The boot processor begins anew without one.
    for (std::uint32_t sipis = dice_.pick(std::array{0U, 1U, 1U, 2U}); sipis > 0; --sipis)
        add("ipi", {{"from", from}, {"to", to}, {"mode", "startup"}, {"vector", "0x08"}});
    closed_.erase(to);
    off_.erase(to);
}

/// Writes of IA32_APIC_BASE: into x2APIC mode, to another page, disabling it, and what is refused.
void Grammar::base() {
    if (!may(feature::apic_base) || calm_) return;
    const std::uint32_t on = vcpu();
    constexpr std::uint64_t enabled = 0x800;
    constexpr std::uint64_t extended = 0x400;
    static constexpr std::array<std::uint64_t, 7> values{0xfee0'0800, 0xfee0'0c00, 0xfed0'0800, 0xfed0'0c00,
                                                         0xfee0'0000, 0xfee0'0400, 0xfee0'0801};
    const std::uint64_t bootstrap = on == 0 ? 0x100 : 0;
    std::uint64_t value = dice_.pick(values);
    if (logical_ && !x2apic_ && !may(feature::mixed_modes)) value &= ~extended;
    if ((value & (enabled | extended)) == 0 && !may(feature::apic_disable)) value |= enabled;
    if (dice_.chance(30)) return add("read", {{"vcpu", on}, {"msr", "0x1b"}});
    add("write", {{"vcpu", on}, {"msr", "0x1b"}, {"value", hex(value | bootstrap)}});
    mixed_ = true;
}

}  // namespace irqbench::tools::fuzz::x86
