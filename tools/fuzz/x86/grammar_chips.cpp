#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/fuzz/x86/grammar.hpp"

namespace irqbench::tools::fuzz::x86 {

std::uint32_t Grammar::pin_vector(const Pin& pin) {
    if (pin.level && dice_.chance(60)) return vectors_[0];
    const std::uint32_t any = vector();
    if (may(feature::shared_vector) && may(feature::shared_message)) return any;
    // Those at even places are for level-triggered pins, those at odd ones for others.
    return vectors_[dice_.roll(2) * 2 + (pin.level ? 0 : 1)];
}

void Grammar::ioapic() { ioapic_pin(dice_.pick(pins_)); }

void Grammar::ioapic_pin(const Pin& pin) {
    Json argument = {{"pin", pin.number}, {"vector", hex(pin_vector(pin))}};
    destination(argument, "dest");
    mode(argument, !pin.level || may(feature::nmi_level));
    if (pin.level) argument["trigger"] = "level";
    if (dice_.chance(25)) argument["masked"] = true;
    if (const std::uint32_t by = vcpu(); by != 0) argument["vcpu"] = by;
    add("ioapic", std::move(argument));
}

void Grammar::mask() { add(dice_.chance(40) ? "mask" : "unmask", dice_.pick(pins_).number); }

void Grammar::retarget() {
    Json argument = {{"pin", dice_.pick(pins_).number}, {"dest", vcpu()}};
    add("retarget", std::move(argument));
}

void Grammar::read_chips() {
    if (uses_pic_ && dice_.chance(60)) {
        static constexpr std::array<std::uint32_t, 4> ports{0x20, 0x21, 0xa0, 0xa1};
        add("read", {{"port", hex(dice_.pick(ports))}, {"size", 1}});
    } else if (may(feature::versions) && dice_.chance(10)) {
        add("read", {{"ioapic", dice_.chance(50) ? "0x00" : "0x01"}});
    } else if (may(feature::entry_reads)) {
        const std::uint32_t selector = 0x10 + 2 * dice_.pick(pins_).number + dice_.roll(2);
        add("read", {{"ioapic", hex(selector)}});
    }
}

/// Both chips, and handlers that EOI them.
void Grammar::pic() {
    Json argument = {{"base", "0x20"}, {"slave_base", "0x28"}};
    if (dice_.chance(15)) argument["auto_eoi"] = true;
    if (dice_.chance(10) && may(feature::pic_level)) argument["level_init"] = true;
    if (dice_.chance(10) && may(feature::special_nesting)) argument["special_fully_nested"] = true;
    if (dice_.chance(20)) argument["mask"] = hex(dice_.roll(256) & ~4U);
    for (std::uint32_t input = 0; input < 16; ++input) {
        if (!has_input(input) && input != 7 && input != 15) continue;
        Json policy = {{"vector", hex(0x20 + input)}, {"vcpu", 0}, {"eoi", input < 8 ? "pic" : "pics"}};
        if (may(feature::service) && dice_.chance(25)) {
            policy["stays"] = true;
            if (dice_.chance(60)) policy["nests"] = true;
            stays_.insert(0);
        } else if (dice_.chance(20)) {
            policy["eoi"] = "on request";
        }
        add("handler", std::move(policy));
    }
    add("pic", std::move(argument));
}

bool Grammar::has_input(std::uint32_t input) const {
    return std::any_of(pins_.begin(), pins_.end(), [&](const Pin& pin) { return pin.number == input; });
}

void Grammar::ocw() {
    if (!uses_pic_) return;
    Json argument = {{"chip", dice_.chance(60) ? "master" : "slave"}};
    const std::uint32_t kind = dice_.roll(10);
    const std::uint32_t level = dice_.roll(8);
    if (kind < 3) {
        static constexpr std::array<std::uint32_t, 3> plain{0x20, 0x20, 0xa0};
        argument["ocw2"] = hex(dice_.pick(plain));
    } else if (kind < 6) {
        static constexpr std::array<std::uint32_t, 3> specific{0x60, 0xe0, 0xc0};
        argument["ocw2"] = hex(dice_.pick(specific) | level);
    } else if (kind < 8) {
        argument["ocw3"] = ocw3();
    } else {
        argument["mask"] = hex(dice_.chance(50) ? 0 : 1U << level);
    }
    add("ocw", std::move(argument));
    if (dice_.chance(5) && may(feature::pic_again)) pic();
}

std::string Grammar::ocw3() {
    if (dice_.chance(15) && may(feature::poll)) return "0x0c";
    if (dice_.chance(25) && may(feature::special_mask)) return dice_.chance(60) ? "0x68" : "0x48";
    return dice_.chance(50) ? "0x0a" : "0x0b";
}

}  // namespace irqbench::tools::fuzz::x86
