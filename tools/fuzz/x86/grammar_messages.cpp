#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/fuzz/x86/grammar.hpp"

namespace irqbench::tools::fuzz::x86 {

/// Of what is no pin.
std::uint32_t Grammar::message_vector() {
    return may(feature::shared_message) ? vector() : vectors_[dice_.roll(2) * 2 + 1];
}

/// One or several vCPUs, as a message names them.
void Grammar::destination(Json& argument, const char* key) {
    if (logical_ && dice_.chance(40)) {
        argument["dest_mode"] = "logical";
        argument[key] = 1 + dice_.roll((1U << case_.vcpus) - 1);
    } else if (dice_.chance(8)) {
        argument[key] = dice_.chance(50) ? 0xff : 0x7;
    } else {
        argument[key] = vcpu();
    }
}

void Grammar::mode(Json& argument, bool may_be_nmi) {
    const bool no_choice = case_.vcpus == 1 || may(feature::arbitration);
    if (dice_.chance(12) && no_choice && may(feature::lowest_priority))
        argument["mode"] = "lowest-priority";
    else if (dice_.chance(5) && may_be_nmi && (may(feature::logical_nmi) || !argument.contains("dest_mode")))
        argument["mode"] = "nmi";
}

/// A message by lowest priority where modes choose by rules of their own: always with the same vector, to the
/// same vCPUs, so that it can be told whether exactly one of them took it.
bool Grammar::arbitrated(Json& argument, const char* key) {
    if (arbitrated_ == 0 || !dice_.chance(25)) return false;
    argument["vector"] = hex(arbitrated_);
    argument["mode"] = "lowest-priority";
    argument["dest_mode"] = "logical";
    argument[key] = candidates_;
    return true;
}

void Grammar::line() {
    const Pin& pin = dice_.pick(pins_);
    static constexpr std::array verbs{"raise", "raise", "lower", "pulse"};
    add(dice_.pick(verbs), dice_.chance(10) && routed_ ? 24 : pin.number);
}

void Grammar::msi() {
    Json argument = {{"vector", hex(message_vector())}};
    if (arbitrated(argument, "dest")) return add("msi", std::move(argument));
    destination(argument, "dest");
    mode(argument, true);
    if (may(feature::level_messages) && dice_.chance(10)) argument["trigger"] = "level";
    add("msi", std::move(argument));
}

void Grammar::ipi() {
    Json argument = {{"from", vcpu()}, {"vector", hex(message_vector())}};
    if (arbitrated(argument, "to")) return add("ipi", std::move(argument));
    if (dice_.chance(40)) {
        static constexpr std::array shorthands{"self", "all", "others"};
        const char* to = dice_.pick(shorthands);
        argument["shorthand"] = to;
        // With `self`, and with `all`, only fixed is valid (SDM vol. 3, table 11-3).
        if (std::string_view(to) == "others") mode(argument, true);
    } else {
        destination(argument, "to");
        // From a CPU in x2APIC mode it means everybody to those in xAPIC mode alone, if to anybody.
        if (mixed_ && argument["to"] == 0xff && !may(feature::mixed_modes)) argument["to"] = 0;
        mode(argument, true);
    }
    add("ipi", std::move(argument));
}

void Grammar::irqfd() {
    if (irqfds_ == 2) return;
    const Pin& pin = dice_.pick(pins_);
    Json argument = {{"name", fmt::format("dev{}", irqfds_++)}, {"gsi", pin.number}};
    const bool may_resample = pin.level && (!rerouted_ || may(feature::edge_resample));
    if (may_resample && dice_.chance(70)) {
        argument["resample"] = true;
        resamples_ = true;
        // Until it is programmed a pin is edge-triggered.
        if (!may(feature::edge_resample)) ioapic_pin(pin);
    }
    add("irqfd", std::move(argument));
}

void Grammar::signal() {
    if (irqfds_ != 0) add("signal", fmt::format("dev{}", dice_.roll(irqfds_)));
}

void Grammar::route() {
    Json message = {{"vector", hex(message_vector())}};
    if (!arbitrated(message, "dest")) destination(message, "dest");
    if (dice_.chance(60)) {
        routed_ = true;
        add("route", {{"gsi", 24}, {"msi", std::move(message)}});
    } else if (resamples_ && !may(feature::edge_resample)) {
        return;  // nor may its GSI go to another pin
    } else if (const Pin& pin = dice_.pick(pins_); dice_.chance(50)) {
        rerouted_ = true;
        add("route", {{"gsi", pin.number}, {"ioapic", dice_.pick(pins_).number}});
    } else {
        add("unroute", pin.number);
    }
}

void Grammar::nmi() { add("nmi", vcpu()); }

}  // namespace irqbench::tools::fuzz::x86
