#include "tools/report/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "scenarios/engine/architecture.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

constexpr std::size_t usual_time_width = 9;
constexpr std::size_t gap = 2;
/// A 64-bit value in hex still fits.
constexpr std::size_t narrowest = 18;

std::string time_text(const vmm::Event& event) {
    return fmt::format("{:.1f}", std::chrono::duration<double, std::micro>(event.at).count());
}

/// From a hundred seconds on a time needs more.
std::size_t time_width_of(const std::vector<vmm::Event>& events) {
    std::size_t width = usual_time_width;
    for (const auto& event : events) width = std::max(width, time_text(event).size());
    return width;
}

/// Lanes in the order of their columns: host, wires, kernel, then the vCPUs.
using Column = std::pair<int, std::uint32_t>;

/// Whether each vCPU has a column, or all share one and their events say who.
enum class Guests { apart, together };

Column column_of(const vmm::Event& event, Guests guests) {
    switch (event.lane) {
        case vmm::Lane::host: return {0, 0};
        case vmm::Lane::wire: return {1, 0};
        case vmm::Lane::kernel: return {2, 0};
        case vmm::Lane::guest: return {3, guests == Guests::apart ? event.vcpu.value_or(0) : 0};
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

std::string text_of(const vmm::Event& event, Guests guests) {
    const std::string text = printable(vmm::describe_in_lane(event));
    const bool says_who = guests == Guests::together && event.lane == vmm::Lane::guest;
    return says_who ? fmt::format("vCPU {}: {}", event.vcpu.value_or(0), text) : text;
}

std::string title(Column column, const std::vector<vmm::Event>& events, Guests guests) {
    switch (column.first) {
        case 0: return "host";
        case 1: return wire_title(events);
        case 2: return "kernel";
        default: return guests == Guests::apart ? fmt::format("vCPU {}", column.second) : "vCPUs";
    }
}

/// The text in lines of at most `width` characters, broken between words where it can be; the lines after the
/// first are indented.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    constexpr std::string_view indent = "  ";
    std::vector<std::string> lines;
    for (std::string_view before; lines.empty() || !text.empty(); before = indent) {
        const std::size_t room = width - before.size();
        std::size_t end = text.size();
        if (end > room) {
            const std::size_t space = text.rfind(' ', room);
            end = space == std::string_view::npos || space == 0 ? room : space;
            // Not inside of a character.
            while (end > 1 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
        }
        lines.push_back(std::string(before).append(text.substr(0, end)));
        text.remove_prefix(end);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    }
    return lines;
}

using Widths = std::map<Column, std::size_t>;

struct Layout {
    Guests guests = Guests::apart;
    std::size_t time_width = usual_time_width;
    Widths widths;
    bool fits = false;
};

/// As wide as the texts, then less, taken from the widest column, until a line fits into `width`.
Layout lay_out(const std::vector<vmm::Event>& events, Guests guests, std::size_t width) {
    Layout layout{guests, time_width_of(events), {}, false};
    const std::size_t margin = layout.time_width + gap;
    const std::size_t room = width > margin ? width - margin : 0;
    std::size_t total = 0;
    for (const auto& event : events) {
        const Column column = column_of(event, guests);
        auto& wide = layout.widths[column];
        const std::size_t before = wide == 0 ? 0 : wide + gap;
        wide = std::max({wide, text_of(event, guests).size(), title(column, events, guests).size()});
        total += wide + gap - before;
    }
    const auto narrower = [](const auto& a, const auto& b) { return a.second < b.second; };
    for (; total > room; --total) {
        const auto widest = std::max_element(layout.widths.begin(), layout.widths.end(), narrower);
        if (widest->second <= narrowest) return layout;
        --widest->second;
    }
    layout.fits = true;
    return layout;
}

bool same_rest(const vmm::event::Rest& a, const vmm::event::Rest& b) {
    return a.state == b.state && a.interrupts_enabled == b.interrupts_enabled && a.depth == b.depth &&
           a.in_service == b.in_service;
}

/// One of those that every entry of a guest brings, and that say nothing of the way of an interrupt.
bool is_kernel_noise(const vmm::Event& event) {
    const auto* kernel = std::get_if<vmm::event::Kernel>(&event.what);
    return kernel != nullptr && !scenarios::is_of_delivery(kernel->name);
}

/// The agent's log says by itself that an EOI was written and a handler left, and an operation its value.
bool repeats_a_record(const vmm::Event& event) {
    if (event.lane == vmm::Lane::guest && std::holds_alternative<vmm::event::Observed>(event.what))
        return true;
    const auto* done = std::get_if<vmm::event::OperationDone>(&event.what);
    return done != nullptr && !done->fault && (done->text == "eoi" || done->text == "return");
}

/// The events before `end` that say something of their own, and `always`.
std::vector<std::size_t> telling(const std::vector<vmm::Event>& trace, std::size_t end,
                                 std::optional<std::size_t> always) {
    std::map<std::uint32_t, const vmm::event::Rest*> resting;
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < end; ++i) {
        const auto* rest = std::get_if<vmm::event::Rest>(&trace[i].what);
        if (rest != nullptr) {
            const auto*& before = resting[trace[i].vcpu.value_or(0)];
            if (before != nullptr && same_rest(*before, *rest) && always != i) continue;
            before = rest;
        }
        if (always == i || !(repeats_a_record(trace[i]) || is_kernel_noise(trace[i]))) chosen.push_back(i);
    }
    return chosen;
}

void strip_end(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

/// Where a column begins.
std::size_t position(const Layout& layout, Column wanted) {
    std::size_t at = layout.time_width + gap;
    for (const auto& [column, wide] : layout.widths)
        if (column < wanted) at += wide + gap;
    return at;
}

/// One line, or several where the column is narrower than the text: nothing is left out.
std::vector<std::string> event_lines(const vmm::Event& event, const Layout& layout) {
    const Column column = column_of(event, layout.guests);
    auto lines = wrapped(text_of(event, layout.guests), layout.widths.at(column));
    const std::size_t margin = position(layout, column);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const std::string time = i == 0 ? fmt::format("{:>{}}", time_text(event), layout.time_width) : "";
        lines[i] = fmt::format("{:<{}}{}", time, margin, lines[i]);
        strip_end(lines[i]);
    }
    return lines;
}

}  // namespace

Excerpt excerpt(const std::vector<vmm::Event>& trace, const scenarios::Failure& failure, std::size_t most) {
    // What came after the offending event does not explain it.
    const std::size_t end = std::min(failure.event ? *failure.event + 1 : failure.end, trace.size());
    std::vector<std::size_t> chosen = telling(trace, end, failure.event);
    if (chosen.size() > most) chosen.erase(chosen.begin(), chosen.end() - static_cast<std::ptrdiff_t>(most));

    Excerpt result;
    for (const std::size_t i : chosen) {
        if (failure.event == i) result.marked = result.events.size();
        result.events.push_back(trace[i]);
    }
    return result;
}

Recording recording(const std::vector<vmm::Event>& trace, const scenarios::Failure* failure,
                    std::size_t most) {
    const auto offending = failure != nullptr ? failure->event : std::nullopt;
    const std::size_t failed_at = failure != nullptr ? failure->end : trace.size();
    const std::size_t centre = offending ? *offending + 1 : failed_at;
    const std::vector<std::size_t> chosen = telling(trace, trace.size(), offending);
    const auto reached = [&chosen](std::size_t index) {
        return static_cast<std::size_t>(std::lower_bound(chosen.begin(), chosen.end(), index) -
                                        chosen.begin());
    };
    // Three quarters of them lead to the failure.
    const std::size_t behind = reached(centre) + most / 4;
    const std::size_t first =
        failure == nullptr ? 0 : std::min(chosen.size(), behind) - std::min({most, chosen.size(), behind});
    const std::size_t last = std::min(chosen.size(), first + most);

    Recording result;
    result.before = first;
    result.after = chosen.size() - last;
    result.end = reached(failed_at) - std::min(first, reached(failed_at));
    for (std::size_t i = first; i < last; ++i) {
        if (offending == chosen[i]) result.marked = result.events.size();
        result.events.push_back(trace[chosen[i]]);
    }
    result.end = std::min(result.end, result.events.size());
    return result;
}

std::string timeline(const Excerpt& excerpt, const std::string& mark, std::size_t width) {
    if (excerpt.events.empty()) return {};
    Layout layout = lay_out(excerpt.events, Guests::apart, width);
    if (!layout.fits) layout = lay_out(excerpt.events, Guests::together, width);

    std::string text = fmt::format("{:>{}}{:{}}", "time us", layout.time_width, "", gap);
    for (const auto& [column, wide] : layout.widths)
        text += fmt::format("{:<{}}", title(column, excerpt.events, layout.guests), wide + gap);
    strip_end(text);
    text += '\n';
    for (std::size_t i = 0; i < excerpt.events.size(); ++i) {
        const vmm::Event& event = excerpt.events[i];
        auto lines = event_lines(event, layout);
        if (excerpt.marked == i && !mark.empty()) {
            const std::string arrow = "  <-- " + mark;
            const std::string below = "^-- " + mark;
            const std::size_t margin = position(layout, column_of(event, layout.guests));
            if (lines.back().size() + arrow.size() <= width)
                lines.back() += arrow;
            else
                lines.push_back(std::string(std::min(margin, width - std::min(width, below.size())), ' ') +
                                below);
        }
        for (const std::string& line : lines) text += line + '\n';
    }
    return text;
}

}  // namespace irqbench::tools
