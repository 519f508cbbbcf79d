#include "vmm/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "vmm/guest/agent_abi.h"

namespace irqbench::vmm {

namespace {

std::string times_text(std::uint64_t count) { return count == 1 ? "" : fmt::format(" x{}", count); }

std::string rest_text(const event::Rest& rest) {
    std::string text = describe(rest.state);
    if (rest.state == event::RestState::in_handler) text += " of " + vector_text(rest.in_service);
    if (rest.state == event::RestState::idle || rest.state == event::RestState::in_handler)
        return text + (rest.interrupts_enabled ? ", window open" : ", interrupts off");
    if (rest.state == event::RestState::halted && !rest.interrupts_enabled) text += ", interrupts off";
    return text;
}

/// The words of each event. `vCPU n` is added by describe(), where it belongs to the claim.
struct Words {
    std::string operator()(const event::Call& call) const {
        std::string text = call.arguments.empty() ? call.name : call.name + " " + call.arguments;
        if (!call.outcome.ok()) return text + " -> " + errno_text(call.outcome.error);
        // Zero is both "coalesced" and the plain success of a call without a status, so it stays unsaid.
        if (call.outcome.value > 0) return text + " -> delivered";
        if (call.outcome.value < 0) return text + " -> ignored";
        return text;
    }
    std::string operator()(const event::Wire& wire) const { return wire.text; }
    std::string operator()(const event::Resampled& kick) const {
        return "resampled " + kick.irqfd + times_text(kick.count);
    }
    std::string operator()(const event::DoorbellRung& bell) const {
        return "doorbell " + bell.name + times_text(bell.count);
    }
    std::string operator()(const event::EoiExit& exit) const {
        return "EOI exit " + vector_text(exit.vector);
    }
    std::string operator()(const event::Taken& taken) const {
        return taken.kind == event::Kind::nmi ? "nmi" : "ack " + vector_text(taken.vector);
    }
    std::string operator()(const event::GuestEoi& eoi) const { return "eoi " + vector_text(eoi.vector); }
    std::string operator()(const event::Returned& left) const { return "return " + vector_text(left.vector); }
    std::string operator()(const event::Started&) const { return "started"; }
    std::string operator()(const event::OperationDone& done) const {
        if (done.fault) return done.text + " -> " + exception_text(*done.fault);
        // Operations of one word (`eoi`, `cli`) neither read nor write a value.
        return done.text.find(' ') == std::string::npos ? done.text
                                                        : fmt::format("{} = {:#x}", done.text, done.value);
    }
    std::string operator()(const event::Fault& fault) const {
        const bool by_esr = !has_vector(fault);
        return fmt::format("{} at {:#x}, {} {:#x}, {} {:#x}", exception_text(fault.vector), fault.rip,
                           by_esr ? "ESR" : "code", fault.code, by_esr ? "FAR" : "cr2", fault.cr2);
    }
    std::string operator()(const event::Rest& rest) const { return rest_text(rest); }
    std::string operator()(const event::Storm& storm) const {
        return fmt::format("storm, {} taken", storm.records);
    }
    std::string operator()(const event::Quiet& quiet) const {
        if (!quiet.proven) return "quiet not proven: " + quiet.reason;
        return quiet.above ? "quiet above " + above_text(quiet) : "quiet, proven";
    }
    std::string operator()(const event::Observed& observed) const {
        return fmt::format("{} = {:#x}", observed.what, observed.value);
    }
    std::string operator()(const event::Trouble& trouble) const {
        return trouble.host_stalled ? "host stalled: " + trouble.report : trouble.report;
    }
    std::string operator()(const event::Kernel& kernel) const { return kernel_event_text(kernel); }
    std::string operator()(const event::KernelLost& lost) const {
        return fmt::format("{} kernel events lost", lost.count);
    }
};

/// Of these the vCPU is part of what happened; elsewhere the words already say it, or it does not matter.
bool names_vcpu(const Event& event) {
    return std::holds_alternative<event::Taken>(event.what) ||
           std::holds_alternative<event::GuestEoi>(event.what) ||
           std::holds_alternative<event::Returned>(event.what) ||
           std::holds_alternative<event::Started>(event.what) ||
           std::holds_alternative<event::Fault>(event.what);
}

}  // namespace

std::string describe(event::RestState state) {
    switch (state) {
        case event::RestState::idle: return "idle";
        case event::RestState::in_handler: return "in handler";
        case event::RestState::halted: return "halted";
        case event::RestState::wait_for_sipi: return "waiting for SIPI";
        case event::RestState::not_started: return "not started";
        case event::RestState::storming: return "storming";
    }
    return "at rest";
}

// The mnemonics are those of SDM volume 3A, table 6-1.
std::string exception_text(std::uint32_t vector) {
    switch (vector) {
        case 0: return "#DE";
        case 1: return "#DB";
        case 3: return "#BP";
        case 6: return "#UD";
        case 8: return "#DF";
        case 10: return "#TS";
        case 11: return "#NP";
        case 12: return "#SS";
        case 13: return "#GP";
        case 14: return "#PF";
        case 17: return "#AC";
        // Arm ARM, ESR_EL1.EC.
        case FAULT_ESR + 0x00: return "undefined";
        case FAULT_ESR + 0x18: return "trapped system register";
        case FAULT_ESR + 0x21: return "instruction abort";
        case FAULT_ESR + 0x22: return "PC alignment";
        case FAULT_ESR + 0x25: return "data abort";
        case FAULT_ESR + 0x26: return "SP alignment";
        case FAULT_ESR + 0x2f: return "SError";
        default: return fmt::format("exception {}", vector);
    }
}

bool has_vector(const event::Fault& fault) { return fault.vector < FAULT_ESR; }

std::string above_text(const event::Quiet& quiet) {
    return quiet.above_words.empty() ? vector_text(quiet.above.value_or(0)) : quiet.above_words;
}

std::string vector_text(std::uint32_t vector) { return fmt::format("{:#04x}", vector); }

std::string kernel_field_text(const event::Kernel::Field& field) {
    static constexpr std::array<std::string_view, 7> in_decimal = {
        "gsi", "pin", "irq_source_id", "apicid", "vcpu_id", "vcpu_idx", "dest_id"};
    const bool decimal =
        field.value < 10 || std::find(in_decimal.begin(), in_decimal.end(), field.name) != in_decimal.end();
    return decimal ? fmt::format("{}={}", field.name, field.value)
                   : fmt::format("{}={:#x}", field.name, field.value);
}

std::string kernel_event_text(const event::Kernel& event) {
    std::string text = event.name;
    for (const event::Kernel::Field& field : event.fields) text += ' ' + kernel_field_text(field);
    return text;
}

std::string errno_text(int error) {
    if (error == 0) return "success";
    const char* name = ::strerrorname_np(error);
    return name != nullptr ? name : fmt::format("errno {}", error);
}

std::string describe_in_lane(const Event& event) { return std::visit(Words{}, event.what); }

std::string describe(const Event& event) {
    std::string text = describe_in_lane(event);
    // The number taken in a storm depends on the budget and on timing.
    if (std::holds_alternative<event::Storm>(event.what)) text = "storm";
    const bool rest_or_storm =
        std::holds_alternative<event::Rest>(event.what) || std::holds_alternative<event::Storm>(event.what);
    if (event.vcpu && (names_vcpu(event) || rest_or_storm)) text += fmt::format(" on vCPU {}", *event.vcpu);
    return text;
}

}  // namespace irqbench::vmm
