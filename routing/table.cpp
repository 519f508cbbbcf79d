#include "routing/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace irqbench::routing {

std::span<const Route> RoutingTable::routes(Gsi gsi) const {
    const auto found = routes_.find(gsi);
    return found == routes_.end() ? std::span<const Route>() : std::span<const Route>(found->second);
}

std::optional<Gsi> RoutingTable::gsi_of(Chip chip, std::uint32_t pin) const {
    const auto leads_to_pin = [&](const Route& route) {
        const auto* to_pin = std::get_if<PinRoute>(&route);
        return to_pin != nullptr && to_pin->chip == chip && to_pin->pin == pin;
    };
    for (auto at = routes_.rbegin(); at != routes_.rend(); ++at) {
        if (std::any_of(at->second.begin(), at->second.end(), leads_to_pin)) return at->first;
    }
    return std::nullopt;
}

std::vector<Entry> RoutingTable::entries() const {
    std::vector<Entry> all;
    all.reserve(size());
    for (const auto& [gsi, routes] : routes_) {
        for (const Route& route : routes) all.push_back({gsi, route});
    }
    return all;
}

std::size_t RoutingTable::size() const {
    std::size_t sum = 0;
    for (const auto& [gsi, routes] : routes_) sum += routes.size();
    return sum;
}

std::vector<RouteChange> diff(const RoutingTable& before, const RoutingTable& after) {
    std::vector<RouteChange> changes;
    auto old_gsi = before.by_gsi().begin();
    auto new_gsi = after.by_gsi().begin();
    const auto old_end = before.by_gsi().end();
    const auto new_end = after.by_gsi().end();
    while (old_gsi != old_end || new_gsi != new_end) {
        if (new_gsi == new_end || (old_gsi != old_end && old_gsi->first < new_gsi->first)) {
            changes.push_back({old_gsi->first, old_gsi->second, {}});
            ++old_gsi;
        } else if (old_gsi == old_end || new_gsi->first < old_gsi->first) {
            changes.push_back({new_gsi->first, {}, new_gsi->second});
            ++new_gsi;
        } else {
            if (old_gsi->second != new_gsi->second) {
                changes.push_back({old_gsi->first, old_gsi->second, new_gsi->second});
            }
            ++old_gsi;
            ++new_gsi;
        }
    }
    return changes;
}

RoutingTable patched(RoutingTable table, std::span<const RouteChange> changes) {
    for (const RouteChange& change : changes) table.set(change.gsi, change.after);
    return table;
}

namespace {

using Complaint = std::optional<std::string>;

Complaint about_flags(const Route& route) {
    const RawRoute raw = to_raw(route);
    const std::uint32_t known = raw.type == RawRoute::type_msi ? RawRoute::flag_device_id : 0;
    if ((raw.flags & ~known) == 0) return {};
    return fmt::format("unknown flags {:#x}", raw.flags & ~known);
}

/// Only pins share a GSI, and only pins of different chips.
Complaint about_sharing(const Route& route, std::span<const Route> earlier, std::span<const ChipInfo> chips) {
    for (const Route& other : earlier) {
        const auto* pin = std::get_if<PinRoute>(&route);
        const auto* other_pin = std::get_if<PinRoute>(&other);
        if (pin == nullptr || other_pin == nullptr) {
            return fmt::format("shares its GSI with {}; only pins can share one", text(other, chips));
        }
        if (pin->chip == other_pin->chip) {
            return fmt::format("shares its GSI with {}, a pin of the same chip", text(other, chips));
        }
    }
    return {};
}

struct AboutTarget {
    const RoutingRules& rules;

    Complaint operator()(const PinRoute& route) const {
        if (rules.chips.empty()) return "this machine's kernel has no interrupt controller with pins";
        const auto chip = std::find_if(rules.chips.begin(), rules.chips.end(),
                                       [&](const ChipInfo& info) { return info.chip == route.chip; });
        if (chip == rules.chips.end()) return "unknown chip";
        if (route.pin >= chip->pins) {
            return fmt::format("the {} has pins 0 to {}", chip->name, chip->pins - 1);
        }
        return {};
    }
    Complaint operator()(const MsiRoute& route) const {
        if (!rules.wide_destinations || ((route.address >> 32) & 0xff) == 0) return {};
        return "address bits 39:32 are reserved when bits 63:40 extend the destination (KVM_CAP_X2APIC_API)";
    }
    Complaint operator()(const RawRoute&) const { return "unknown type"; }
};

}  // namespace

std::optional<Refusal> validate(const RoutingTable& table, const RoutingRules& rules) {
    if (!rules.irqchip) return Refusal{EINVAL, {}, "the machine has no interrupt controller in the kernel"};
    if (table.size() > RoutingRules::max_entries) {
        return Refusal{
            EINVAL, {}, fmt::format("{} entries; KVM takes {}", table.size(), RoutingRules::max_entries)};
    }
    std::size_t index = 0;
    // Every GSI is checked before the first route is looked at.
    for (const auto& [gsi, routes] : table.by_gsi()) {
        if (gsi >= RoutingRules::max_entries) {
            return Refusal{
                EINVAL, index,
                fmt::format("GSI {} is out of range; the last is {}", gsi, RoutingRules::max_entries - 1)};
        }
        index += routes.size();
    }
    index = 0;
    for (const auto& [gsi, routes] : table.by_gsi()) {
        const std::span<const Route> of_gsi(routes);
        for (std::size_t i = 0; i < routes.size(); ++i, ++index) {
            Complaint complaint = about_flags(routes[i]);
            if (!complaint) complaint = about_sharing(routes[i], of_gsi.first(i), rules.chips);
            if (!complaint) complaint = std::visit(AboutTarget{rules}, routes[i]);
            if (complaint) {
                return Refusal{
                    EINVAL, index,
                    fmt::format("GSI {} -> {}: {}", gsi, text(routes[i], rules.chips), *complaint)};
            }
        }
    }
    return std::nullopt;
}

}  // namespace irqbench::routing
