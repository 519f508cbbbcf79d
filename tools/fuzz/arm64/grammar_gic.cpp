#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "tools/fuzz/arm64/grammar.hpp"

namespace irqbench::tools::fuzz::arm64 {

namespace {

namespace gicc = irqchip::arm64::gicc;
namespace gicd = irqchip::arm64::gicd;

std::string offset_text(std::uint32_t offset) { return fmt::format("{:#x}", offset); }

}  // namespace

void Grammar::program(const Wire& wire, bool enabled) {
    Json argument = {{"intid", wire.intid},
                     {"trigger", wire.level ? "level" : "edge"},
                     {"priority", new_priority(wire.intid)}};
    if (wire.group == 0) argument["group"] = 0;
    if (!enabled) argument["enabled"] = false;
    if (wire.intid >= private_count) {
        if (const std::uint32_t to = vcpu(); to != 0) argument["to"] = to;
        return add("spi", std::move(argument));
    }
    for (std::uint32_t i = 0; i < case_.vcpus; ++i) add_by(i, "private", argument);
}

void Grammar::reprogram() { program(dice_.pick(spis_), dice_.chance(80)); }

void Grammar::program_sgi(std::uint32_t intid, std::uint32_t by, bool enabled) {
    Json argument = {{"intid", intid}, {"priority", new_priority(intid)}};
    if (!enabled) argument["enabled"] = false;
    add_by(by, "private", std::move(argument));
}

void Grammar::reprogram_sgi() { program_sgi(dice_.pick(sgis_), vcpu(), dice_.chance(80)); }

std::uint32_t Grammar::any_intid() {
    if (dice_.chance(20)) return dice_.pick(sgis_);
    if (!ppis_.empty() && dice_.chance(25)) return dice_.pick(ppis_).intid;
    return dice_.pick(spis_).intid;
}

/// An SPI any vCPU can reach; of a private one it is its own.
void Grammar::bit(const char* verb, std::uint32_t intid) {
    const std::uint32_t by = vcpu();
    if (by == 0)
        add(verb, intid);
    else
        add(verb, {{"intid", intid}, {"vcpu", by}});
}

bool Grammar::is_level(std::uint32_t intid) const {
    const auto of = [intid](const Wire& wire) { return wire.intid == intid && wire.level; };
    return std::any_of(spis_.begin(), spis_.end(), of) || std::any_of(ppis_.begin(), ppis_.end(), of);
}

bool Grammar::may_change(std::uint32_t intid) const {
    const bool may_be_held = !is_level(intid) && (mode_1_ || held_.count(intid) != 0);
    return !may_be_held || may(feature::held_edge);
}

void Grammar::enabling() {
    const bool enables = dice_.chance(55);
    const std::uint32_t intid = any_intid();
    if (enables || may_change(intid)) bit(enables ? "enable" : "disable", intid);
}

/// SGIs of a GICv2 have registers of their own for this (IHI 0048, 4.3.7).
void Grammar::pending() {
    const std::uint32_t intid = any_intid();
    if (intid < sgi_count && !v3_) return;
    if (is_level(intid) && !may(feature::software_level)) return;
    bit(dice_.chance(60) ? "set_pending" : "clear_pending", intid);
}

/// Those of an SGI are per sender on a GICv2.
void Grammar::active() {
    if (!may(feature::software_active)) return;
    const std::uint32_t intid = any_intid();
    if (intid < sgi_count && !v3_) return;
    bit(dice_.chance(45) ? "set_active" : "clear_active", intid);
}

void Grammar::priority() {
    const std::uint32_t intid = any_intid();
    add_by(vcpu(), "priority", {{"intid", intid}, {"priority", new_priority(intid)}});
}

void Grammar::retarget() {
    if (!masked_.empty() && !may(feature::masked_retarget)) return;
    const std::uint32_t by = vcpu();
    const std::uint32_t intid = dice_.pick(spis_).intid;
    if (may_change(intid)) add_by(by, "retarget", {{"intid", intid}, {"to", vcpu()}});
}

void Grammar::sgi() {
    Json argument = {{"intid", dice_.pick(sgis_)}};
    if (const std::uint32_t from = vcpu(); from != 0) argument["from"] = from;
    if (dice_.chance(25)) {
        argument["others"] = true;
    } else {
        std::set<std::uint32_t> to{vcpu()};
        while (dice_.chance(30)) to.insert(vcpu());
        argument["to"] = to;
    }
    add("sgi", std::move(argument));
}

/// The groups' enable bits; those that are fixed on a GICv3 of one security state are as they are.
void Grammar::distributor() {
    if (!may(feature::distributor_off)) return;
    off_ = !off_;
    constexpr std::uint32_t fixed = 0x50;
    const std::uint32_t enabled = v3_ ? 3 : 1;
    add_by(vcpu(), "write", {{"gicd", 0}, {"value", offset_text((v3_ ? fixed : 0) | (off_ ? 0 : enabled))}});
}

void Grammar::read() {
    if (!may(feature::reads)) return;
    if (dice_.chance(50))
        read_cpu_interface();
    else
        read_distributor();
}

/// Not the triggers: out of reset those of other SPIs are unknown (IHI 0069, 12.9 GICD_ICFGR).
void Grammar::read_distributor() {
    const std::uint32_t intid = any_intid();
    const bool is_shared = intid >= private_count;
    const bool in_redistributor = v3_ && !is_shared;
    const char* frame = in_redistributor ? "gicr" : "gicd";
    const std::uint32_t base = in_redistributor ? irqchip::arm64::gicr::sgi_base : 0;
    const auto add_read = [&](std::uint32_t offset, std::uint32_t size) {
        Json argument = {{frame, offset_text(base + offset)}};
        if (size != 4) argument["size"] = size;
        add_by(vcpu(), "read", std::move(argument));
    };
    switch (dice_.roll(5)) {
        case 0: return add_read(gicd::isenabler + intid / 32 * 4, 4);
        case 1: return add_read(gicd::ispendr + intid / 32 * 4, 4);
        case 2: return add_read(gicd::isactiver + intid / 32 * 4, 4);
        case 3: return add_read(gicd::ipriorityr + intid, 1);
        default:
            if (!is_shared) return add_read(gicd::ispendr, 4);
            return v3_ ? add_read(irqchip::arm64::gicd3::irouter + 8 * (intid - private_count), 8)
                       : add_read(gicd::itargetsr + intid, 1);
    }
}

void Grammar::read_cpu_interface() {
    static constexpr std::array registers{"icc_rpr_el1",   "icc_hppir1_el1", "icc_hppir0_el1",
                                          "icc_pmr_el1",   "icc_bpr1_el1",   "icc_ap1r0_el1",
                                          "icc_ap0r0_el1", "isr_el1",        "icc_igrpen1_el1"};
    static constexpr std::array<std::uint32_t, 4> offsets{gicc::pmr, gicc::bpr, gicc::rpr, gicc::hppir};
    if (v3_)
        add_by(vcpu(), "read", {{"sysreg", dice_.pick(registers)}});
    else
        add_by(vcpu(), "read",
               {{"gicc", offset_text(offsets.at(dice_.roll(may(feature::pending_id) ? 4 : 3)))}});
}

}  // namespace irqbench::tools::fuzz::arm64
