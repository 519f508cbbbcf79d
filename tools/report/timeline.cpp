#include "tools/report/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace irqbench::tools {

namespace {

constexpr std::size_t time_width = 9;
constexpr std::size_t gap = 2;
constexpr std::size_t left_margin = time_width + gap;
constexpr std::size_t narrowest = 14;

/// Lanes in the order of their columns: host, wires, kernel, then the vCPUs.
using Column = std::pair<int, std::uint32_t>;

Column column_of(const vmm::Event& event) {
    switch (event.lane) {
        case vmm::Lane::host: return {0, 0};
        case vmm::Lane::wire: return {1, 0};
        case vmm::Lane::kernel: return {2, 0};
        case vmm::Lane::guest: return {3, event.vcpu.value_or(0)};
    }
    return {0, 0};
}

/// The GSI that all events of the wire column speak of, if it is one.
std::string wire_title(const std::vector<vmm::Event>& events) {
    std::optional<std::uint32_t> gsi;
    for (const auto& event : events) {
        const auto* wire = std::get_if<vmm::event::Wire>(&event.what);
        if (wire == nullptr) continue;
        if (!wire->gsi || (gsi && *gsi != *wire->gsi)) return "wires";
        gsi = wire->gsi;
    }
    return gsi ? fmt::format("gsi {}", *gsi) : "wires";
}

std::string title(Column column, const std::vector<vmm::Event>& events) {
    switch (column.first) {
        case 0: return "host";
        case 1: return wire_title(events);
        case 2: return "kernel";
        default: return fmt::format("vCPU {}", column.second);
    }
}

std::string shortened(const std::string& text, std::size_t width) {
    return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

using Widths = std::map<Column, std::size_t>;

/// Takes from the widest column until the line fits.
void fit(Widths& widths, std::size_t room) {
    for (;;) {
        std::size_t total = 0;
        auto widest = widths.begin();
        for (auto it = widths.begin(); it != widths.end(); ++it) {
            total += it->second + gap;
            if (it->second > widest->second) widest = it;
        }
        if (widths.empty() || total <= room || widest->second <= narrowest) return;
        --widest->second;
    }
}

bool same_rest(const vmm::event::Rest& a, const vmm::event::Rest& b) {
    return a.state == b.state && a.interrupts_enabled == b.interrupts_enabled && a.depth == b.depth &&
           a.in_service == b.in_service;
}

/// The agent's log says by itself that an EOI was written and a handler left.
bool repeats_a_record(const vmm::Event& event) {
    const auto* done = std::get_if<vmm::event::OperationDone>(&event.what);
    return done != nullptr && !done->fault && (done->text == "eoi" || done->text == "return");
}

void strip_end(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

std::string event_line(const vmm::Event& event, const Widths& widths) {
    const double microseconds = std::chrono::duration<double, std::micro>(event.at).count();
    std::string line = fmt::format("{:>{}.1f}{:{}}", microseconds, time_width, "", gap);
    for (const auto& [column, wide] : widths) {
        const std::string cell =
            column == column_of(event) ? shortened(vmm::describe_in_lane(event), wide) : "";
        line += fmt::format("{:<{}}", cell, wide + gap);
    }
    strip_end(line);
    return line;
}

}  // namespace

Excerpt excerpt(const std::vector<vmm::Event>& trace, const scenarios::Failure& failure, std::size_t most) {
    std::map<std::uint32_t, const vmm::event::Rest*> resting;
    std::vector<std::size_t> chosen;
    // What came after the offending event does not explain it.
    const std::size_t end = std::min(failure.event ? *failure.event + 1 : failure.end, trace.size());
    for (std::size_t i = 0; i < end; ++i) {
        const auto* rest = std::get_if<vmm::event::Rest>(&trace[i].what);
        if (rest != nullptr) {
            const auto*& before = resting[trace[i].vcpu.value_or(0)];
            if (before != nullptr && same_rest(*before, *rest) && failure.event != i) continue;
            before = rest;
        }
        if (!repeats_a_record(trace[i])) chosen.push_back(i);
    }
    if (chosen.size() > most) chosen.erase(chosen.begin(), chosen.end() - static_cast<std::ptrdiff_t>(most));

    Excerpt result;
    for (const std::size_t i : chosen) {
        if (failure.event == i) result.marked = result.events.size();
        result.events.push_back(trace[i]);
    }
    return result;
}

std::string timeline(const Excerpt& excerpt, const std::string& mark, std::size_t width) {
    if (excerpt.events.empty()) return {};
    Widths widths;
    for (const auto& event : excerpt.events) {
        auto& needed = widths[column_of(event)];
        needed = std::max(
            {needed, vmm::describe_in_lane(event).size(), title(column_of(event), excerpt.events).size()});
    }
    std::string arrow;
    const std::size_t room = width > left_margin ? width - left_margin : 0;
    if (excerpt.marked && !mark.empty()) {
        arrow = "<-- " + mark;
        const auto& marked = excerpt.events[*excerpt.marked];
        const std::size_t needed = vmm::describe_in_lane(marked).size() + gap + arrow.size();
        // The arrow follows the marked cell, so it is the columns before that which must leave room for it.
        Widths before(widths.begin(), widths.find(column_of(marked)));
        fit(before, room > needed ? room - needed : 0);
        for (const auto& [column, wide] : before) widths[column] = wide;
    }
    fit(widths, room);

    std::string text = fmt::format("{:>{}}{:{}}", "time us", time_width, "", gap);
    for (const auto& [column, wide] : widths)
        text += fmt::format("{:<{}}", title(column, excerpt.events), wide + gap);
    strip_end(text);
    text += '\n';
    for (std::size_t i = 0; i < excerpt.events.size(); ++i) {
        std::string line = event_line(excerpt.events[i], widths);
        if (excerpt.marked == i && !arrow.empty()) line += fmt::format("{:{}}{}", "", gap, arrow);
        text += line + '\n';
    }
    return text;
}

}  // namespace irqbench::tools
