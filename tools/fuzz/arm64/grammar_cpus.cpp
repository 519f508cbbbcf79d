#include <fmt/format.h>

#include <array>

#include "irqchip/arm64/gicv2_registers.hpp"
#include "tools/fuzz/arm64/grammar.hpp"
#include "vmm/arm64/virtual_timer.hpp"

namespace irqbench::tools::fuzz::arm64 {

namespace {

constexpr std::uint32_t timer_ppi = vmm::arm64::VirtualTimer::ppi;
constexpr const char* least_urgent = "0xf0";

}  // namespace

void Grammar::handler() {
    const bool message = its_ && dice_.chance(25);
    handler_of(message ? dice_.pick(events_).lpi : any_intid());
}

void Grammar::handler_of(std::uint32_t intid) {
    Json argument = {{"intid", intid}};
    if (dice_.chance(30)) argument["vcpu"] = vcpu();
    bool ends = true;
    if (dice_.chance(60) && may(feature::service)) {
        argument["stays"] = true;
        if (dice_.chance(60)) argument["nests"] = true;
        ends = false;
        if (dice_.chance(20)) {
            argument["eoi"] = "first";
            ends = true;
        } else if (dice_.chance(30)) {
            argument["eoi"] = "auto";
            ends = true;
        }
        for (std::uint32_t i = 0; i < case_.vcpus; ++i)
            if (!argument.contains("vcpu") || argument["vcpu"] == i) stays_.insert(i);
    } else if (dice_.chance(15) && may(feature::service)) {
        argument["eoi"] = "on request";
        ends = false;
    }
    if (argument.contains("stays") || !ends) held_.insert(intid);
    if (mode_1_ && ends && intid < first_lpi && dice_.chance(65)) argument["deactivates"] = true;
    if (intid >= private_count && intid < first_lpi && dice_.chance(40) && may(feature::level))
        argument["lowers"] = intid - private_count;
    add("handler", std::move(argument));
}

void Grammar::flag() {
    const std::uint32_t on = vcpu();
    const bool closed = closed_.count(on) != 0;
    if (closed)
        closed_.erase(on);
    else
        closed_.insert(on);
    add(closed ? "unmask" : "mask", on);
}

void Grammar::mask_priority() {
    static constexpr std::array<std::uint32_t, 7> values{0xff, 0xff, 0xf0, 0xa0, 0x80, 0x48, 0x00};
    const std::uint32_t on = vcpu();
    const std::uint32_t value = dice_.pick(values);
    add_by(on, "pmr", {{"value", fmt::format("{:#x}", value)}});
    if (value == 0xff)
        masked_.erase(on);
    else
        masked_.insert(on);
}

/// GICC_BPR, or ICC_BPR1_EL1, of which 0 to 2 make no difference with five bits of priority.
void Grammar::binary_point() {
    if (!may(feature::binary_point)) return;
    const std::uint32_t value = 2 + dice_.roll(6);
    if (!v3_) return add_by(vcpu(), "write", {{"gicc", irqchip::arm64::gicc::bpr}, {"value", value}});
    write_sysreg(vcpu(), dice_.chance(80) ? "icc_bpr1_el1" : "icc_bpr0_el1", value);
}

/// Group 0 is never enabled alone: QEMU's EL2 then interrupts KVM for ever (docs/lab.md).
void Grammar::group_enable() {
    if (!may(feature::groups)) return;
    const std::uint32_t on = vcpu();
    std::uint32_t& off = groups_off_[on];
    if (!v3_) {
        off = 1 - off;
        const std::uint32_t mode = mode_1_ ? 0x200 : 0;
        return add_by(on, "write",
                      {{"gicc", 0}, {"value", fmt::format("{:#x}", mode | (off != 0 ? 0 : 3U))}});
    }
    if (off == 0)
        write_sysreg(on, "icc_igrpen0_el1", 0);
    else if (off == 1 && dice_.chance(50))
        write_sysreg(on, "icc_igrpen1_el1", 0);
    else
        write_sysreg(on, off == 2 ? "icc_igrpen1_el1" : "icc_igrpen0_el1", 1);
    const bool on_again = case_.steps.back()["write"]["value"] == "0x1";
    off = on_again ? off - 1 : off + 1;
}

void Grammar::leave() {
    const std::uint32_t on = vcpu();
    if (stays_.count(on) != 0) add("return", on);
}

void Grammar::eoi() {
    if (!may(feature::service)) return;
    if (dice_.chance(70)) return add("eoi", vcpu());
    const std::uint32_t intid = its_ && dice_.chance(25) ? dice_.pick(events_).lpi : any_intid();
    add("eoi", {{"vcpu", vcpu()}, {"intid", intid}});
}

void Grammar::deactivate() {
    if (!mode_1_) return;
    const bool only_ones_own = case_.vcpus > 1 && !may(feature::foreign_deactivation);
    if (dice_.chance(40) || only_ones_own) return add("deactivate", vcpu());
    add("deactivate", {{"vcpu", vcpu()}, {"intid", any_intid()}});
}

void Grammar::wait() {
    const std::uint32_t on = vcpu();
    if (dice_.chance(70)) return add("wfi", on);
    closed_.insert(on);
    add("wfi", {{"vcpu", on}, {"masked", true}});
}

/// One whose time has come when it is enabled: a level that the guest itself moves. When a later one comes is
/// no question of the controllers, nor whether one that is high still at its EOI comes before what is less
/// urgent: so nothing is.
void Grammar::timer() {
    if (!may(feature::timer)) return;
    const std::uint32_t on = vcpu();
    if (!timed_) {
        timed_ = true;
        for (std::uint32_t i = 0; i < case_.vcpus; ++i) {
            add_by(i, "private", {{"intid", timer_ppi}, {"trigger", "level"}, {"priority", least_urgent}});
            stays_.insert(i);
        }
        add("handler", {{"intid", timer_ppi}, {"stays", true}});
    }
    static constexpr std::array<std::uint64_t, 5> controls{1, 1, 0, 0, 3};
    write_sysreg(on, "cntv_ctl_el0", dice_.pick(controls));
}

}  // namespace irqbench::tools::fuzz::arm64
