#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tools/fuzz/arm64/grammar.hpp"

namespace irqbench::tools::fuzz::arm64 {

void Grammar::prepare_its() {
    add("its", true);
    collections_ = {vcpu(), vcpu()};
    for (std::uint32_t i = 0; i < collections_.size(); ++i)
        command("mapc", {{"collection", i}, {"to", collections_[i]}});
    static constexpr std::array<std::uint32_t, 2> devices{3, 7};
    for (const std::uint32_t device : devices) command("mapd", {{"device", device}});
    const std::uint32_t count = 2 + dice_.roll(dice_.chance(20) ? 5 : 2);
    for (std::uint32_t i = 0; i < count; ++i) {
        events_.push_back({dice_.pick(devices), i, first_lpi + i, false});
        configure(events_.back());
        map(events_.back());
    }
}

void Grammar::command(const char* name, Json arguments) {
    Json argument = {{"command", name}};
    argument.update(arguments);
    add_by(0, "its_command", std::move(argument));
}

/// A mapping that is there is not mapped again, nor an LPI by two events: unpredictable (IHI 0069, 5.3
/// MAPTI).
void Grammar::map(MappedEvent& event) {
    event.mapped = true;
    command("mapti", {{"device", event.device},
                      {"event", event.event},
                      {"intid", event.lpi},
                      {"collection", dice_.roll(collections_.size())}});
}

void Grammar::configure(const MappedEvent& event) {
    Json argument = {{"intid", event.lpi}, {"priority", new_priority(event.lpi)}};
    if (dice_.chance(20)) argument["enabled"] = false;
    add("lpi", std::move(argument));
}

/// Of an event that is mapped, mostly.
void Grammar::msi() {
    if (!its_) return;
    constexpr std::uint32_t no_event = 100;
    const MappedEvent& event = dice_.pick(events_);
    add("msi", {{"event", dice_.chance(5) ? no_event : event.event}, {"device", event.device}});
}

void Grammar::its_command() {
    if (!its_) return;
    MappedEvent& event = events_[dice_.roll(events_.size())];
    if (!event.mapped) return map(event);
    const Json of_event = {{"device", event.device}, {"event", event.event}};
    switch (dice_.roll(10)) {
        case 0:
        case 1: return command("int", of_event);
        case 2:
        case 3: return command("clear", of_event);
        case 4:
        case 5:
        case 6: {
            Json argument = of_event;
            argument["collection"] = dice_.roll(collections_.size());
            return command("movi", std::move(argument));
        }
        case 7: return discard(event);
        case 8: return command("sync", {{"to", vcpu()}});
        default: return move_collection();
    }
}

void Grammar::discard(MappedEvent& event) {
    event.mapped = false;
    const Json of_event = {{"device", event.device}, {"event", event.event}};
    if (!may(feature::discard_pending)) command("clear", of_event);
    command("discard", of_event);
}

/// All of a redistributor, as MOVALL moves what is pending, not what is mapped; or else with nothing pending.
void Grammar::move_collection() {
    const std::uint32_t from = dice_.pick(collections_);
    const std::uint32_t to = vcpu();
    if (!may(feature::collections))
        for (const MappedEvent& event : events_)
            if (event.mapped) command("clear", {{"device", event.device}, {"event", event.event}});
    for (std::uint32_t i = 0; i < collections_.size(); ++i) {
        if (collections_[i] != from) continue;
        collections_[i] = to;
        command("mapc", {{"collection", i}, {"to", to}});
    }
    command("movall", {{"from", from}, {"to", to}});
}

/// A configuration counts from INV or INVALL on; when else it is read, the redistributor may choose (IHI
/// 0069, 5.3 INV).
void Grammar::lpi() {
    if (!its_) return;
    const MappedEvent& event = dice_.pick(events_);
    configure(event);
    if (event.mapped && dice_.chance(60))
        return command("inv", {{"device", event.device}, {"event", event.event}});
    for (std::uint32_t i = 0; i < collections_.size(); ++i) command("invall", {{"collection", i}});
}

}  // namespace irqbench::tools::fuzz::arm64
