#include <fmt/format.h>

#include <array>
#include <bit>

#include "tools/import/arm64/story.hpp"

namespace irqbench::importing::arm64 {

namespace {

using Frame = Layout::Frame;

constexpr std::uint32_t sgi_frame = 0x10000;
constexpr std::uint32_t icc_spurious = 1020;

/// Registers of a bit for each INTID, of which a write changes those that are set.
struct Bits {
    std::uint32_t offset;
    const char* verb;
};
constexpr std::array bits{
    Bits{0x100, "enable"},        Bits{0x180, "disable"},    Bits{0x200, "set_pending"},
    Bits{0x280, "clear_pending"}, Bits{0x300, "set_active"}, Bits{0x380, "clear_active"},
};
constexpr std::uint32_t bits_end = 0x80;

constexpr std::uint32_t ipriorityr = 0x400;
constexpr std::uint32_t itargetsr = 0x800;
constexpr std::uint32_t icfgr = 0xc00;
constexpr std::uint32_t sgir = 0xf00;
constexpr std::uint32_t irouter = 0x6000;

std::string intid_step(const char* verb, std::uint32_t cpu, std::uint32_t intid) {
    if (cpu == 0) return fmt::format(R"({{ "{}": {} }})", verb, intid);
    return fmt::format(R"({{ "{}": {{ "vcpu": {}, "intid": {} }} }})", verb, cpu, intid);
}

std::string by(std::uint32_t cpu) { return cpu == 0 ? "" : fmt::format(R"("vcpu": {}, )", cpu); }

const char* frame_name(Frame frame) {
    if (frame == Frame::distributor) return "gicd";
    return frame == Frame::redistributor ? "gicr" : "gicc";
}

std::string raw_step(const Layout::Place& place, std::uint32_t cpu, std::uint32_t bytes,
                     std::uint64_t value) {
    return fmt::format(R"({{ "write": {{ {}"{}": "{:#x}", "value": "{:#x}"{} }} }})", by(cpu),
                       frame_name(place.frame), place.offset, value,
                       bytes == 4 ? "" : fmt::format(R"(, "size": {})", bytes));
}

/// Of a GICv3, private interrupts are the redistributors' and SPIs the distributor's: what is written
/// elsewhere is ignored.
bool is_at_home(const Layout::Place& place, std::uint32_t intid, std::uint32_t version) {
    if (version == 2) return true;
    return (place.frame == Frame::redistributor) == (intid < 32);
}

/// The verb that writes the same, if there is one.
std::string named_step(const Layout::Place& place, std::uint32_t offset, std::uint32_t cpu,
                       std::uint32_t bytes, std::uint64_t value, const Gic& gic, std::uint32_t version) {
    const auto is_meant = [&](std::uint32_t intid) {
        return gic.has(intid) && is_at_home(place, intid, version);
    };
    for (const Bits& row : bits) {
        if (offset < row.offset || offset >= row.offset + bits_end || bytes != 4 ||
            !std::has_single_bit(value))
            continue;
        const std::uint32_t intid =
            (offset - row.offset) * 8 + static_cast<std::uint32_t>(std::countr_zero(value));
        if (is_meant(intid)) return intid_step(row.verb, cpu, intid);
    }
    if (offset >= ipriorityr && offset < itargetsr && bytes == 1 && is_meant(offset - ipriorityr))
        return fmt::format(R"({{ "priority": {{ {}"intid": {}, "priority": "{:#04x}" }} }})", by(cpu),
                           offset - ipriorityr, value & 0xff);
    if (place.frame == Frame::distributor && offset >= itargetsr + 32 && offset < icfgr && bytes == 1 &&
        std::has_single_bit(value & 0xff) && gic.has(offset - itargetsr))
        return fmt::format(R"({{ "retarget": {{ {}"intid": {}, "to": {} }} }})", by(cpu), offset - itargetsr,
                           std::countr_zero(value & 0xff));
    if (place.frame == Frame::distributor && offset >= irouter && bytes == 8) {
        const auto to = gic.cpu_of(value);
        const std::uint32_t intid = (offset - irouter) / 8;
        if (to && intid >= 32 && gic.has(intid))
            return fmt::format(R"({{ "retarget": {{ {}"intid": {}, "to": {} }} }})", by(cpu), intid, *to);
    }
    return "";
}

/// Whether a write does something beyond what the register reads afterwards.
bool is_command(const Layout::Place& place, std::uint32_t offset) {
    if (place.frame == Frame::cpu_interface) return false;
    return (offset >= bits.front().offset && offset < ipriorityr) || (offset >= sgir && offset < irouter);
}

}  // namespace

void Teller::accessed(const Event& event) {
    const auto cpu = threads_[event.thread].vcpu;
    auto place = layout_.find(address_of(event));
    if (!cpu || !place) return;
    if (place->frame == Frame::redistributor) {
        const auto of = index_of(place->cpu);
        if (!of) return;  // of a vCPU that never ran
        place->cpu = *of;
    }
    const bool is_write = event.kind == Event::Kind::gic_write;
    if (place->frame == Frame::its) {
        ++its_accesses_;
        return;
    }
    if (!is_write) {
        if (place->frame == Frame::cpu_interface) interface_read(*cpu, place->offset, event.value);
        return;
    }
    if (place->frame == Frame::cpu_interface) {
        if (bytes_of(event) == 4) return interface_written(*cpu, *place, event.value);
        ++odd_writes_;
        return;
    }
    register_written(*cpu, *place, bytes_of(event), event.value);
}

void Teller::register_written(std::uint32_t cpu, const Layout::Place& place, std::uint32_t bytes,
                              std::uint64_t value) {
    const bool is_redistributor = place.frame == Frame::redistributor;
    constexpr std::uint32_t waker = 0x14;
    // Of vCPUs that the agent has prepared already.
    if (is_redistributor && place.offset == waker) return;
    if (is_redistributor && place.offset < sgi_frame) {
        ++lpi_writes_;
        return;
    }
    const std::uint32_t writer = is_redistributor ? place.cpu : cpu;
    const std::uint32_t offset = is_redistributor ? place.offset - sgi_frame : place.offset;
    const bool is_router = offset >= irouter && !is_redistributor;
    if (bytes == 2 || (bytes == 8 && !is_router)) {
        ++odd_writes_;
        return;
    }
    if (bytes < 8) value &= (std::uint64_t{1} << bytes * 8) - 1;
    const auto before = outlook();
    if (is_command(place, offset)) {
        if (value == 0 && offset < ipriorityr) return;
        gic_.write(place, writer, bytes, value);
    } else {
        const std::uint64_t was = gic_.read(place, writer, bytes);
        gic_.write(place, writer, bytes, value);
        if (gic_.read(place, writer, bytes) == was) return;
    }
    const std::string named = named_step(place, offset, writer, bytes, value, gic_, layout_.version);
    add(named.empty() ? raw_step(place, writer, bytes, value) : named, before);
}

void Teller::interface_read(std::uint32_t cpu, std::uint32_t offset, std::uint64_t value) {
    constexpr std::uint32_t iar = 0x0c;
    constexpr std::uint32_t aiar = 0x20;
    const auto intid = static_cast<std::uint32_t>(value & 0x3ff);
    if ((offset == iar || offset == aiar) && intid < icc_spurious) was_acknowledged(cpu, intid);
}

void Teller::interface_written(std::uint32_t cpu, const Layout::Place& place, std::uint64_t value) {
    constexpr std::uint32_t eoir = 0x10;
    constexpr std::uint32_t aeoir = 0x24;
    if (place.offset == eoir || place.offset == aeoir)
        return was_ended(cpu, static_cast<std::uint32_t>(value & 0x3ff));
    const auto before = outlook();
    const std::uint64_t was = gic_.read(place, cpu, 4);
    gic_.write(place, cpu, 4, value);
    if (gic_.read(place, cpu, 4) != was) add(raw_step(place, cpu, 4, value), before);
}

/// The GIC is in the VMM's process, which no event sees: a line that is not pending must have risen there.
void Teller::was_acknowledged(std::uint32_t cpu, std::uint32_t intid) {
    Vcpu& vcpu = vcpus_[cpu];
    if (vcpu.handler && vcpu.handler->is_ended) leave_handler(cpu);
    if (vcpu.handler || !gic_.has(intid)) {
        ++unexplained_;
        return;
    }
    if (vcpu.masked && gic_.next(cpu) == intid) {
        vcpu.masked = false;
        vcpu.due = nowhere;
        add(fmt::format(R"({{ "unmask": {} }})", cpu), outlook(), true);
    }
    bool lowers = false;
    if (gic_.next(cpu) != intid) {
        if (intid < 16) {
            ++unexplained_;
            return;
        }
        const std::string line = intid < 32 ? fmt::format(R"({{ "ppi": {}, "vcpu": {} }})", intid, cpu)
                                            : fmt::format("{}", intid - 32);
        const auto before = outlook();
        lowers = !gic_.state(cpu, intid).edge;
        gic_.set_line(cpu, intid, true);
        if (!lowers) gic_.set_line(cpu, intid, false);
        add(fmt::format(R"({{ "{}": {} }})", lowers ? "raise" : "pulse", line), before, true);
    }
    if (vcpu.due == nowhere || gic_.next(cpu) != intid) {
        ++unexplained_;
        return;
    }
    const std::size_t act = vcpu.due;
    vcpu.due = nowhere;
    take(cpu, act);
    if (!vcpu.handler) return;
    vcpu.handler->lowers_at_end = lowers;
}

void Teller::was_ended(std::uint32_t cpu, std::uint32_t intid) {
    Vcpu& vcpu = vcpus_[cpu];
    if (!vcpu.handler || vcpu.handler->is_ended || vcpu.handler->intid != intid) return;
    const Handler handler = *vcpu.handler;
    if (handler.lowers_at_end) {
        const auto before = outlook();
        gic_.set_line(cpu, intid, false);
        const std::string line = intid < 32 ? fmt::format(R"({{ "ppi": {}, "vcpu": {} }})", intid, cpu)
                                            : fmt::format("{}", intid - 32);
        add(fmt::format(R"({{ "lower": {} }})", line), before, true);
    }
    if (handler.act + 1 != story_.acts.size()) {
        story_.stays.insert(intid);
        end_handler(cpu);
        leave_handler(cpu);
        return;
    }
    gic_.end(cpu);
    vcpu.handler.reset();
    auto& after = story_.acts[handler.act].after;
    after.push_back({fmt::format(R"({{ "eoi": {} }})", cpu), intid});
    after.push_back({fmt::format(R"({{ "return": {} }})", cpu), intid});
    settle(cpu, handler.act);
}

}  // namespace irqbench::importing::arm64
