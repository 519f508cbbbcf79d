#include <fmt/format.h>

#include <algorithm>

#include "tools/import/storyteller.hpp"

// KVM tells of an injection after it has taken the vector from the IRR, and of a line's change before it
// looks where that leads. What another CPU sends meanwhile comes after the take, and yet is told of before
// it.
namespace irqbench::importing {

void Storyteller::become_pending(Lapic& lapic, std::uint32_t vector, std::uint32_t cause) {
    if (lapic.pending[vector] != Happening::none) {
        lapic.again[vector] = cause;
        return;
    }
    lapic.pending[vector] = cause;
    lapic.again[vector] = Happening::none;
    // Begun before the last take, and accepted behind it.
    const std::uint32_t last = lapic.taken[vector];
    if (last != Happening::none && last > cause && story_.happenings[last].cause < cause)
        story_.happenings[cause].behind = last;
}

/// Of a vector that was not pending: it was accepted while it seemed to be so already.
void Storyteller::taken_before(const Event& event, int vcpu) {
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    const std::uint32_t cause = lapic.again[event.a];
    story_.happenings[cause].behind = lapic.taken[event.a];
    lapic.again[event.a] = Happening::none;
    take(event, vcpu, event.a, cause, Happening::Kind::take);
    lapic.taken[event.a] = static_cast<std::uint32_t>(story_.happenings.size() - 1);
    lapic.in_service[event.a] = true;
}

void Storyteller::learn_timers(const Storyteller& other) {
    for (std::size_t vcpu = 0; vcpu < lapics_.size(); ++vcpu)
        lapics_[vcpu].timer_vector = other.lapics_[vcpu].timer_vector;
}

bool Storyteller::is_at_rest() const {
    return std::all_of(lapics_.begin(), lapics_.end(), [](const Lapic& lapic) {
        return lapic.in_service.none() && lapic.pending == nothing_pending();
    });
}

/// At the EOI after the last that counts: from now on the handler does nothing else, and does not end.
void Storyteller::look_for_storm(const Event& event, int vcpu) {
    const std::uint32_t vector = event.b;
    if (storm_ == 0 || lapics_[static_cast<std::size_t>(vcpu)].brought_back[vector] < storm_) return;
    // What else is pending would come instead.
    const bool nothing_else = std::all_of(lapics_.begin(), lapics_.end(), [](const Lapic& lapic) {
        return lapic.pending == nothing_pending();
    });
    if (!nothing_else) return;
    std::string pin;
    for (std::uint32_t i = 0; i < ioapic_pins; ++i)
        if ((entries_[i].value & 0xff) == vector && pin.empty()) pin = fmt::format(" of pin {}", i);
    story_.storm = fmt::format(
        "a storm: vCPU {} took 0x{:02x}{} {} times in a row because the line was still high at the EOI", vcpu,
        vector, pin, storm_);
    story_.storm_from_ns = lapics_[static_cast<std::size_t>(vcpu)].row_begins_ns[vector];
    story_.remarks.push_back(story_.storm + "; what was before its line rose is left out");
    act(event, -1, fmt::format(R"({{ "handler": {{ "vector": "0x{:02x}" }} }})", vector), false);
    story_.happenings.back().remark = story_.storm;
    ++story_.inferred;
}

/// A trace may end anywhere; and what no event shows may have held it back.
void Storyteller::leave_what_is_pending() {
    for (std::size_t vcpu = 0; vcpu < lapics_.size(); ++vcpu) {
        if (lapics_[vcpu].waits) continue;
        for (std::uint32_t vector = 0; vector < lapics_[vcpu].pending.size(); ++vector) {
            const std::uint32_t cause = lapics_[vcpu].pending[vector];
            if (cause == Happening::none) continue;
            Happening left;
            left.kind = Happening::Kind::left;
            left.vcpu = static_cast<int>(vcpu);
            left.vector = vector;
            left.cause = cause;
            story_.happenings.push_back(std::move(left));
        }
    }
}

}  // namespace irqbench::importing
