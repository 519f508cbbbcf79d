#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <variant>

#include "irqchip/effect.hpp"
#include "irqchip/overloaded.hpp"

// Effects as text, so that a test states all of them at once and a failure shows what came instead.
namespace irqbench::irqchip {

inline std::string_view text(x86::DeliveryMode mode) {
    constexpr std::string_view names[] = {"fixed", "lowest", "smi",       "reserved3",
                                          "nmi",   "init",   "reserved6", "extint"};
    return names[static_cast<unsigned>(mode)];
}

/// `51 fixed level physical:0`: vector, delivery mode, trigger, destination; hexadecimal numbers.
inline std::string text(const x86::Message& message) {
    return fmt::format("{:02x} {} {} {}:{:x}", message.vector, text(message.delivery_mode),
                       message.trigger == x86::Trigger::level ? "level" : "edge",
                       message.destination_mode == x86::DestinationMode::logical ? "logical" : "physical",
                       message.destination);
}

inline std::string text(const Effect& effect) {
    return std::visit(
        Overloaded{
            [](const Deliver& e) { return fmt::format("deliver {}: {}", e.pin, text(e.message)); },
            [](const IntrLine& e) { return fmt::format("intr {}", e.level ? "high" : "low"); },
            [](const EoiBroadcast& e) { return fmt::format("broadcast {:02x}", e.vector); },
            [](const EoiOfPin& e) { return fmt::format("eoi of {}", e.pin); },
            [](const Unmasked& e) { return fmt::format("unmasked {}", e.pin); },
            [](const RouteChanged& e) { return fmt::format("route {}", e.pin); },
            [](const StormDelay& e) { return fmt::format("storm {} for {} ms", e.pin, e.delay.count()); },
            [](const SendIpi& e) {
                constexpr std::string_view names[] = {"", " self", " all", " others"};
                return fmt::format("ipi{}: {}", names[static_cast<unsigned>(e.shorthand)], text(e.message));
            },
            [](const SignalCpu& e) {
                constexpr std::string_view names[] = {"nmi", "smi", "init", "start-up"};
                const std::string_view name = names[static_cast<unsigned>(e.signal)];
                return e.signal == CpuSignal::start_up ? fmt::format("{} {:02x}", name, e.vector)
                                                       : std::string(name);
            },
            [](const ArmTimer& e) {
                constexpr std::string_view names[] = {"bus", "tsc", "pit"};
                return fmt::format("arm {} {}", names[static_cast<unsigned>(e.clock)], e.deadline);
            },
            [](const DisarmTimer&) { return std::string("disarm"); },
            [](const OutputChanged& e) {
                return fmt::format("out {} {}", e.channel, e.level ? "high" : "low");
            },
            [](const EoiOfSpi& e) { return fmt::format("eoi of spi {}", e.intid); },
            [](const LpiCommand& e) {
                constexpr std::string_view names[] = {"enable", "disable", "invalidate", "invalidate all"};
                const std::string_view name = names[static_cast<unsigned>(e.request)];
                return e.request == LpiRequest::invalidate
                           ? fmt::format("{} lpi {} of {}", name, e.intid, e.cpu)
                           : fmt::format("{} lpis of {}", name, e.cpu);
            },
        },
        effect);
}

inline std::string text(const Effects& effects) {
    std::string line;
    for (const Effect& effect : effects) line += (line.empty() ? "" : ", ") + text(effect);
    return line.empty() ? "nothing" : line;
}

}  // namespace irqbench::irqchip
