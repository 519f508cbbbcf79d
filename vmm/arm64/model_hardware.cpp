#include "vmm/arm64/model_hardware.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "vmm/arm64/affinity.hpp"
#include "vmm/arm64/psci.hpp"
#include "vmm/arm64/system_registers.hpp"
#include "vmm/arm64/urgency.hpp"

namespace irqbench::vmm::arm64 {

using irqchip::LineSource;
using std::chrono::nanoseconds;

namespace {

// Classes of exceptions, ESR_EL1.EC (Arm ARM, D17.2.37), as the agent numbers them.
constexpr std::uint32_t undefined_instruction = FAULT_ESR + 0x00;
constexpr std::uint32_t data_abort = FAULT_ESR + 0x25;

/// The functions of PSCI that there are.
constexpr std::array functions{psci::version,   psci::cpu_off,  psci::cpu_on_32,
                               psci::cpu_on_64, psci::features, psci::smccc_version};

/// What the agent's translation tables reach.
constexpr std::uint64_t mapped_end = std::uint64_t{4} << 30;

bool is_device_memory(std::uint64_t address) {
    return (address >= AGENT_DEVICES && address < AGENT_DEVICES_END) || address >= AGENT_MAPPED_NORMAL;
}

/// As the agent takes OP_SIZE.
unsigned size_of(const GuestOp& op) { return op.size == 2 || op.size == 4 || op.size == 8 ? op.size : 1; }

bool faults(std::uint64_t address, unsigned size) {
    if (address >= mapped_end || mapped_end - address < size) return true;
    // Device memory takes no unaligned access (Arm ARM, B2.9.2).
    return is_device_memory(address) && address % size != 0;
}

}  // namespace

std::unique_ptr<ModelGic> make_model_gic(const MachineConfig& config, model::Surroundings& surroundings) {
    if (config.gic == "v2") return make_model_gicv2(config);
    if (config.gic.empty() || config.gic == "v3") return make_model_gicv3(config, surroundings);
    throw std::invalid_argument(fmt::format("there is no model of a GIC{}", config.gic));
}

ModelHardware::ModelHardware(const MachineConfig& config, model::Surroundings& surroundings)
    : config_(config),
      surroundings_(surroundings),
      board_(make_model_gic(config, surroundings), config, surroundings),
      timers_(config.vcpu_ids.size()),
      deadlines_(config.vcpu_ids.size()),
      on_(config.vcpu_ids.size()),
      markers_(config.vcpu_ids.size()) {
    const std::size_t started = config.started == 0 ? on_.size() : config.started;
    for (std::uint32_t cpu = 0; cpu < started; ++cpu) {
        on_[cpu] = true;
        board_.gic().prepare(cpu);
    }
}

std::uint64_t ModelHardware::counter() const {
    static_assert(VirtualTimer::frequency_hz == 1'000'000'000, "a count is a nanosecond");
    return first_count_ + static_cast<std::uint64_t>(surroundings_.now().count());
}

void ModelHardware::save(PortableState& state) {
    board_.save(state);
    state.board.counter = counter();
    for (std::uint32_t cpu = 0; cpu < on_.size(); ++cpu) {
        CpuState& saved = state.board.cpus.emplace_back();
        saved.timer = timers_[cpu].state();
        saved.marker = markers_[cpu];
    }
}

void ModelHardware::restore(const PortableState& state) {
    first_count_ += state.board.counter - counter();
    board_.restore(state);
    for (std::uint32_t cpu = 0; cpu < on_.size(); ++cpu) {
        const CpuState& saved = state.board.cpus.at(cpu);
        on_[cpu] = saved.activity == Activity::running;
        timers_[cpu].restore(saved.timer);
        markers_[cpu] = saved.marker;
        if (saved.begins) board_.gic().prepare(cpu);
        update_timer(cpu);
    }
}

void ModelHardware::look_at_all() {
    for (std::uint32_t cpu = 0; cpu < on_.size(); ++cpu)
        if (interrupt_pending(cpu)) surroundings_.look_at(cpu);
}

Outcome ModelHardware::set_line(std::uint32_t gsi, bool level, bool) {
    const Outcome outcome = board_.set_line(gsi, level);
    look_at_all();
    return outcome;
}

Outcome ModelHardware::msi(const MsiMessage& message) {
    const Outcome outcome = board_.msi(message);
    look_at_all();
    return outcome;
}

Outcome ModelHardware::route(const routing::RoutingTable& table) { return board_.route(table); }

void ModelHardware::drive(std::uint32_t gsi, bool level, LineSource source) {
    board_.drive(gsi, level, source);
    look_at_all();
}

void ModelHardware::listen(std::uint32_t gsi, routing::ListenerId listener) { board_.listen(gsi, listener); }

void ModelHardware::unlisten(std::uint32_t gsi, routing::ListenerId listener) {
    board_.unlisten(gsi, listener);
    look_at_all();
}

void ModelHardware::act(const irqchip::Effects& effects) {
    board_.carry_out(effects);
    look_at_all();
}

model::Acknowledged ModelHardware::acknowledge(std::uint32_t cpu) {
    const model::Acknowledged taken = board_.gic().acknowledge(cpu);
    look_at_all();
    return taken;
}

model::Entry ModelHardware::entry_of(std::uint32_t vector) const {
    return irqchip::arm64::is_special(vector) ? model::Entry::spurious : model::Entry::interrupt;
}

std::optional<std::uint32_t> ModelHardware::end_of_interrupt(std::uint32_t cpu,
                                                             const model::Acknowledged& interrupt,
                                                             std::uint8_t policy, model::Bus&) {
    if ((policy & POLICY_EOI) != 0) act(board_.gic().end(cpu, interrupt.code));
    if ((policy & POLICY_DEACTIVATE) != 0) act(board_.gic().deactivate(cpu, interrupt.code));
    return std::nullopt;
}

void ModelHardware::prepare_started(std::uint32_t cpu, model::Bus&) {
    board_.gic().prepare(cpu);
    look_at_all();
}

std::optional<model::Access> ModelHardware::execute(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    const auto number = static_cast<std::uint32_t>(op.address);
    switch (op.code) {
        case OP_READ:
        case OP_WRITE: return access_memory(cpu, op, bus);
        case OP_MODIFY: return modify_memory(cpu, op, bus);
        case OP_CLEAR: return clear_memory(cpu, op, bus);
        case OP_MSR_READ: return read_sysreg(cpu, number);
        case OP_MSR_WRITE: return write_sysreg(cpu, number, op.value);
        case OP_DEACTIVATE: act(board_.gic().deactivate(cpu, op.value)); return model::Access{op.value, {}};
        case OP_CALL: return model::Access{call(cpu, op), {}};
        default: return std::nullopt;
    }
}

model::Access ModelHardware::access_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    const unsigned size = size_of(op);
    if (faults(op.address, size)) return {op.value, data_abort};
    if (op.code == OP_READ) return {bus.read(cpu, op.address, size), {}};
    const std::uint64_t kept = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
    bus.write(cpu, op.address, size, op.value & kept);
    return {op.value, {}};
}

model::Access ModelHardware::modify_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    constexpr unsigned word = 4;
    if (faults(op.address, word)) return {op.value, data_abort};
    const auto mask = static_cast<std::uint32_t>(op.value >> 32);
    const auto bits = static_cast<std::uint32_t>(op.value);
    const auto before = static_cast<std::uint32_t>(bus.read(cpu, op.address, word));
    bus.write(cpu, op.address, word, (before & ~mask) | (bits & mask));
    return {op.value, {}};
}

std::optional<model::Access> ModelHardware::clear_memory(std::uint32_t cpu, const GuestOp& op,
                                                         model::Bus& bus) {
    constexpr std::uint64_t most = 1U << 20;
    constexpr unsigned word = 8;
    if (op.value > most) return std::nullopt;
    for (std::uint64_t done = 0; done < op.value; done += word) {
        if (faults(op.address + done, word)) return model::Access{op.value, data_abort};
        bus.write(cpu, op.address + done, word, 0);
    }
    return model::Access{op.value, {}};
}

model::Access ModelHardware::read_sysreg(std::uint32_t cpu, std::uint32_t number) {
    if (const auto value = board_.gic().read_sysreg(cpu, number)) {
        look_at_all();
        return {*value, {}};
    }
    if (const auto value = timers_[cpu].read(number, counter())) return {*value, {}};
    switch (number) {
        case sysregs::mpidr: {
            constexpr std::uint64_t res1 = std::uint64_t{1} << 31;
            return {res1 | affinity_of(config_.vcpu_ids[cpu]), {}};
        }
        case sysregs::isr: return {(board_.irq(cpu) ? 0x80U : 0U) | (board_.fiq(cpu) ? 0x40U : 0U), {}};
        default: return {0, undefined_instruction};
    }
}

model::Access ModelHardware::write_sysreg(std::uint32_t cpu, std::uint32_t number, std::uint64_t value) {
    if (const auto effects = board_.gic().write_sysreg(cpu, number, value)) {
        act(*effects);
        return {value, {}};
    }
    if (!timers_[cpu].write(number, value, counter())) return {value, undefined_instruction};
    update_timer(cpu);
    return {value, {}};
}

void ModelHardware::update_timer(std::uint32_t cpu) {
    const std::uint64_t count = counter();
    board_.set_timer(cpu, VirtualTimer::ppi, timers_[cpu].level(count));
    const auto rises = timers_[cpu].rises(count);
    // From where the counter was when time began, however often it has gone round since.
    deadlines_.set(cpu, rises ? model::deadline_at(*rises - first_count_) : std::nullopt);
    look_at_all();
}

void ModelHardware::run_timers() {
    while (const auto cpu = deadlines_.take_due(surroundings_.now())) {
        const auto index = static_cast<std::uint32_t>(*cpu);
        update_timer(index);
        if (surroundings_.watches_wires())
            surroundings_.moved(std::nullopt, fmt::format("virtual timer of vCPU {} expires", index));
    }
}

// Arm DEN 0022, 5.1 to 5.15: the functions of a machine that nobody migrates, suspends or resets.
std::uint64_t ModelHardware::call(std::uint32_t cpu, const GuestOp& op) {
    constexpr std::uint64_t version_1_0 = 0x1'0000;
    constexpr std::uint64_t smccc_1_1 = 0x1'0001;
    const auto narrow = static_cast<std::uint32_t>(op.address);
    switch (op.size) {
        case psci::version: return version_1_0;
        case psci::cpu_off:
            on_[cpu] = false;
            surroundings_.signal(cpu, model::CpuSignal::off);
            return 0;
        case psci::cpu_on_32: return cpu_on(narrow);
        case psci::cpu_on_64: return cpu_on(op.address);
        case psci::features: {
            const bool there = std::find(functions.begin(), functions.end(), narrow) != functions.end();
            return there ? 0 : psci::returned(psci::Status::not_supported);
        }
        case psci::smccc_version: return smccc_1_1;
        default: return psci::returned(psci::Status::not_supported);
    }
}

std::uint64_t ModelHardware::cpu_on(std::uint64_t affinity) {
    for (std::uint32_t cpu = 0; cpu < on_.size(); ++cpu) {
        if (affinity_of(config_.vcpu_ids[cpu]) != affinity) continue;
        if (on_[cpu]) return psci::returned(psci::Status::already_on);
        on_[cpu] = true;
        surroundings_.signal(cpu, model::CpuSignal::start);
        return 0;
    }
    return psci::returned(psci::Status::invalid_parameters);
}

std::optional<std::uint64_t> ModelHardware::mmio_read(std::uint32_t cpu, std::uint64_t address,
                                                      unsigned size) {
    const auto value = board_.gic().mmio_read(cpu, address, size);
    if (value) look_at_all();
    return value;
}

bool ModelHardware::mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) {
    const bool is_ours = board_.mmio_write(cpu, address, size, value);
    if (is_ours) look_at_all();
    return is_ours;
}

std::uint32_t ModelHardware::running_priority(std::uint32_t cpu) const {
    return board_.running_priority(cpu);
}

std::string ModelHardware::priority_in_words(std::uint32_t urgency) const {
    return arm64::priority_in_words(urgency);
}

std::vector<NamedValue> ModelHardware::inspect(std::string_view controller, std::uint32_t index) const {
    return board_.inspect(controller, index);
}

std::unique_ptr<model::Hardware> make_model_hardware(const MachineConfig& config,
                                                     model::Surroundings& surroundings) {
    return std::make_unique<ModelHardware>(config, surroundings);
}

}  // namespace irqbench::vmm::arm64
