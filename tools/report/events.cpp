#include "tools/report/events.hpp"

#include <array>

namespace irqbench::tools {

using namespace vmm::event;

// What each kind of event has beyond what all have. Named, because argument-dependent lookup does not find
// what is in an unnamed namespace.

template <class Archive>
void fields(Archive& archive, Is<Call> auto& call) {
    archive("name", call.name);
    archive("arguments", call.arguments);
    archive("gsi", call.gsi);
    archive("value", call.outcome.value);
    archive("error", call.outcome.error);
}

template <class Archive>
void fields(Archive& archive, Is<Wire> auto& wire) {
    archive("gsi", wire.gsi);
    archive("change", wire.text);
}

template <class Archive>
void fields(Archive& archive, Is<Resampled> auto& kick) {
    archive("irqfd", kick.irqfd);
    archive("count", kick.count);
}

template <class Archive>
void fields(Archive& archive, Is<DoorbellRung> auto& bell) {
    archive("name", bell.name);
    archive("count", bell.count);
}

template <class Archive>
void fields(Archive& archive, Is<EoiExit> auto& exit) {
    archive("vector", exit.vector);
}

template <class Archive>
void fields(Archive& archive, Is<Taken> auto& taken) {
    static const std::array<std::string, 2> kinds = {"interrupt", "nmi"};
    archive.word("kind", taken.kind, kinds);
    archive("vector", taken.vector);
    archive("depth", taken.depth);
    archive("rip", taken.rip);
}

template <class Archive>
void fields(Archive& archive, Is<GuestEoi> auto& eoi) {
    archive("vector", eoi.vector);
}

template <class Archive>
void fields(Archive& archive, Is<Returned> auto& left) {
    archive("vector", left.vector);
}

template <class Archive>
void fields(Archive& /*archive*/, Is<Started> auto& /*started*/) {}

template <class Archive>
void fields(Archive& archive, Is<OperationDone> auto& done) {
    archive("operation", done.text);
    archive("value", done.value);
    archive("fault", done.fault);
}

template <class Archive>
void fields(Archive& archive, Is<Fault> auto& fault) {
    archive("vector", fault.vector);
    archive("code", fault.code);
    archive("rip", fault.rip);
    archive("cr2", fault.cr2);
}

template <class Archive>
void fields(Archive& archive, Is<Rest> auto& rest) {
    static const std::array states = {
        vmm::describe(RestState::idle),        vmm::describe(RestState::in_handler),
        vmm::describe(RestState::halted),      vmm::describe(RestState::wait_for_sipi),
        vmm::describe(RestState::not_started), vmm::describe(RestState::storming)};
    archive.word("state", rest.state, states);
    archive("interrupts_enabled", rest.interrupts_enabled);
    archive("depth", rest.depth);
    archive("in_service", rest.in_service);
}

template <class Archive>
void fields(Archive& archive, Is<Storm> auto& storm) {
    archive("records", storm.records);
}

template <class Archive>
void fields(Archive& archive, Is<Quiet> auto& quiet) {
    archive("proven", quiet.proven);
    archive.text("reason", quiet.reason);
    archive("above", quiet.above);
    archive.text("above_words", quiet.above_words);
}

template <class Archive>
void fields(Archive& archive, Is<Observed> auto& observed) {
    archive("what", observed.what);
    archive("value", observed.value);
}

template <class Archive>
void fields(Archive& archive, Is<Trouble> auto& trouble) {
    archive("report", trouble.report);
    archive("host_stalled", trouble.host_stalled);
}

template <class Archive>
void fields(Archive& archive, Is<Kernel::Field> auto& field) {
    archive("name", field.name);
    archive("value", field.value);
}

template <class Archive>
void fields(Archive& archive, Is<Kernel> auto& kernel) {
    archive("name", kernel.name);
    archive("fields", kernel.fields);
}

template <class Archive>
void fields(Archive& archive, Is<KernelLost> auto& lost) {
    archive("count", lost.count);
}

namespace {

/// In the order of the alternatives.
const std::array<std::string, std::variant_size_v<decltype(vmm::Event::what)>> event_words = {
    "call",      "wire",     "resampled", "doorbell",  "eoi_exit", "taken",
    "guest_eoi", "returned", "started",   "operation", "fault",    "rest",
    "storm",     "quiet",    "observed",  "trouble",   "kernel",   "kernel_lost"};

template <class Archive>
void event_fields(Archive& archive, Is<vmm::Event> auto& event) {
    static const std::array<std::string, 4> lanes = {"host", "wire", "guest", "kernel"};
    archive("at_ns", event.at);
    archive("step", event.step);
    archive.word("lane", event.lane, lanes);
    archive("vcpu", event.vcpu);
    archive.one_of("event", event.what, event_words);
}

}  // namespace

void fields(JsonWriter& archive, const vmm::Event& event) { event_fields(archive, event); }
void fields(JsonReader& archive, vmm::Event& event) { event_fields(archive, event); }

}  // namespace irqbench::tools
