#include "tools/import/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "tools/import/storyteller.hpp"

namespace irqbench::importing {

namespace {

constexpr std::uint32_t nmi_mode = 4;
constexpr std::uint32_t init_mode = 5;
constexpr std::uint32_t startup_mode = 6;

}  // namespace

Storyteller::Storyteller(const KvmTrace& trace, const Machine& machine, std::uint32_t storm)
    : trace_(trace), machine_(machine), storm_(storm), lapics_(machine.vcpus.size()) {
    story_.waits.resize(machine.vcpus.size());
    for (std::uint32_t gsi = 0; gsi < ioapic_pins; ++gsi) {
        routes_[gsi].ioapic = gsi;
        if (gsi < pic_inputs) routes_[gsi].pic = gsi;
    }
    bool injects = false;
    for (const Event& event : trace.events) injects = injects || event.kind == Event::Kind::inject;
    accept_is_take_ = !injects;
    find_injected_vcpus();
}

/// An interrupt is injected on the way into the guest: whose it is, the entry behind it says.
void Storyteller::find_injected_vcpus() {
    std::map<std::uint32_t, int> enters;
    for (auto event = trace_.events.rbegin(); event != trace_.events.rend(); ++event) {
        if (event->kind == Event::Kind::entry) enters[event->thread] = index_of(event->a);
        if (event->kind != Event::Kind::inject) continue;
        const auto found = enters.find(event->thread);
        injected_vcpus_.push_back(found != enters.end() ? found->second : -1);
    }
}

/// The next of them; another, if the thread did not get as far as the guest, and turned to another vCPU.
int Storyteller::injected_vcpu(const Event& event, const ThreadState& thread) {
    int vcpu = injected_vcpus_.back();
    injected_vcpus_.pop_back();
    if (vcpu < 0) vcpu = thread.vcpu;
    const auto waits = [&](int index) {
        return lapics_[static_cast<std::size_t>(index)].pending[event.a] != Happening::none;
    };
    if (vcpu < 0 || waits(vcpu) || event.flag || thread.vcpu < 0 || !waits(thread.vcpu)) return vcpu;
    return thread.vcpu;
}

Story Storyteller::tell() {
    for (const Event& event : trace_.events) {
        if (machine_.others_threads.count(event.thread) != 0 && event.thread != 0) {
            if (event.kind == Event::Kind::inject) injected_vcpus_.pop_back();
            continue;
        }
        look_at(event);
        if (!story_.storm.empty()) break;
        if (story_.happenings.size() > Story::most)
            throw TraceError(
                fmt::format("{}:{}: more than {} happenings; a scenario is about few: choose a "
                            "part of the trace with --from and --to",
                            trace_.file, event.line, Story::most));
    }
    for (auto& [key, thread] : threads_) end_of_line_change(thread);
    if (story_.storm.empty()) leave_what_is_pending();
    if (story_.taken == 0) throw TraceError(trace_.file + ": no vCPU of that machine took an interrupt");
    if (storm_ != 0 && story_.storm.empty())
        throw TraceError(
            fmt::format("{}: no storm: no vCPU took the same interrupt {} times in a row because its "
                        "line was still high at the EOI",
                        trace_.file, storm_));
    say_what_is_left_out();
    return std::move(story_);
}

void Storyteller::say_what_is_left_out() {
    if (timer_writes_ > 0)
        story_.remarks.push_back(
            fmt::format("{} writes to timers (LAPIC, TSC deadline, PIT) are left out: what they caused is "
                        "sent as messages",
                        timer_writes_));
    if (messages_ > 0)
        story_.remarks.push_back(
            fmt::format("{} messages that no LAPIC accepted are left out; most are KVM looking at its routes",
                        messages_));
    if (accept_is_take_ && story_.taken > 0)
        story_.remarks.emplace_back(
            "the kernel told no injection (APICv, AVIC): what a LAPIC accepted counts as taken at once");
    if (unknown_apics_ > 0)
        story_.remarks.push_back(
            fmt::format("{} interrupts for APIC ids that no traced vCPU has are left out", unknown_apics_));
    if (unexplained_ > 0)
        story_.remarks.push_back(
            fmt::format("{} interrupts have no cause in the trace and are sent as messages", unexplained_));
    if (impossible_ > 0)
        story_.remarks.push_back(fmt::format(
            "{} taken vectors below 0x10 without a cause in the trace are left out", impossible_));
    if (ioapic_eois_ > 0)
        story_.remarks.push_back(fmt::format(
            "{} EOI exits: the IOAPIC was the VMM's, and its pins are here routed as it routed them",
            ioapic_eois_));
}

/// Whoever an idle CPU's interrupt interrupts is no thread: there each CPU counts as one.
Storyteller::ThreadState& Storyteller::thread_of(const Event& event) {
    constexpr std::uint64_t idle = std::uint64_t{1} << 32;
    const std::uint64_t key = event.thread != 0 ? event.thread : idle | event.cpu;
    const auto [found, is_new] = threads_.try_emplace(key);
    if (is_new) {
        const auto known = trace_.threads.find(event.thread);
        if (known != trace_.threads.end() && !known->second.vcpus.empty() && event.thread != 0)
            found->second.vcpu = index_of(known->second.vcpus.front());
    }
    return found->second;
}

int Storyteller::index_of(std::uint32_t id) const {
    const auto found = std::lower_bound(machine_.vcpus.begin(), machine_.vcpus.end(), id);
    if (found == machine_.vcpus.end() || *found != id) return -1;
    return static_cast<int>(found - machine_.vcpus.begin());
}

std::uint32_t Storyteller::add(const Event& event, Happening happening) {
    happening.line = event.line;
    happening.at_ns = event.at_ns;
    happening.rest_ns = rest_ns_;
    story_.happenings.push_back(std::move(happening));
    return static_cast<std::uint32_t>(story_.happenings.size() - 1);
}

std::uint32_t Storyteller::act(const Event& event, int vcpu, std::string step, bool is_global) {
    Happening happening;
    happening.kind = Happening::Kind::act;
    happening.vcpu = vcpu;
    happening.is_global = is_global;
    happening.step = std::move(step);
    return add(event, std::move(happening));
}

void Storyteller::remark(const Event& event, std::string text) {
    Happening happening;
    happening.remark = std::move(text);
    add(event, std::move(happening));
}

void Storyteller::look_at(const Event& event) {
    if (event.kind == Event::Kind::lost)
        return remark(event, event.value == 0 ? fmt::format("events were lost here")
                                              : fmt::format("{} events were lost here", event.value));
    ThreadState& thread = thread_of(event);
    if (event.kind != Event::Kind::accept && event.kind != Event::Kind::msi) thread.message.clear();
    switch (event.kind) {
        case Event::Kind::entry:
            end_of_line_change(thread);
            if (storm_ != 0 && is_at_rest()) rest_ns_ = event.at_ns;
            thread.cause = Happening::none;
            thread.acknowledged = false;
            thread.vcpu = index_of(event.a);
            return;
        case Event::Kind::acknowledge: thread.acknowledged = true; return;
        case Event::Kind::set_irq: return line_change(event, thread);
        case Event::Kind::pic_set_irq: thread.seen.pic = event.a; return pic_input(event, thread);
        case Event::Kind::ioapic_set_irq: return entry_seen(event, thread);
        case Event::Kind::msi: return message(event, thread);
        case Event::Kind::accept: return accepted(event, thread);
        case Event::Kind::ioapic_eoi: ++ioapic_eois_; return;
        case Event::Kind::eoi: return end_of_interrupt(event, thread);
        case Event::Kind::inject: return injected(event, thread);
        case Event::Kind::lost: return;
        default:
            if (thread.vcpu >= 0) guest_did(event, thread);
    }
}

void Storyteller::guest_did(const Event& event, ThreadState& thread) {
    end_of_line_change(thread);
    switch (event.kind) {
        case Event::Kind::apic_write: return lapic_write(event, thread);
        case Event::Kind::ipi:
            thread.cause = act(event, thread.vcpu, ipi_step(thread.vcpu, event.b, event.a), false);
            if ((event.b >> 18 & 3) == 0 && (event.b >> 11 & 1) != 0) logical_dest_[thread.cause] = event.a;
            return;
        case Event::Kind::mmio_write: return ioapic_write(event, thread);
        case Event::Kind::pio_write: return port_write(event, thread);
        case Event::Kind::msr_write: return msr_write(event, thread);
        case Event::Kind::cr8_write:
            act(event, thread.vcpu, value_step("cr8", thread.vcpu, event.b & 0xf), false);
            return;
        default: return;
    }
}

/// A resampling irqfd holds its GSI by a source of its own. KVM lets go of it, and kicks, when the interrupt
/// is acknowledged; without that it is the end of the irqfd.
void Storyteller::irqfd_change(const Event& event, ThreadState& thread) {
    const bool raised = event.b != 0;
    const auto [irqfd, is_new] = irqfds_.try_emplace(event.a);
    if (is_new && !raised && (!thread.acknowledged || irqfds_made_[event.a] != 0)) {
        irqfds_.erase(irqfd);
        return;
    }
    if (is_new) {
        irqfd->second =
            fmt::format("irqfd-{}{}", event.a,
                        irqfds_made_[event.a] == 0 ? "" : fmt::format("-{}", irqfds_made_[event.a] + 1));
        ++irqfds_made_[event.a];
        std::string step = fmt::format(R"({{ "irqfd": {{ "name": "{}", "gsi": {}, "resample": true }} }})",
                                       irqfd->second, event.a);
        ++story_.inferred;
        if (irqfds_made_[event.a] == 1)
            story_.setup.push_back(std::move(step));
        else
            act(event, -1, std::move(step), true);
    }
    if (!raised && thread.acknowledged) {
        if (thread.cause == Happening::none) return;
        Happening kick;
        kick.kind = Happening::Kind::claim;
        kick.cause = thread.cause;
        kick.step = fmt::format(R"({{ "resampled": "{}" }})", irqfd->second);
        add(event, std::move(kick));
        return;
    }
    thread.cause = act(
        event, -1, fmt::format(R"({{ "{}": "{}" }})", raised ? "signal" : "deassign", irqfd->second), true);
    if (!raised) irqfds_.erase(irqfd);
    thread.raise = Happening::none;
    thread.line_change = thread.cause;
    thread.gsi = event.a;
    thread.raised = raised;
    thread.seen = {};
}

void Storyteller::line_change(const Event& event, ThreadState& thread) {
    end_of_line_change(thread);
    constexpr std::uint64_t resampling = 1;
    const bool raised = event.b != 0;
    if (event.value == resampling) return irqfd_change(event, thread);
    // Up and down without anything between, as an edge irqfd does it.
    const std::uint32_t last = static_cast<std::uint32_t>(story_.happenings.size()) - 1;
    if (!raised && !story_.happenings.empty() && thread.raise == last && thread.gsi == event.a) {
        story_.happenings[last].step = gsi_step("pulse", event.a);
        thread.raise = Happening::none;
        thread.line_change = Happening::none;
        thread.raised = false;
        return;
    }
    thread.cause = act(event, -1, gsi_step(raised ? "raise" : "lower", event.a), true);
    thread.raise = raised ? thread.cause : Happening::none;
    thread.line_change = thread.cause;
    thread.gsi = event.a;
    thread.raised = raised;
    thread.seen = {};
}

/// What the kernel did for a GSI says where it leads. Of a message it says nothing when it is lowered.
void Storyteller::end_of_line_change(ThreadState& thread) {
    const std::uint32_t change = thread.line_change;
    thread.line_change = Happening::none;
    if (change == Happening::none) return;
    Routes& believed = routes_[thread.gsi];
    const bool says_nothing = thread.seen == Routes{};
    if (!thread.raised && (says_nothing || !believed.msi.empty())) return;
    if (thread.seen == believed) return;
    // A board whose chips are in the VMM has a GSI for each message, and one that is raised without any
    // had a mask of the VMM's before it.
    story_.happenings[change].before.push_back(route_step(thread.gsi, thread.seen));
    ++story_.inferred;
    believed = thread.seen;
}

void Storyteller::entry_seen(const Event& event, ThreadState& thread) {
    if (event.a >= ioapic_pins) return;
    thread.seen.ioapic = event.a;
    constexpr std::uint64_t told = std::uint64_t{0xff} << 56 | 0x18fff;
    constexpr std::uint64_t masked = 1 << 16;
    Entry& entry = entries_[event.a];
    const std::uint64_t differs = (entry.value ^ event.value) & told;
    const bool both_masked = (entry.value & event.value & masked) != 0;
    if (differs == 0 || (both_masked && !entry.is_known)) return;
    const std::uint32_t change = thread.line_change;
    if (change == Happening::none) return;
    entry.value = (entry.value & ~told) | event.value;
    auto& before = story_.happenings[change].before;
    before.push_back(differs == masked && entry.is_known
                         ? pin_step((event.value & masked) != 0 ? "mask" : "unmask", 0, event.a)
                         : entry_step(event.a, entry.value));
    entry.is_known = true;
    ++story_.inferred;
}

void Storyteller::message(const Event& event, ThreadState& thread) {
    std::string arguments = message_arguments(event.a, event.b, event.value);
    const bool is_route = thread.line_change != Happening::none && thread.raised && thread.seen == Routes{};
    const bool is_logical = (event.b & 4) != 0;
    story_.has_wide_ids = story_.has_wide_ids || event.value > 0xff;
    if (is_route) {
        thread.seen.msi = std::move(arguments);
        if (is_logical) logical_dest_[thread.cause] = static_cast<std::uint32_t>(event.value);
        return;
    }
    end_of_line_change(thread);
    thread.cause = Happening::none;
    thread.message = std::move(arguments);
    thread.message_dest = is_logical ? static_cast<std::uint32_t>(event.value) : Happening::none;
    ++messages_;
}

/// KVM tells of a message also when it only looks where its routes lead: one is sent if a LAPIC accepts it.
void Storyteller::send_message(const Event& event, ThreadState& thread) {
    if (thread.message.empty()) return;
    --messages_;
    thread.cause = act(event, -1, message_step(thread.message), false);
    if (thread.message_dest != Happening::none) logical_dest_[thread.cause] = thread.message_dest;
    thread.message.clear();
}

/// Whether the LAPIC can have got this message because of that: an EOI brings back a line that is still high.
bool Storyteller::can_cause(std::uint32_t cause, std::uint32_t data) const {
    if (cause == Happening::none) return false;
    const Happening& happening = story_.happenings[cause];
    const bool is_level = (data >> 15 & 1) != 0;
    return happening.kind != Happening::Kind::eoi || (is_level && happening.vector == (data & 0xff));
}

void Storyteller::accepted(const Event& event, ThreadState& thread) {
    const int vcpu = index_of(event.a);
    if (vcpu < 0) {
        ++unknown_apics_;
        return;
    }
    send_message(event, thread);
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    const std::uint32_t vector = event.b & 0xff;
    const std::uint32_t mode = event.b >> 8 & 7;
    std::uint32_t cause = thread.cause;
    if (mode == init_mode || mode == startup_mode) return started(event, thread, vcpu, mode);
    if (mode > 1 && mode != nmi_mode) return;
    const bool of_timer = vector == lapic.timer_vector;
    if (!can_cause(cause, event.b) ||
        (of_timer && story_.happenings[cause].kind == Happening::Kind::act && thread.vcpu == vcpu &&
         story_.happenings[cause].step.find("\"ipi\"") == std::string::npos)) {
        const std::uint32_t data = event.b;
        cause = act(event, -1, message_step(message_arguments(data, 0, event.a)), false);
        story_.happenings[cause].remark =
            of_timer ? "the LAPIC's timer" : "inferred: its cause is not in the trace";
        unexplained_ += of_timer ? 0U : 1U;
        ++story_.inferred;
    }
    story_.happenings[cause].acceptors.push_back(static_cast<std::uint16_t>(vcpu));
    learn_logical_id(cause, vcpu);
    if (mode == nmi_mode) return take(event, vcpu, Happening::none, cause, Happening::Kind::nmi);
    if (accept_is_take_) return take(event, vcpu, vector, cause, Happening::Kind::take);
    become_pending(lapic, vector, cause);
}

/// A LAPIC that took what was sent to a logical destination has one, whoever set it.
void Storyteller::learn_logical_id(std::uint32_t cause, int vcpu) {
    const auto sent = logical_dest_.find(cause);
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    if (sent == logical_dest_.end() || lapic.logical_id_known || lapic.is_x2apic || sent->second > 0xff)
        return;
    lapic.logical_id_known = true;
    const std::uint32_t own = vcpu < 8 ? 1U << vcpu : 0U;
    const std::uint32_t lowest = sent->second & (0U - sent->second);
    const std::uint32_t id = (sent->second & own) != 0 ? own : lowest;
    story_.setup.push_back(lapic_step(vcpu, "ldr", std::uint64_t{id} << 24));
    ++story_.inferred;
}

void Storyteller::started(const Event& event, const ThreadState& thread, int vcpu, std::uint32_t mode) {
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    if (thread.cause != Happening::none)
        story_.happenings[thread.cause].acceptors.push_back(static_cast<std::uint16_t>(vcpu));
    const bool first = mode == init_mode;
    if (first) {
        const bool deasserts = (event.b >> 15 & 1) != 0;
        if (deasserts && lapic.waits) return;
        lapic = Lapic{};
        lapic.waits = vcpu != 0;
        if (vcpu != 0) return;
    } else if (!lapic.waits) {
        // The first that it hears: it has waited since the machine was made.
        if (lapic.has_run || vcpu == 0) return;
        story_.waits[static_cast<std::size_t>(vcpu)] = true;
    }
    lapic.waits = false;
    lapic.has_run = true;
    Happening happening;
    happening.kind = Happening::Kind::started;
    happening.vcpu = vcpu;
    add(event, std::move(happening));
}

void Storyteller::take(const Event& event, int vcpu, std::uint32_t vector, std::uint32_t cause,
                       Happening::Kind kind) {
    Happening happening;
    happening.kind = kind;
    happening.vcpu = vcpu;
    happening.vector = vector;
    happening.cause = cause;
    add(event, std::move(happening));
    ++story_.taken;
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    lapic.has_run = true;
    if (vector > 0xff) return;
    // A message, or a line that was lowered in between, has another cause.
    const bool is_brought_back =
        cause != Happening::none && story_.happenings[cause].kind == Happening::Kind::eoi;
    lapic.brought_back[vector] = is_brought_back ? lapic.brought_back[vector] + 1 : 0;
    if (!is_brought_back)
        lapic.row_begins_ns[vector] = cause != Happening::none ? story_.happenings[cause].rest_ns : 0;
}

void Storyteller::injected(const Event& event, ThreadState& thread) {
    end_of_line_change(thread);
    const int vcpu = injected_vcpu(event, thread);
    if (event.flag || vcpu < 0) return;
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    std::uint32_t& pending = lapic.pending[event.a];
    if (pending != Happening::none) {
        take(event, vcpu, event.a, pending, Happening::Kind::take);
        pending = Happening::none;
        lapic.taken[event.a] = static_cast<std::uint32_t>(story_.happenings.size() - 1);
        lapic.in_service[event.a] = true;
        return;
    }
    // Until Linux 5.19 nothing says that it is injected once more.
    if (lapic.in_service[event.a]) return;
    if (lapic.again[event.a] != Happening::none && lapic.again[event.a] < lapic.taken[event.a])
        return taken_before(event, vcpu);
    ext_int(event, vcpu);
}

void Storyteller::end_of_interrupt(const Event& event, ThreadState& thread) {
    const int vcpu = index_of(event.a);
    if (vcpu < 0) return;
    end_of_line_change(thread);
    if (event.b > 0xff) {
        act(event, vcpu, vcpu_step("eoi", vcpu), false);
        return;
    }
    lapics_[static_cast<std::size_t>(vcpu)].in_service[event.b] = false;
    look_for_storm(event, vcpu);
    Happening happening;
    happening.kind = Happening::Kind::eoi;
    happening.vcpu = vcpu;
    happening.vector = event.b;
    thread.cause = add(event, std::move(happening));
}

Story tell(KvmTrace trace, const Machine& machine, std::uint32_t storm) {
    Storyteller of_all(trace, machine, storm);
    const Story whole = of_all.tell();
    if (whole.storm.empty()) return whole;
    std::erase_if(trace.events, [&](const Event& event) { return event.at_ns < whole.storm_from_ns; });
    Storyteller of_part(trace, machine, storm);
    of_part.learn_timers(of_all);
    return of_part.tell();
}

}  // namespace irqbench::importing
