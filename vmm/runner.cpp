#include "vmm/runner.hpp"

#include <fmt/format.h>

#include <utility>

namespace irqbench::vmm {

void Runner::record(VcpuSlot& slot, const guest::Record& record) {
    const auto add = [&](auto what) {
        const auto at = slot.clock.time_between(record.tsc, slot.records_since, slot.records_until);
        parts_.recorder.add_at(at, Lane::guest, std::move(what), slot.index);
    };
    switch (record.kind) {
        case RECORD_TAKEN:
            if (slot.marker && slot.marker->vector == record.vector) {
                slot.agent.set_policy(slot.marker->vector, slot.marker->former_policy);
                slot.marker.reset();
                return;
            }
            parts_.placement.taken(slot, record.vector);
            return add(event::Taken{record.vector, event::Kind::interrupt, record.depth, record.rip});
        case RECORD_NMI: return add(event::Taken{record.vector, event::Kind::nmi, record.depth, record.rip});
        case RECORD_EOI: return add(event::GuestEoi{record.vector});
        case RECORD_RETURNED: return add(event::Returned{record.vector});
        case RECORD_STARTED: slot.agent.abandon_begun_before_start(); return add(event::Started{});
        case RECORD_FAULT: return add(event::Fault{record.vector, record.code, record.rip, slot.agent.cr2()});
        default: break;
    }
    fail(slot, fmt::format("the guest's log holds a record of unknown kind {}", record.kind));
}

void Runner::record(VcpuSlot& slot, const guest::FinishedOp& done) {
    if (done.refused) return fail(slot, fmt::format("the agent cannot do this here: {}", done.op.text));
    if (!done.op.counted || done.fault)
        parts_.recorder.add(Lane::guest, event::OperationDone{done.op.text, done.op.value, done.fault},
                            slot.index);
    if (done.op.observed && !done.fault)
        parts_.recorder.add(Lane::guest, event::Observed{done.op.text, done.op.value}, slot.index);
}

bool Runner::collect(VcpuSlot& slot) {
    slot.records.clear();
    const auto begin = parts_.recorder.now();
    const std::size_t count = slot.agent.take_records(slot.records);
    slot.records_until = parts_.recorder.now();
    slot.records_in_step += count;
    for (const guest::Record& entry : slot.records) record(slot, entry);
    slot.records_since = begin;
    bool any = count != 0;
    for (const guest::FinishedOp& done : slot.agent.take_finished()) {
        record(slot, done);
        any = true;
    }
    return any;
}

void Runner::abandon() {
    for (const auto& slot : parts_.slots) collect(*slot);
    abandoned_ = true;
}

Runner::AfterExit Runner::handle_exit(VcpuSlot& slot) {
    const kvm::Exit exit = slot.vcpu.exit();
    if (const auto word = parts_.placement.agent_exit(exit)) {
        switch (*word) {
            case AgentExit::idle: return AfterExit::idle;
            case AgentExit::waiting: return AfterExit::waiting;
            case AgentExit::log_full: collect(slot); return AfterExit::go_on;
            case AgentExit::fault:
                collect(slot);
                fail(slot, "an exception that nobody expected");
                return AfterExit::stop;
            case AgentExit::lower: {
                const auto gsi = slot.lowers.find(slot.agent.lowering());
                if (gsi != slot.lowers.end()) {
                    const Outcome outcome = parts_.placement.set_line(gsi->second, false, false);
                    parts_.recorder.add(
                        Lane::host,
                        event::Call{"device lowers", fmt::format("{}", gsi->second), gsi->second, outcome});
                }
                return AfterExit::go_on;
            }
        }
    }
    if (parts_.placement.handle(slot, exit)) return AfterExit::go_on;
    collect(slot);
    fail(slot, fmt::format("nothing handles this exit: {}", kvm::describe(exit)));
    return AfterExit::stop;
}

void Runner::record_rest(VcpuSlot& slot, const event::Rest& rest) {
    const bool same = rest.state == slot.rest.state &&
                      rest.interrupts_enabled == slot.rest.interrupts_enabled &&
                      rest.depth == slot.rest.depth && rest.in_service == slot.rest.in_service;
    slot.rest = rest;
    if (rest.state == event::RestState::wait_for_sipi || rest.state == event::RestState::not_started)
        slot.agent.abandon_begun();
    if (!same) parts_.recorder.add(Lane::guest, rest, slot.index);
}

void Runner::fail(VcpuSlot& slot, std::string report, bool host_stalled) {
    failed_ = true;
    std::string registers;
    try {
        registers =
            reachable(slot) ? parts_.placement.registers(slot) : "registers not read: the vCPU is running";
    } catch (const std::exception& error) {
        registers = fmt::format("registers cannot be read: {}", error.what());
    }
    parts_.recorder.add(Lane::host, event::Trouble{fmt::format("{}\n{}", report, registers), host_stalled},
                        slot.index);
}

}  // namespace irqbench::vmm
