#include "tools/import/arm64/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace irqbench::importing::arm64 {

namespace {

constexpr std::uint32_t first_ppi = 16;
constexpr std::uint32_t first_spi = 32;
constexpr std::uint32_t first_lpi = 8192;
constexpr std::uint64_t resampler_source = 1;  // KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID

}  // namespace

Teller::Teller(const KvmTrace& trace, const Machine& machine, const Layout& layout)
    : trace_(trace),
      machine_(machine),
      layout_(layout),
      gic_(layout, machine.vcpus),
      vcpus_(machine.vcpus.size()) {
    story_.waits.resize(machine.vcpus.size());
}

std::optional<std::uint32_t> Teller::index_of(std::uint32_t id) const {
    const auto found = std::lower_bound(machine_.vcpus.begin(), machine_.vcpus.end(), id);
    if (found == machine_.vcpus.end() || *found != id) return std::nullopt;
    return static_cast<std::uint32_t>(found - machine_.vcpus.begin());
}

/// The kernel's own threads work for all machines: theirs counts once this one runs.
bool Teller::concerns_us(const Event& event) const {
    if (machine_.threads.count(event.thread) != 0) return true;
    return has_begun_ && machine_.others_threads.count(event.thread) == 0;
}

void Teller::mark_events() {
    std::set<std::uint32_t> resampling;              // threads
    std::map<std::uint32_t, std::uint32_t> entered;  // the vCPU that a thread has entered last
    for (std::size_t i = 0; i < trace_.events.size(); ++i) {
        const Event& event = trace_.events[i];
        has_begun_ =
            has_begun_ || (event.kind == Event::Kind::entry && machine_.threads.count(event.thread) != 0);
        if (!concerns_us(event)) continue;
        if (event.kind == Event::Kind::entry) entered[event.thread] = event.a;
        if (event.kind == Event::Kind::acknowledge && event.a < first_lpi) {
            Marks& marks = marks_[event.a + first_spi];
            const auto ended_by = entered.find(event.thread);
            if (marks.ends.empty() && ended_by != entered.end()) marks.ended_by = ended_by->second;
            marks.ends.push_back(i);
        }
        if (event.kind == Event::Kind::line && event.b >= first_spi && event.b < first_lpi && !event.flag)
            marks_[event.b].falls.push_back(i);
        if (event.kind == Event::Kind::set_irq && event.value == resampler_source)
            resampling.insert(event.thread);
        if (event.kind == Event::Kind::line && resampling.erase(event.thread) != 0)
            resampled_.insert(event.b);
    }
}

/// Of a trace that begins when the guest has set up its GIC already.
void Teller::infer_setup() {
    if (layout_.is_known) return;
    std::set<std::uint32_t> spis;
    for (const Event& event : trace_.events)
        if (event.kind == Event::Kind::line && event.flag && event.b >= first_spi && gic_.has(event.b) &&
            machine_.others_threads.count(event.thread) == 0)
            spis.insert(event.b);
    for (const std::uint32_t intid : spis) {
        const auto marks = marks_.find(intid);
        const bool has_ends = marks != marks_.end() && !marks->second.ends.empty();
        // Where it is ended it was taken.
        const std::uint32_t cpu = has_ends ? index_of(marks->second.ended_by).value_or(0) : 0;
        story_.setup.push_back(fmt::format(R"({{ "spi": {{ "intid": {}, "trigger": "{}", "to": {} }} }})",
                                           intid, has_ends ? "level" : "edge", cpu));
        ++story_.inferred;
        const std::uint32_t word = intid / 32 * 4;
        const std::uint32_t bit = std::uint32_t{1} << intid % 32;
        const auto write = [&](std::uint32_t offset, std::uint32_t bytes, std::uint64_t value) {
            gic_.write({Layout::Frame::distributor, 0, offset}, 0, bytes, value);
        };
        const Layout::Place groups{Layout::Frame::distributor, 0, 0x80 + word};
        write(groups.offset, 4, gic_.read(groups, 0, 4) | bit);
        write(0x400 + intid, 1, 0xa0);
        const Layout::Place triggers{Layout::Frame::distributor, 0, 0xc00 + intid / 16 * 4};
        const std::uint64_t trigger = std::uint64_t{2} << intid % 16 * 2;
        const std::uint64_t now = gic_.read(triggers, 0, 4);
        write(triggers.offset, 4, has_ends ? now & ~trigger : now | trigger);
        write(0x6000 + intid * 8, 8, gic_.affinity_of(cpu));
        write(0x100 + word, 4, bit);
    }
}

Story Teller::tell() {
    mark_events();
    infer_setup();
    has_begun_ = false;
    for (now_ = 0; now_ < trace_.events.size(); ++now_) {
        const Event& event = trace_.events[now_];
        if (event.kind == Event::Kind::lost || concerns_us(event)) look_at(event);
    }
    say_what_is_left_out();
    if (story_.taken == 0) throw TraceError(trace_.file + ": no vCPU of that machine took an interrupt");
    return std::move(story_);
}

void Teller::look_at(const Event& event) {
    ThreadState& thread = threads_[event.thread];
    switch (event.kind) {
        case Event::Kind::entry:
            thread.vcpu = index_of(event.a);
            has_begun_ = true;
            if (thread.vcpu) entered(*thread.vcpu);
            break;
        case Event::Kind::leave:
            if (thread.vcpu) vcpus_[*thread.vcpu].running = false;
            break;
        case Event::Kind::set_irq: thread.by_resampler = event.value == resampler_source; break;
        case Event::Kind::irq_line: thread.by_ioctl = true; break;
        case Event::Kind::line: line_changed(event); break;
        case Event::Kind::timer_line: timer_changed(event); break;
        case Event::Kind::acknowledge: acknowledged(event); break;
        case Event::Kind::gic_write:
        case Event::Kind::mmio_read: accessed(event); break;
        case Event::Kind::cpu_on:
            if (thread.vcpu) starter_ = thread.vcpu;
            break;
        case Event::Kind::sgi: ++sgis_; break;
        case Event::Kind::lost:
            remarks_.push_back(event.value != 0 ? fmt::format("{} events are lost here", event.value)
                                                : "events are lost here");
            break;
        default: break;
    }
}

void Teller::entered(std::uint32_t cpu) {
    Vcpu& vcpu = vcpus_[cpu];
    if (!vcpu.on) started(cpu);
    vcpu.running = true;
    // Where the CPU interface is seen, it says when.
    if (layout_.has_cpu_interface) return;
    if (vcpu.handler && vcpu.handler->is_ended && !is_never_taken(cpu)) leave_handler(cpu);
    if (vcpu.handler) return;
    if (vcpu.masked && !is_never_taken(cpu)) unmask(cpu);
    if (vcpu.masked || vcpu.due == nowhere) return;
    take_all(cpu, vcpu.due);
}

void Teller::started(std::uint32_t cpu) {
    bool is_late = starter_.has_value() && *starter_ != cpu && cpu > 0;
    for (std::uint32_t other = 0; other < vcpus_.size(); ++other) {
        if (other < cpu && (!vcpus_[other].on || story_.waits[other]))
            is_late = is_late || story_.waits[other];
        if (other > cpu && vcpus_[other].on && !story_.waits[other]) is_late = false;
    }
    vcpus_[cpu].on = true;
    if (!is_late) return;
    story_.waits[cpu] = true;
    const std::size_t act =
        add(fmt::format(R"({{ "cpu_on": {{ "vcpu": {}, "from": {} }} }})", cpu, starter_.value_or(0)));
    story_.acts[act].after.push_back({fmt::format(R"({{ "started": {} }})", cpu)});
}

void Teller::line_changed(const Event& event) {
    ThreadState& thread = threads_[event.thread];
    const bool by_resampler = std::exchange(thread.by_resampler, false);
    const bool by_ioctl = std::exchange(thread.by_ioctl, false);
    if (event.b >= first_spi && gic_.has(event.b)) {
        // A signal of an irqfd comes to the vGIC at once, without kvm_set_irq.
        const bool is_signal = event.flag && !by_ioctl && resampled_.count(event.b) != 0;
        if (is_signal || by_resampler)
            resampler_changed(event);
        else
            spi_changed(event);
        return;
    }
    const auto cpu = index_of(event.a);
    if (event.b >= first_spi || event.b < first_ppi || !cpu) {
        ++unknown_lines_;
        return;
    }
    if (timers_.count(event.b) != 0) return;
    const auto before = outlook();
    gic_.set_line(*cpu, event.b, event.flag);
    add(fmt::format(R"({{ "{}": {{ "ppi": {}, "vcpu": {} }} }})", event.flag ? "raise" : "lower", event.b,
                    *cpu),
        before);
    auto& handler = vcpus_[*cpu].handler;
    if (layout_.has_cpu_interface) return;
    if (!event.flag && handler && handler->intid == event.b && !handler->is_ended) end_handler(*cpu);
}

void Teller::spi_changed(const Event& event) {
    const std::uint32_t intid = event.b;
    const std::uint32_t gsi = intid - first_spi;
    const auto state = gic_.state(0, intid);
    if (event.flag && state.edge && state.line) {
        // Every rise that the vGIC is told of is an edge; irqfds tell it of no fall.
        const auto before = outlook();
        gic_.set_line(0, intid, false);
        add(fmt::format(R"({{ "lower": {} }})", gsi), before, true);
    }
    const auto before = outlook();
    gic_.set_line(0, intid, event.flag);
    add(fmt::format(R"({{ "{}": {} }})", event.flag ? "raise" : "lower", gsi), before);
}

std::string Teller::irqfd_name(std::uint32_t intid) const {
    const std::uint32_t made = irqfds_made_.at(intid);
    return made > 1 ? fmt::format("spi {} ({})", intid, made) : fmt::format("spi {}", intid);
}

void Teller::resampler_changed(const Event& event) {
    const std::uint32_t intid = event.b;
    bool& is_assigned = irqfds_[intid];
    if (!event.flag) {
        // At an end acknowledged() has told it; otherwise the irqfd goes.
        if (!is_assigned || !gic_.state(0, intid).line) return;
        const auto before = outlook();
        gic_.set_line(0, intid, false);
        add(fmt::format(R"({{ "deassign": "{}" }})", irqfd_name(intid)), before);
        is_assigned = false;
        return;
    }
    if (!is_assigned) {
        ++irqfds_made_[intid];
        is_assigned = true;
        add(fmt::format(R"({{ "irqfd": {{ "name": "{}", "gsi": {}, "resample": true }} }})",
                        irqfd_name(intid), intid - first_spi),
            outlook(), true);
    }
    const auto before = outlook();
    gic_.set_line(0, intid, true);
    add(fmt::format(R"({{ "signal": "{}" }})", irqfd_name(intid)), before);
}

/// A timer whose time has come is set to a time that has passed.
void Teller::timer_changed(const Event& event) {
    const auto found = index_of(event.a);
    timers_.insert(event.b);
    constexpr std::uint32_t virtual_timer = 27;  // the only one that a scenario can set
    if (!found) return;
    const std::uint32_t cpu = *found;
    Vcpu& vcpu = vcpus_[cpu];
    if (event.b != virtual_timer) {
        other_timers_ += event.flag ? 1 : 0;
        return;
    }
    const std::uint32_t bit = std::uint32_t{1} << event.b;
    const bool was_high = (vcpu.high_timers & bit) != 0;
    const auto set = [&](bool level) {
        const auto before = outlook();
        gic_.set_line(cpu, event.b, level);
        vcpu.high_timers = level ? vcpu.high_timers | bit : vcpu.high_timers & ~bit;
        add(fmt::format(R"({{ "write": {{ "vcpu": {}, "sysreg": "cntv_ctl_el0", "value": {} }} }})", cpu,
                        level ? 1 : 0),
            before, true);
    };
    const bool in_handler = !layout_.has_cpu_interface && vcpu.handler && vcpu.handler->intid == event.b &&
                            !vcpu.handler->is_ended;
    // While it is high it is told again by each vcpu_load().
    if (event.flag == was_high) return;
    set(event.flag);
    if (in_handler && !event.flag) end_handler(cpu);
}

/// The end of a level-sensitive SPI. A resampler lowers the line before the vGIC looks at it again.
void Teller::acknowledged(const Event& event) {
    if (layout_.has_cpu_interface) return;
    const std::uint32_t intid = event.a < first_lpi ? event.a + first_spi : 0;
    const auto own = threads_[event.thread].vcpu;
    std::optional<std::uint32_t> cpu;
    for (std::uint32_t i = 0; i < vcpus_.size(); ++i) {
        const auto& handler = vcpus_[i].handler;
        if (handler && handler->intid == intid && !handler->is_ended && (!cpu || own == i)) cpu = i;
    }
    if (!cpu) {
        auto& unseen = at_once_[intid];
        if (unseen > 0)
            --unseen;
        else
            ++unexplained_;
        return;
    }
    const auto irqfd = irqfds_.find(intid);
    const bool resamples = irqfd != irqfds_.end() && irqfd->second;
    if (resamples) gic_.set_line(0, intid, false);
    end_handler(*cpu);
    if (resamples)
        story_.acts.back().after.push_back({fmt::format(R"({{ "resampled": "{}" }})", irqfd_name(intid))});
}

void Teller::say_what_is_left_out() {
    auto& remarks = story_.remarks;
    if (layout_.is_known)
        remarks.push_back(fmt::format("the GIC is a GICv{} with its distributor at {:#x} (inferred)",
                                      layout_.version, layout_.distributor));
    else
        remarks.emplace_back("the guest did not access a GIC: how SPIs are set up is inferred");
    if (!layout_.has_cpu_interface)
        remarks.emplace_back(
            "no event tells what a vCPU acknowledges: all of it is inferred from the GIC's registers, lines "
            "and ends");
    const auto say = [&](std::uint32_t count, const char* what) {
        if (count != 0) remarks.push_back(fmt::format("{} {}", count, what));
    };
    say(sgis_, "SGIs by system registers are left out: no event has their INTIDs and targets");
    say(its_accesses_, "accesses to an ITS are left out, and the LPIs with it");
    say(lpi_writes_, "writes to registers of LPIs are left out");
    say(odd_writes_, "writes to the GIC that a scenario cannot make are left out");
    say(other_timers_, "interrupts of other timers than the virtual one are left out");
    say(unknown_lines_, "changes of lines that the GIC does not have are left out");
    say(unexplained_, "ends of SPIs of which nothing tells why they were taken are left out");
    for (const auto& remark : remarks_) remarks.push_back(remark + " (behind the last step)");
}

}  // namespace irqbench::importing::arm64
