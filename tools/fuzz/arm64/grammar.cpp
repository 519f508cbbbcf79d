#include "tools/fuzz/arm64/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace irqbench::tools::fuzz::arm64 {

Case Grammar::make() {
    choose_machine();
    choose_interrupts();
    prepare();
    static constexpr std::array rules{
        Rule{16, &Grammar::line},        Rule{10, &Grammar::msi},          Rule{9, &Grammar::sgi},
        Rule{4, &Grammar::reprogram},    Rule{3, &Grammar::reprogram_sgi}, Rule{6, &Grammar::enabling},
        Rule{5, &Grammar::pending},      Rule{3, &Grammar::active},        Rule{4, &Grammar::priority},
        Rule{5, &Grammar::retarget},     Rule{8, &Grammar::flag},          Rule{5, &Grammar::mask_priority},
        Rule{1, &Grammar::binary_point}, Rule{2, &Grammar::group_enable},  Rule{1, &Grammar::distributor},
        Rule{4, &Grammar::handler},      Rule{9, &Grammar::leave},         Rule{8, &Grammar::eoi},
        Rule{6, &Grammar::deactivate},   Rule{8, &Grammar::read},          Rule{5, &Grammar::signal},
        Rule{4, &Grammar::route},        Rule{1, &Grammar::irqfd},         Rule{1, &Grammar::deassign},
        Rule{3, &Grammar::wait},         Rule{8, &Grammar::its_command},   Rule{3, &Grammar::lpi},
        Rule{3, &Grammar::timer},        Rule{2, &Grammar::doorbell},
    };
    follow(rules);
    return std::move(case_);
}

void Grammar::add_by(std::uint32_t vcpu, const char* verb, Json argument) {
    if (vcpu != 0) argument["vcpu"] = vcpu;
    add(verb, std::move(argument));
}

void Grammar::write_sysreg(std::uint32_t vcpu, const char* name, std::uint64_t value) {
    add_by(vcpu, "write", {{"sysreg", name}, {"value", fmt::format("{:#x}", value)}});
}

/// Of five bits; the lowest is never taken, the next is the timer's. A private interrupt may have its earlier
/// ones on other vCPUs.
std::string Grammar::new_priority(std::uint32_t intid) {
    constexpr std::uint32_t levels = 30;
    constexpr std::uint32_t step = 8;
    std::uint32_t value = step * dice_.roll(levels);
    while (owners_.count(value) != 0 && owners_[value] != intid) value = (value + step) % (levels * step);
    if (intid >= private_count)
        for (auto each = owners_.begin(); each != owners_.end();)
            each = each->second == intid ? owners_.erase(each) : std::next(each);
    owners_[value] = intid;
    return fmt::format("{:#04x}", value);
}

void Grammar::choose_machine() {
    case_.vcpus = dice_.chance(35) ? 1 : 2 + dice_.roll(3);
    const bool either = may(feature::gicv2) && may(feature::gicv3);
    const bool prefers_v2 = dice_.chance(30);
    v3_ = either ? !prefers_v2 : !may(feature::gicv2);
    its_ = dice_.chance(50) && v3_ && may(feature::its);
    mode_1_ = dice_.chance(35) && may(feature::eoi_mode) && (!its_ || may(feature::lpi_eoi_mode));
    Json machine = {{"gic", v3_ ? "v3" : "v2"}};
    if (its_) {
        machine["its"] = true;
        machine["memory"] = "0x100000";
    }
    case_.head["machine"] = std::move(machine);
}

void Grammar::choose_interrupts() {
    static constexpr std::array<std::uint32_t, 12> spis{32, 33, 40, 41, 42, 43, 47, 48, 63, 64, 65, 95};
    static constexpr std::array<std::uint32_t, 4> ppis{16, 18, 20, 22};
    const auto make = [&](std::uint32_t intid) {
        const bool level = dice_.chance(45) && may(feature::level);
        const bool first_group = dice_.chance(20) && v3_ && may(feature::groups);
        return Wire{intid, level, first_group ? 0U : 1U};
    };
    // More than there are list registers, now and then.
    const std::uint32_t count = 2 + dice_.roll(dice_.chance(25) ? 6 : 3);
    std::set<std::uint32_t> chosen;
    while (chosen.size() < count) chosen.insert(dice_.pick(spis));
    for (const std::uint32_t intid : chosen) spis_.push_back(make(intid));
    devices_ = spis_.size() > 3 ? 2 : 1;
    std::rotate(spis_.begin(), spis_.begin() + dice_.roll(spis_.size()), spis_.end());
    // A PPI is a level, whatever is programmed (irqchip/arm64/gic_redistributor.hpp).
    for (const std::uint32_t intid : ppis) {
        if (!dice_.chance(25) || !may(feature::level)) continue;
        ppis_.push_back(make(intid));
        ppis_.back().level = true;
    }
    sgis_ = {dice_.roll(4), 4 + dice_.roll(4)};
}

/// EOImode, interrupts, handlers, the ITS and descriptors.
void Grammar::prepare() {
    for (std::uint32_t i = 0; mode_1_ && i < case_.vcpus; ++i)
        add("eoi_mode", i == 0 ? Json(1) : Json({{"vcpu", i}, {"mode", 1}}));
    if (its_) prepare_its();
    if (dice_.chance(25)) binary_point();
    for (const Wire& wire : spis_) {
        program(wire, dice_.chance(85));
        // A device on a level lowers its line when it is served, or the interrupt would not end.
        if (wire.level && dice_.chance(60))
            add("handler", {{"intid", wire.intid}, {"lowers", wire.intid - private_count}});
    }
    for (const Wire& wire : ppis_) program(wire, dice_.chance(85));
    for (const std::uint32_t intid : sgis_)
        for (std::uint32_t i = 0; i < case_.vcpus; ++i) program_sgi(intid, i, dice_.chance(80));
    for (std::uint32_t i = dice_.roll(5); i > 0; --i) handler();
    if (dice_.chance(40)) irqfd();
}

}  // namespace irqbench::tools::fuzz::arm64
