#include "vmm/host_lines.hpp"

#include <algorithm>

namespace irqbench::vmm {

using routing::PinRoute;

void HeldPins::set(const routing::RoutingTable& table, std::uint32_t gsi, bool level) {
    for (const routing::Route& route : table.routes(gsi)) {
        const auto* pin = std::get_if<PinRoute>(&route);
        if (pin == nullptr) continue;
        std::erase(held_, *pin);
        if (level) held_.push_back(*pin);
    }
}

bool HeldPins::holds(const PinRoute& pin) const {
    return std::find(held_.begin(), held_.end(), pin) != held_.end();
}

void HostLines::set_among_others(std::uint32_t gsi, bool level) {
    if (gsi < changes_->size()) (*changes_)[gsi].store(level ? raised : lowered, std::memory_order_relaxed);
}

/// By the GSIs that lead to the pin now. If several were changed, one that was raised last holds it.
bool HostLines::was_left_high(const routing::RoutingTable& table, const PinRoute& pin) const {
    bool changed = false;
    for (const routing::Entry& entry : table.entries()) {
        if (entry.gsi >= changes_->size() || entry.route != routing::Route(pin)) continue;
        const Change last = (*changes_)[entry.gsi].load(std::memory_order_relaxed);
        if (last == raised) return true;
        changed = changed || last == lowered;
    }
    return !changed && holds(pin);
}

void HostLines::settle(const routing::RoutingTable& table, std::span<const Pin> pins) {
    Pins held;
    for (const Pin& pin : pins) {
        if (pin.high == false) continue;
        const bool said = pin.high.has_value() && !pin.resampler;
        if (said || was_left_high(table, pin.route)) held.push_back(pin.route);
    }
    held_ = std::move(held);
    for (std::atomic<Change>& change : *changes_) change.store(none, std::memory_order_relaxed);
}

void ResampledLines::settle(std::span<const Pin> pins, const HeldPins& hosts) {
    for (const Pin& pin : pins) {
        if (pin.high == false)
            std::erase(held_, pin.route);
        else if (pin.high == true && pin.resampler && !hosts.holds(pin.route) && !holds(pin.route))
            held_.push_back(pin.route);
    }
}

}  // namespace irqbench::vmm
