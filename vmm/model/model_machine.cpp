#include "vmm/model/model_machine.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "vmm/guest/agent.hpp"

namespace irqbench::vmm::model {

namespace {

using namespace std::chrono_literals;

/// What a call of the host takes of the virtual time.
constexpr auto call_time = 100ns;

MachineConfig complete(MachineConfig config) {
    if (config.vcpu_ids.empty()) config.vcpu_ids = {0};
    return config;
}

constexpr std::uint64_t all_ones(unsigned size) {
    return size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
}

}  // namespace

ModelMachine::ModelMachine(const MachineConfig& config, Trace& trace, const MakeHardware& make_hardware)
    : config_(complete(config)),
      trace_(trace),
      make_hardware_(make_hardware),
      dice_(config_.seed),
      ready_(config_.vcpu_ids.size()),
      busy_(config_.vcpu_ids.size()),
      hardware_(make_hardware(config_, *this)),
      irqfds_(std::make_unique<Irqfds>(*hardware_)) {
    const std::size_t cpus = config_.vcpu_ids.size();
    memory_.add(0, guest::Agent::memory_size(cpus));
    if (config_.memory != 0) memory_.add(scenario_memory, config_.memory);
    const std::size_t started = config_.started == 0 ? cpus : config_.started;
    CpuSurroundings& outside = *this;
    for (std::uint32_t index = 0; index < cpus; ++index)
        slots_.emplace_back(index, *hardware_, outside, index < started);
}

void ModelMachine::add(Lane lane, What what, std::optional<std::uint32_t> cpu) {
    Event event;
    event.at = now_;
    event.lane = lane;
    event.vcpu = cpu;
    event.what = std::move(what);
    waiting_.push_back(std::move(event));
}

void ModelMachine::add_record(std::uint32_t cpu, What what) {
    Slot& slot = slots_[cpu];
    if (slot.period != period_) slot.records = 0;
    slot.period = period_;
    ++slot.records;
    add(Lane::guest, std::move(what), cpu);
}

void ModelMachine::flush() {
    for (Event& event : waiting_) trace_.add(std::move(event));
    waiting_.clear();
}

template <class Make>
Outcome ModelMachine::call(std::string name, std::string arguments, std::optional<std::uint32_t> gsi,
                           Make make) {
    if (closed_) return {0, EBADF};
    if (concurrent_) return make();
    const std::size_t place = waiting_.size();
    add(Lane::host, event::Call{std::move(name), std::move(arguments), gsi, {}});
    const Outcome outcome = make();
    std::get<event::Call>(waiting_[place].what).outcome = outcome;
    pass(call_time);
    return outcome;
}

Outcome ModelMachine::set_line(std::uint32_t gsi, bool level, bool want_status) {
    return call(level ? "raise" : "lower", fmt::format("{}", gsi), gsi,
                [&] { return hardware_->set_line(gsi, level, want_status); });
}

Outcome ModelMachine::msi(const MsiMessage& message) {
    return call("msi", fmt::format("{:#x} data {:#x}", message.address, message.data), std::nullopt,
                [&] { return hardware_->msi(message); });
}

Outcome ModelMachine::route(const routing::RoutingTable& table) {
    return call("route", fmt::format("{} entries", table.size()), std::nullopt,
                [&] { return hardware_->route(table); });
}

Outcome ModelMachine::assign_irqfd(const IrqfdSpec& spec) {
    return call("irqfd", spec.name, spec.gsi, [&] { return irqfds_->assign(spec); });
}

Outcome ModelMachine::deassign_irqfd(std::string_view name) {
    return call("deassign", std::string(name), std::nullopt, [&] { return irqfds_->deassign(name); });
}

void ModelMachine::signal(std::string_view irqfd, std::uint64_t count) {
    call("signal", count == 1 ? std::string(irqfd) : fmt::format("{} x{}", irqfd, count), std::nullopt, [&] {
        if (count != 0) irqfds_->signal(irqfd);
        return Outcome{};
    });
}

Outcome ModelMachine::assign_ioeventfd(const IoeventfdSpec& spec) {
    return call("ioeventfd", spec.name, std::nullopt, [&] { return doorbells_.assign(spec); });
}

Outcome ModelMachine::deassign_ioeventfd(std::string_view name) {
    return call("deassign", std::string(name), std::nullopt, [&] { return doorbells_.deassign(name); });
}

Outcome ModelMachine::reset_controller(std::string_view controller) {
    return call("reset", std::string(controller), std::nullopt,
                [&] { return hardware_->reset_controller(controller); });
}

Outcome ModelMachine::nmi(std::uint32_t vcpu) {
    return call("nmi", fmt::format("vCPU {}", vcpu), std::nullopt, [&] {
        // As on a KVM whose architecture has no such call.
        if (!hardware_->cpu_rules().has_nmi) return Outcome{0, ENOTTY};
        signal(vcpu, CpuSignal::nmi);
        return Outcome{};
    });
}

Outcome ModelMachine::inject(std::uint32_t vcpu, std::uint32_t vector, Injection how) {
    return call(how == Injection::interrupt ? "interrupt" : "inject",
                fmt::format("{:#x} on vCPU {}", vector, vcpu), std::nullopt, [] {
                    return Outcome{0, ENOTTY};
                });
}

void ModelMachine::guest(std::uint32_t vcpu, std::span<const GuestOp> operations) {
    if (closed_) return;
    for (const GuestOp& op : operations) slots_.at(vcpu).cpu.post(op);
    ready_.insert(vcpu);
    busy_.insert(vcpu);
}

void ModelMachine::handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                           std::optional<std::uint32_t> lowers) {
    slots_.at(vcpu).cpu.set_handler(vector, {policy, lowers});
}

void ModelMachine::concurrent(bool on) {
    if (on && !is_free()) throw std::logic_error("several threads need a free-running machine");
    concurrent_ = many_ = on;
    for (Slot& slot : slots_) slot.awaited_until.reset();
    ++period_;
}

std::vector<NamedValue> ModelMachine::inspect(std::string_view controller, std::uint32_t index) {
    if (closed_) return {};
    if (is_free()) run_all_to_rest();
    flush();
    return hardware_->inspect(controller, index);
}

/// The CPUs stop where they are: nothing looks at them again.
void ModelMachine::close_descriptors() {
    collect_eventfds();
    call("close", "", std::nullopt, [] { return Outcome{}; });
    closed_ = true;
    flush();
}

void ModelMachine::finish() {
    if (failed_ || closed_) return;
    if (is_free()) run_all_to_rest();
    collect_eventfds();
    flush();
}

void ModelMachine::collect_eventfds() {
    for (event::Resampled& kick : irqfds_->take_resampled()) add(Lane::host, std::move(kick));
    for (event::DoorbellRung& rung : doorbells_.take_rung()) add(Lane::host, std::move(rung));
}

void ModelMachine::moved(std::optional<std::uint32_t> gsi, std::string text) {
    add(Lane::wire, event::Wire{gsi, std::move(text)});
}

void ModelMachine::signal(std::uint32_t cpu, CpuSignal signal) {
    ScriptedCpu& target = slots_.at(cpu).cpu;
    ready_.insert(cpu);
    switch (signal) {
        case CpuSignal::nmi: return target.nmi();
        case CpuSignal::reset:
            // What it had finished has been done.
            collect(cpu);
            return target.reset();
        case CpuSignal::off: collect(cpu); return target.switch_off();
        case CpuSignal::start: return target.start();
        case CpuSignal::management: return target.manage();
    }
}

void ModelMachine::managed(std::uint32_t) {
    constexpr std::uint64_t count = AGENT_SHARED + SHARED_SMIS;
    memory_.write(count, 4, memory_.read(count, 4) + 1);
}

void ModelMachine::record(std::uint32_t cpu, const event::Fault& fault) {
    add_record(cpu, fault);
    collect(cpu);
    fail(cpu, "an exception that nobody expected");
}

void ModelMachine::device_lowers(std::uint32_t cpu, std::uint32_t gsi) {
    const Outcome outcome = hardware_->set_line(gsi, false, false);
    add(Lane::host, event::Call{"device lowers", fmt::format("{}", gsi), gsi, outcome});
    collect(cpu);
}

std::uint64_t ModelMachine::read(std::uint32_t cpu, std::uint64_t address, unsigned size) {
    if (const auto value = hardware_->mmio_read(cpu, address, size)) return *value;
    if (memory_.contains(address, size)) return memory_.read(address, size);
    unclaimed(cpu, fmt::format("unclaimed read of {:#x}", address));
    return all_ones(size);
}

void ModelMachine::write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) {
    if (hardware_->mmio_write(cpu, address, size, value)) return;
    if (memory_.contains(address, size)) return memory_.write(address, size, value);
    if (doorbells_.ring(false, address, size, value)) return;
    unclaimed(cpu, fmt::format("unclaimed write of {:#x}", address));
}

std::uint32_t ModelMachine::port_in(std::uint32_t cpu, std::uint16_t port, unsigned size) {
    if (const auto value = hardware_->port_in(cpu, port, size)) return *value;
    unclaimed(cpu, fmt::format("unclaimed port in {:#x}", port));
    return static_cast<std::uint32_t>(all_ones(size));
}

void ModelMachine::port_out(std::uint32_t cpu, std::uint16_t port, unsigned size, std::uint32_t value) {
    if (hardware_->port_out(cpu, port, size, value)) return;
    if (doorbells_.ring(true, port, size, value)) return;
    unclaimed(cpu, fmt::format("unclaimed port out {:#x}", port));
}

/// An empty bus: reads give all ones, writes go nowhere, as on a PC.
void ModelMachine::unclaimed(std::uint32_t cpu, std::string text) {
    add(Lane::wire, event::Wire{std::nullopt, std::move(text)}, cpu);
    collect(cpu);
}

void ModelMachine::collect(std::uint32_t cpu) {
    auto& operations = slots_[cpu].cpu.operations();
    for (auto at = operations.begin(); at != operations.end();) {
        if (at->status != ScriptedCpu::Operation::Status::done) {
            ++at;
            continue;
        }
        const ScriptedCpu::Operation done = std::move(*at);
        at = operations.erase(at);
        if (done.refused) {
            fail(cpu, fmt::format("the agent cannot do this here: {}", done.op.text));
            continue;
        }
        if (!done.op.counted || done.fault)
            add(Lane::guest, event::OperationDone{done.op.text, done.op.value, done.fault}, cpu);
        if (done.op.observed && !done.fault)
            add(Lane::guest, event::Observed{done.op.text, done.op.value}, cpu);
    }
}

event::RestState ModelMachine::rest_state(const ScriptedCpu& cpu) const {
    switch (cpu.state()) {
        case ScriptedCpu::State::off: return event::RestState::not_started;
        case ScriptedCpu::State::waiting:
        case ScriptedCpu::State::starting: return event::RestState::wait_for_sipi;
        case ScriptedCpu::State::halted: return event::RestState::halted;
        case ScriptedCpu::State::running:
        case ScriptedCpu::State::faulted: break;
    }
    return cpu.depth() == 0 ? event::RestState::idle : event::RestState::in_handler;
}

void ModelMachine::record_rest(std::uint32_t cpu, event::RestState state, bool interrupts_enabled) {
    Slot& slot = slots_[cpu];
    const event::Rest rest{state, interrupts_enabled, slot.cpu.depth(), slot.cpu.in_service()};
    const bool same = rest.state == slot.rest.state &&
                      rest.interrupts_enabled == slot.rest.interrupts_enabled &&
                      rest.depth == slot.rest.depth && rest.in_service == slot.rest.in_service;
    slot.rest = rest;
    if (!same) add(Lane::guest, rest, cpu);
}

void ModelMachine::fail(std::uint32_t cpu, const std::string& report) {
    failed_ = true;
    const ScriptedCpu& guest = slots_[cpu].cpu;
    const GuestOp* op = guest.unfinished();
    add(Lane::host,
        event::Trouble{fmt::format("{}\nagent: depth {}, in service {:#x}, interrupts {}, {}", report,
                                   guest.depth(), guest.in_service(),
                                   guest.interrupts_enabled() ? "enabled" : "disabled",
                                   op == nullptr ? "mailbox empty" : "executing " + op->text)},
        cpu);
}

}  // namespace irqbench::vmm::model
