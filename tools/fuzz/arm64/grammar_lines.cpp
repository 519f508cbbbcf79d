#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tools/fuzz/arm64/grammar.hpp"

namespace irqbench::tools::fuzz::arm64 {

namespace {

constexpr std::uint32_t message_gsi = 90;  ///< beyond the SPIs

/// A place that an ioeventfd can watch.
struct Place {
    const char* at;
    std::uint32_t length;
};

constexpr std::array<Place, 3> watched{{{"0xd0001000", 4}, {"0xd0002000", 2}, {"0xd0003000", 0}}};

}  // namespace

void Grammar::line() {
    static constexpr std::array verbs{"raise", "raise", "lower", "pulse"};
    const char* verb = dice_.pick(verbs);
    if (!ppis_.empty() && dice_.chance(25)) {
        Json argument = {{"ppi", dice_.pick(ppis_).intid}};
        if (const std::uint32_t of = vcpu(); of != 0) argument["vcpu"] = of;
        return add(verb, std::move(argument));
    }
    add(verb, spis_[devices_ + dice_.roll(spis_.size() - devices_)].intid - private_count);
}

const Wire& Grammar::device() { return spis_[dice_.roll(devices_)]; }

void Grammar::irqfd() {
    if (irqfds_ == 2) return;
    const Wire& spi = device();
    const bool message = its_ && dice_.chance(25);
    Json argument = {{"name", fmt::format("dev{}", irqfds_)},
                     {"gsi", message ? message_gsi : spi.intid - private_count}};
    if (!message && spi.level) {
        const bool resample = may(feature::resample) && (dice_.chance(80) || !may(feature::level_irqfd));
        if (!resample && !may(feature::level_irqfd)) return;
        if (resample) argument["resample"] = true;
    }
    ++irqfds_;
    if (message) message_route(message_gsi);
    add("irqfd", std::move(argument));
}

void Grammar::signal() {
    if (irqfds_ == 0) return;
    const std::uint32_t which = dice_.roll(irqfds_);
    if (deassigned_.count(which) == 0) add("signal", fmt::format("dev{}", which));
}

void Grammar::deassign() {
    if (irqfds_ == 0) return;
    const std::uint32_t which = dice_.roll(irqfds_);
    if (deassigned_.insert(which).second) add("deassign", fmt::format("dev{}", which));
}

/// An event that is mapped, or was.
void Grammar::message_route(std::uint32_t gsi) {
    const MappedEvent& event = dice_.pick(events_);
    add("route", {{"gsi", gsi}, {"msi", {{"event", event.event}, {"device", event.device}}}});
}

/// KVM_IRQ_LINE asks for no route: what an irqfd does changes. Those of levels stay as they are, or a line
/// would be left high.
void Grammar::route() {
    if (its_ && dice_.chance(60)) {
        const Wire& from = device();
        return message_route(dice_.chance(70) || from.level ? message_gsi : from.intid - private_count);
    }
    const Wire& from = device();
    const Wire& to = device();
    if (from.level || to.level) return;
    const std::uint32_t gsi = from.intid - private_count;
    if (dice_.chance(70))
        add("route", {{"gsi", gsi}, {"spi", to.intid}});
    else
        add("unroute", gsi);
}

/// An ioeventfd, or a write that may ring one.
void Grammar::doorbell() {
    if (!may(feature::doorbells)) return;
    const std::uint32_t index = dice_.roll(watched.size());
    const Place& place = watched.at(index);
    const std::string name = fmt::format("bell{}", index);
    if (doorbells_.count(index) == 0) {
        doorbells_.insert(index);
        Json argument = {{"name", name}, {"address", place.at}, {"length", place.length}};
        if (place.length != 0 && dice_.chance(40)) argument["datamatch"] = 1;
        return add("ioeventfd", std::move(argument));
    }
    if (dice_.chance(15)) {
        doorbells_.erase(index);
        return add("deassign", name);
    }
    static constexpr std::array<std::uint32_t, 3> sizes{1, 2, 4};
    const std::uint32_t size = dice_.chance(70) && place.length != 0 ? place.length : dice_.pick(sizes);
    add_by(vcpu(), "write", {{"mmio", place.at}, {"value", dice_.roll(3)}, {"size", size}});
}

}  // namespace irqbench::tools::fuzz::arm64
