#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/fuzz/x86/grammar.hpp"

namespace irqbench::tools::fuzz::x86 {

namespace {

/// A place that an ioeventfd can watch.
struct DoorbellPlace {
    const char* key;
    const char* at;
    std::uint32_t length;
};

constexpr std::array<DoorbellPlace, 4> places{
    {{"port", "0x700", 4}, {"port", "0x1f7", 1}, {"mmio", "0xd0001000", 2}, {"mmio", "0xd0002000", 0}}};

}  // namespace

/// One that expires is off afterwards: which of two comes first is no question of the controllers.
void Grammar::timer() {
    if (!may(feature::time)) return;
    const std::uint32_t on = vcpu();
    static constexpr std::array modes{"one-shot", "one-shot", "periodic", "tsc-deadline"};
    static constexpr std::array<std::uint32_t, 3> divisors{1, 2, 16};
    const std::string_view mode = dice_.pick(modes);
    Json argument = {{"vcpu", on}, {"mode", mode}, {"vector", hex(message_vector())}};
    argument["count"] = 100'000 * (1 + dice_.roll(20));
    if (mode != "tsc-deadline" && dice_.chance(30)) argument["divide"] = dice_.pick(divisors);
    add("timer", std::move(argument));
    add("timer", {{"vcpu", on}, {"mode", "off"}});
}

void Grammar::pit() {
    if (!pit_) return;
    // One-shot; other modes rise when they are programmed, too.
    add("pit", {{"mode", 0}, {"count", 1000 + dice_.roll(10'000)}});
}

/// An ioeventfd, or a write that may ring one.
void Grammar::doorbell() {
    if (!may(feature::doorbells)) return;
    const std::uint32_t index = dice_.roll(places.size());
    const DoorbellPlace& place = places.at(index);
    const std::string name = fmt::format("bell{}", index);
    if (doorbells_.count(index) == 0) {
        doorbells_.insert(index);
        const bool is_port = std::string_view(place.key) == "port";
        Json argument = {{"name", name}, {is_port ? "port" : "address", place.at}, {"length", place.length}};
        if (place.length != 0 && dice_.chance(40)) argument["datamatch"] = 1;
        return add("ioeventfd", std::move(argument));
    }
    if (dice_.chance(15)) {
        doorbells_.erase(index);
        return add("deassign", name);
    }
    static constexpr std::array<std::uint32_t, 3> sizes{1, 2, 4};
    const std::uint32_t size = dice_.chance(70) && place.length != 0 ? place.length : dice_.pick(sizes);
    add("write", {{"vcpu", vcpu()}, {place.key, place.at}, {"value", dice_.roll(3)}, {"size", size}});
}

}  // namespace irqbench::tools::fuzz::x86
