#include "vmm/x86/model_hardware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "routing/x86.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/named.hpp"
#include "vmm/x86/cpu_facts.hpp"

namespace irqbench::vmm::x86 {

using irqchip::x86::LocalApic;
using routing::x86::Platform;
using std::chrono::nanoseconds;
namespace lapic = irqchip::x86::lapic;
namespace request = routing::x86::request;

namespace {

constexpr std::uint32_t general_protection = 13;
constexpr std::uint32_t page_fault = 14;
constexpr std::uint64_t mapped_memory = std::uint64_t{4} << 30;  ///< by the agent's page tables
constexpr std::uint32_t agent_svr = 0x1FF;

constexpr std::uint64_t ns_per_second = 1'000'000'000;

constexpr std::uint64_t pulses_at(std::uint64_t ns) {
    constexpr std::uint64_t hz = irqchip::x86::Pit::clock_hz;
    return ns / ns_per_second * hz + ns % ns_per_second * hz / ns_per_second;
}

/// When that pulse comes, or never.
constexpr std::uint64_t ns_of_pulse(std::uint64_t pulse) {
    constexpr std::uint64_t hz = irqchip::x86::Pit::clock_hz;
    return pulse / hz * ns_per_second + (pulse % hz * ns_per_second + hz - 1) / hz;
}

routing::x86::PlatformOptions platform_options(const MachineConfig& config) {
    routing::x86::PlatformOptions options;
    options.apic_ids = config.vcpu_ids;
    if (config.ioapic_version == 0x20) options.ioapic.model = irqchip::x86::IoApicModel::v20;
    options.destinations = destination_format(config);
    options.lapic.physical_address_bits = physical_address_bits;
    options.pit = config.pit;
    return options;
}

/// Where the agent's way into long mode begins.
constexpr std::uint8_t trampoline_page = AGENT_TRAMPOLINE >> 12;

unsigned size_of(const GuestOp& op, unsigned widest) {
    const bool known = op.size == 2 || op.size == 4 || op.size == 8;
    return known && op.size <= widest ? op.size : 1;
}

}  // namespace

ModelHardware::ModelHardware(const MachineConfig& config, model::Surroundings& surroundings)
    : config_(config),
      surroundings_(surroundings),
      platform_(platform_options(config)),
      agents_(config.vcpu_ids.size()),
      clocks_(config.vcpu_ids.size()),
      deadlines_(storm_timer(irqchip::x86::IoApic::pin_count)) {
    platform_.route(routing::x86::default_table());
    constexpr std::uint16_t master_data = 0x21;
    constexpr std::uint16_t slave_data = 0xA1;
    for (const std::uint16_t port : {master_data, slave_data}) (void)platform_.port_out(port, 1, 0xFF, {});
    const std::size_t cpus = platform_.cpus();
    const std::size_t started = config.started == 0 ? cpus : config.started;
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
        const std::uint64_t base = platform_.lapic(cpu).apic_base();
        if (config.x2apic)
            (void)platform_.write_msr(cpu, irqchip::x86::msr::apic_base, base | apic_base_x2apic, {});
        agents_[cpu].x2apic = config.x2apic;
        if (cpu >= started) continue;
        if (config.x2apic)
            (void)platform_.write_msr(cpu, irqchip::x86::msr::x2apic + lapic::svr / 16, agent_svr, {});
        else
            (void)platform_.mmio_write(cpu, agents_[cpu].lapic + lapic::svr, 4, agent_svr, {});
    }
}

Platform::Time ModelHardware::now(std::size_t cpu) const {
    const auto ns = static_cast<std::uint64_t>(surroundings_.now().count());
    return {{ns, ns + clocks_[cpu].origin + clocks_[cpu].tsc_adjust}, pulses_at(ns)};
}

void ModelHardware::save(PortableState& state) {
    const auto clocks = [this](std::size_t cpu) { return now(cpu); };
    state.pc.chips = platform_.state(clocks);
    state.routes = platform_.board().routes();
    for (std::size_t cpu = 0; cpu < agents_.size(); ++cpu) {
        CpuState& saved = state.pc.cpus.emplace_back();
        saved.tsc = now(cpu).lapic.tsc;
        saved.tsc_adjust = clocks_[cpu].tsc_adjust;
        saved.agent_x2apic = agents_[cpu].x2apic;
        saved.agent_lapic = agents_[cpu].lapic;
    }
}

void ModelHardware::restore(const PortableState& state) {
    for (std::size_t cpu = 0; cpu < agents_.size(); ++cpu) {
        const CpuState& saved = state.pc.cpus.at(cpu);
        agents_[cpu] = {saved.agent_x2apic, saved.agent_lapic};
        clocks_[cpu].tsc_adjust = saved.tsc_adjust;
        clocks_[cpu].origin += saved.tsc - now(cpu).lapic.tsc;
    }
    platform_.route(state.routes);
    act(platform_.restore(state.pc.chips, [this](std::size_t cpu) { return now(cpu); }));
}

Outcome ModelHardware::set_line(std::uint32_t gsi, bool level, bool want_status) {
    if (!want_status) {
        act(platform_.set_gsi(gsi, level));
        return {};
    }
    const auto sent = platform_.set_gsi_status(gsi, level);
    act(sent.response);
    return {sent.status, 0};
}

Outcome ModelHardware::msi(const MsiMessage& message) {
    // As kvm_send_userspace_msi() answers: there are no device ids.
    if (message.device_id) return {0, EINVAL};
    if (config_.x2apic_ids && (message.address >> 32 & 0xFF) != 0) return {0, EINVAL};
    const auto sent = platform_.send({message.address, message.data});
    if (!sent) return {};
    act(sent->response);
    return {sent->status, 0};
}

Outcome ModelHardware::route(const routing::RoutingTable& table) {
    if (const auto refusal = validate(table, routing::x86::kernel_rules(config_.x2apic_ids)))
        return {0, refusal->error};
    platform_.route(table);
    return {};
}

void ModelHardware::drive(std::uint32_t gsi, bool level, irqchip::LineSource source) {
    act(platform_.set_gsi(gsi, level, source));
}

void ModelHardware::listen(std::uint32_t gsi, routing::ListenerId listener) {
    (void)platform_.listen(gsi, listener);
}

void ModelHardware::unlisten(std::uint32_t gsi, routing::ListenerId listener) {
    act(platform_.unlisten(gsi, listener));
}

void ModelHardware::act(const routing::x86::PlatformResponse& response) {
    if (surroundings_.watches_wires())
        for (const routing::x86::WireEvent& event : response.events) {
            std::optional<std::uint32_t> gsi;
            if (const auto pin = routing::x86::pin_of(event)) gsi = platform_.board().gsi_of(*pin);
            surroundings_.moved(gsi, routing::x86::text(event));
        }
    for (const routing::x86::PlatformRequest& todo : response.requests) ask(todo);
}

void ModelHardware::ask(const routing::x86::PlatformRequest& todo) {
    if (const auto* look = std::get_if<request::LookAtCpu>(&todo)) {
        surroundings_.look_at(static_cast<std::uint32_t>(look->cpu));
    } else if (const auto* notify = std::get_if<request::NotifyListeners>(&todo)) {
        for (const routing::ListenerId listener : notify->listeners) surroundings_.ended(listener);
    } else if (const auto* to_cpu = std::get_if<request::SignalCpu>(&todo)) {
        signal(*to_cpu);
    } else if (const auto* timer = std::get_if<request::ArmLapicTimer>(&todo)) {
        arm_lapic(timer->cpu, timer->timer);
    } else if (const auto* disarm = std::get_if<request::DisarmLapicTimer>(&todo)) {
        arm_lapic(disarm->cpu, std::nullopt);
    } else if (const auto* pit = std::get_if<request::ArmPitTimer>(&todo)) {
        deadlines_.set(pit_timer(), model::deadline_at(ns_of_pulse(pit->deadline)));
    } else if (std::holds_alternative<request::DisarmPitTimer>(todo)) {
        deadlines_.set(pit_timer(), std::nullopt);
    } else if (const auto* storm = std::get_if<request::ArmStormTimer>(&todo)) {
        deadlines_.set(storm_timer(storm->pin), surroundings_.now() + storm->delay);
    }
}

void ModelHardware::signal(const request::SignalCpu& to_cpu) {
    const auto cpu = static_cast<std::uint32_t>(to_cpu.cpu);
    switch (to_cpu.signal) {
        case irqchip::CpuSignal::nmi: return surroundings_.signal(cpu, model::CpuSignal::nmi);
        case irqchip::CpuSignal::smi: return surroundings_.signal(cpu, model::CpuSignal::management);
        case irqchip::CpuSignal::init:
            surroundings_.signal(cpu, model::CpuSignal::reset);
            // The bootstrap processor goes to the reset vector instead (SDM vol. 3, 9.4.4), where the agent
            // takes up as after a SIPI.
            if (platform_.lapic(cpu).bootstrap()) surroundings_.signal(cpu, model::CpuSignal::start);
            return;
        case irqchip::CpuSignal::start_up:
            // There is code in one page only.
            if (to_cpu.vector == trampoline_page) surroundings_.signal(cpu, model::CpuSignal::start);
            return;
    }
}

bool ModelHardware::interrupt_pending(std::uint32_t cpu) const {
    return platform_.interrupt(cpu).has_value();
}

model::Acknowledged ModelHardware::acknowledge(std::uint32_t cpu) {
    const auto acknowledged = platform_.acknowledge(cpu);
    act(acknowledged.response);
    return {acknowledged.vector, 0};
}

// The agent takes what comes through vector 2 for an NMI, and whatever else is below 32 for an exception.
model::Entry ModelHardware::entry_of(std::uint32_t vector) const {
    constexpr std::uint32_t exceptions = 32;
    if (vector == 2) return model::Entry::nmi;
    return vector < exceptions ? model::Entry::exception : model::Entry::interrupt;
}

std::optional<model::Access> ModelHardware::execute(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    constexpr unsigned widest_port_access = 4;
    const auto port = static_cast<std::uint16_t>(op.address);
    switch (op.code) {
        case OP_READ:
        case OP_WRITE: return access_memory(cpu, op, bus);
        case OP_PORT_IN: return model::Access{bus.port_in(cpu, port, size_of(op, widest_port_access)), {}};
        case OP_PORT_OUT:
            bus.port_out(cpu, port, size_of(op, widest_port_access), static_cast<std::uint32_t>(op.value));
            return model::Access{op.value, {}};
        case OP_MSR_READ: return read_msr(cpu, op.address);
        case OP_MSR_WRITE: return write_msr(cpu, op.address, op.value);
        case OP_LAPIC_READ:
        case OP_LAPIC_WRITE: return access_lapic(cpu, op, bus);
        case OP_CR8_READ: return model::Access{platform_.lapic(cpu).cr8(), {}};
        case OP_CR8_WRITE:
            if (op.value > 0xF) return model::Access{0, general_protection};
            platform_.set_cr8(cpu, static_cast<std::uint8_t>(op.value));
            return model::Access{op.value, {}};
        default: return std::nullopt;
    }
}

model::Access ModelHardware::access_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    constexpr unsigned widest = 8;
    const unsigned size = size_of(op, widest);
    if (op.address >= mapped_memory || mapped_memory - op.address < size) {
        constexpr std::uint64_t canonical_end = std::uint64_t{1} << 47;
        const bool canonical = op.address < canonical_end || op.address >= ~(canonical_end - 1);
        return {0, canonical ? page_fault : general_protection};
    }
    if (op.code == OP_READ) return {bus.read(cpu, op.address, size), {}};
    const std::uint64_t kept = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
    bus.write(cpu, op.address, size, op.value & kept);
    return {op.value, {}};
}

model::Access ModelHardware::read_msr(std::uint32_t cpu, std::uint64_t index) const {
    const auto msr = static_cast<std::uint32_t>(index);
    if (msr == msr_tsc) return {now(cpu).lapic.tsc, {}};
    if (msr == msr_tsc_adjust) return {clocks_[cpu].tsc_adjust, {}};
    const auto value = LocalApic::owns_msr(msr) ? platform_.read_msr(cpu, msr, now(cpu)) : std::nullopt;
    if (!value) return {0, general_protection};
    return {*value, {}};
}

/// The deadline of a timer is a count: it comes at another time from now on.
void ModelHardware::set_tsc_adjust(std::uint32_t cpu, std::uint64_t adjust) {
    clocks_[cpu].tsc_adjust = adjust;
    arm_lapic(cpu, clocks_[cpu].armed);
}

model::Access ModelHardware::write_msr(std::uint32_t cpu, std::uint64_t index, std::uint64_t value) {
    const auto msr = static_cast<std::uint32_t>(index);
    if (msr == msr_tsc) {
        set_tsc_adjust(cpu, clocks_[cpu].tsc_adjust + value - now(cpu).lapic.tsc);
        return {value, {}};
    }
    if (msr == msr_tsc_adjust) {
        set_tsc_adjust(cpu, value);
        return {value, {}};
    }
    if (!LocalApic::owns_msr(msr)) return {0, general_protection};
    const auto response = platform_.write_msr(cpu, msr, value, now(cpu));
    if (!response) return {0, general_protection};
    if (msr == irqchip::x86::msr::apic_base) {
        constexpr std::uint64_t page_mask = 0x000F'FFFF'FFFF'F000;
        agents_[cpu] = {(value & apic_base_x2apic) != 0, value & page_mask};
    }
    act(*response);
    return {value, {}};
}

model::Access ModelHardware::access_lapic(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    const Agent agent = agents_[cpu];
    const bool writes = op.code == OP_LAPIC_WRITE;
    if (agent.x2apic) {
        const std::uint64_t index = irqchip::x86::msr::x2apic + static_cast<std::uint32_t>(op.address) / 16;
        return writes ? write_msr(cpu, index, op.value) : read_msr(cpu, index);
    }
    GuestOp access = op;
    access.size = 4;
    access.code = writes ? OP_WRITE : OP_READ;
    if (writes && op.address == lapic::icr) {
        // The destination first: writing the low half sends the IPI.
        access.address = agent.lapic + lapic::icr_high;
        access.value = op.value >> 32 << 24;
        if (const auto high = access_memory(cpu, access, bus); high.fault) return high;
    }
    access.address = agent.lapic + op.address;
    access.value = op.value;
    model::Access done = access_memory(cpu, access, bus);
    if (writes) done.value = op.value;
    return done;
}

std::optional<std::uint32_t> ModelHardware::end_of_interrupt(std::uint32_t cpu,
                                                             const model::Acknowledged& /*interrupt*/,
                                                             std::uint8_t policy, model::Bus& bus) {
    constexpr std::uint8_t pic_eoi = 0x20;
    constexpr std::uint16_t master_command = 0x20;
    constexpr std::uint16_t slave_command = 0xA0;
    if ((policy & POLICY_EOI_LAPIC) != 0) {
        const GuestOp eoi{OP_LAPIC_WRITE, 4, lapic::eoi, 0, false, {}};
        if (const auto done = access_lapic(cpu, eoi, bus); done.fault) return done.fault;
    }
    if ((policy & POLICY_EOI_PICS) != 0) bus.port_out(cpu, slave_command, 1, pic_eoi);
    if ((policy & (POLICY_EOI_PIC | POLICY_EOI_PICS)) != 0) bus.port_out(cpu, master_command, 1, pic_eoi);
    return std::nullopt;
}

void ModelHardware::prepare_started(std::uint32_t cpu, model::Bus& bus) {
    const GuestOp enable{OP_LAPIC_WRITE, 4, lapic::svr, agent_svr, false, {}};
    (void)access_lapic(cpu, enable, bus);
}

std::optional<std::uint64_t> ModelHardware::mmio_read(std::uint32_t cpu, std::uint64_t address,
                                                      unsigned size) {
    return platform_.mmio_read(cpu, address, size, now(cpu));
}

bool ModelHardware::mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) {
    const auto response = platform_.mmio_write(cpu, address, size, value, now(cpu));
    if (response) act(*response);
    return response.has_value();
}

std::optional<std::uint32_t> ModelHardware::port_in(std::uint32_t cpu, std::uint16_t port, unsigned size) {
    const auto read = platform_.port_in(port, size, now(cpu));
    if (!read) return std::nullopt;
    act(read->response);
    return read->value;
}

bool ModelHardware::port_out(std::uint32_t cpu, std::uint16_t port, unsigned size, std::uint32_t value) {
    const auto response = platform_.port_out(port, size, value, now(cpu));
    if (response) act(*response);
    return response.has_value();
}

void ModelHardware::arm_lapic(std::size_t cpu, std::optional<irqchip::ArmTimer> timer) {
    clocks_[cpu].armed = timer;
    if (!timer) return deadlines_.set(cpu, std::nullopt);
    const auto time = now(cpu).lapic;
    const std::uint64_t count = timer->clock == irqchip::TimerClock::tsc ? time.tsc : time.bus;
    const std::uint64_t ahead = timer->deadline > count ? timer->deadline - count : 0;
    if (ahead > model::farthest) return deadlines_.set(cpu, std::nullopt);
    deadlines_.set(cpu, surroundings_.now() + nanoseconds(static_cast<std::int64_t>(ahead)));
}

std::optional<nanoseconds> ModelHardware::next_timer() const { return deadlines_.next(); }

void ModelHardware::run_timers() {
    while (const auto timer = deadlines_.take_due(surroundings_.now())) {
        if (*timer < clocks_.size()) clocks_[*timer].armed.reset();
        expire(*timer);
    }
}

void ModelHardware::expire(std::size_t timer) {
    if (timer < pit_timer())
        act(platform_.lapic_expired(timer, now(timer)));
    else if (timer == pit_timer())
        act(platform_.pit_expired(now(0)));
    else
        act(platform_.storm_expired(static_cast<unsigned>(timer - storm_timer(0))));
}

std::string ModelHardware::held_back() const {
    const auto& chip = platform_.board().ioapic();
    for (unsigned pin = 0; pin < irqchip::x86::IoApic::pin_count; ++pin) {
        const auto entry = chip.entry(pin);
        if (deadlines_.at(storm_timer(pin)) && chip.pending(pin) && !entry.get(entry.masked))
            return fmt::format("IOAPIC pin {} is held back after a storm", pin);
    }
    return {};
}

std::vector<NamedValue> ModelHardware::inspect(std::string_view controller, std::uint32_t index) const {
    const auto& board = platform_.board();
    std::vector<irqchip::NamedValue> fields;
    if (controller == "ioapic" && index < irqchip::x86::IoApic::pin_count)
        fields = board.ioapic().fields(index);
    else if (controller == "pic" && index < 2)
        fields = index == 0 ? board.pic().master().fields() : board.pic().slave().fields();
    else if (controller == "lapic" && index < platform_.cpus())
        fields = platform_.lapic(index).fields(now(index).lapic);
    else if (controller == "pit" && platform_.pit() && index < irqchip::x86::Pit::channel_count)
        fields = platform_.pit()->fields(index, now(0).pit);
    else if (controller == "tsc" && index < platform_.cpus())
        return {{"tsc", now(index).lapic.tsc}};
    return named(fields);
}

std::unique_ptr<model::Hardware> make_model_hardware(const MachineConfig& config,
                                                     model::Surroundings& surroundings) {
    return std::make_unique<ModelHardware>(config, surroundings);
}

}  // namespace irqbench::vmm::x86
