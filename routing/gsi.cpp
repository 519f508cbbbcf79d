#include "routing/gsi.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace irqbench::routing {

namespace {

struct ToRaw {
    RawRoute operator()(const PinRoute& route) const {
        return {RawRoute::type_pin, route.flags, {static_cast<std::uint32_t>(route.chip), route.pin, 0, 0}};
    }
    RawRoute operator()(const MsiRoute& route) const {
        return {RawRoute::type_msi,
                route.flags | (route.device_id ? RawRoute::flag_device_id : 0),
                {static_cast<std::uint32_t>(route.address), static_cast<std::uint32_t>(route.address >> 32),
                 route.data, route.device_id.value_or(0)}};
    }
    RawRoute operator()(const RawRoute& route) const { return route; }
};

struct ToText {
    std::span<const ChipInfo> chips;

    std::string operator()(const PinRoute& route) const {
        const auto known = std::find_if(chips.begin(), chips.end(),
                                        [&](const ChipInfo& info) { return info.chip == route.chip; });
        const std::string chip = known != chips.end()
                                     ? std::string(known->name)
                                     : fmt::format("chip {}", static_cast<std::uint32_t>(route.chip));
        return fmt::format("{} pin {}{}", chip, route.pin, flags(route.flags));
    }
    std::string operator()(const MsiRoute& route) const {
        const std::string device = route.device_id ? fmt::format(" device {:#x}", *route.device_id) : "";
        return fmt::format("MSI {:#x} data {:#x}{}{}", route.address, route.data, device, flags(route.flags));
    }
    std::string operator()(const RawRoute& route) const {
        return fmt::format("type {}{}", route.type, flags(route.flags));
    }

    static std::string flags(std::uint32_t flags) {
        return flags != 0 ? fmt::format(" flags {:#x}", flags) : std::string();
    }
};

}  // namespace

RawRoute to_raw(const Route& route) { return std::visit(ToRaw{}, route); }

Route from_raw(const RawRoute& raw) {
    const auto& words = raw.words;
    if (raw.type == RawRoute::type_pin) return PinRoute{Chip{words[0]}, words[1], raw.flags};
    if (raw.type == RawRoute::type_msi) {
        MsiRoute route{
            (std::uint64_t{words[1]} << 32) | words[0], words[2], {}, raw.flags & ~RawRoute::flag_device_id};
        if ((raw.flags & RawRoute::flag_device_id) != 0) route.device_id = words[3];
        return route;
    }
    return raw;
}

std::string text(const Route& route, std::span<const ChipInfo> chips) {
    return std::visit(ToText{chips}, route);
}

}  // namespace irqbench::routing
