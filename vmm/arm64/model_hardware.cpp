#include "vmm/arm64/model_hardware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "routing/arm64.hpp"
#include "vmm/arm64/affinity.hpp"
#include "vmm/arm64/urgency.hpp"

namespace irqbench::vmm::arm64 {

using irqchip::LineSource;
using irqchip::arm64::sysreg;
using routing::arm64::first_spi;
using std::chrono::nanoseconds;

namespace {

// Classes of exceptions, ESR_EL1.EC (Arm ARM, D17.2.37), as the agent numbers them.
constexpr std::uint32_t undefined_instruction = FAULT_ESR + 0x00;
constexpr std::uint32_t data_abort = FAULT_ESR + 0x25;

constexpr std::uint32_t sysreg_mpidr = sysreg(3, 0, 0, 0, 5);
constexpr std::uint32_t sysreg_isr = sysreg(3, 0, 12, 1, 0);

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
      gic_(make_model_gic(config, surroundings)),
      routes_(routing::arm64::default_table(config.spis)),
      timers_(config.vcpu_ids.size()),
      deadlines_(config.vcpu_ids.size()),
      on_(config.vcpu_ids.size()) {
    const std::size_t started = config.started == 0 ? on_.size() : config.started;
    for (std::uint32_t cpu = 0; cpu < started; ++cpu) {
        on_[cpu] = true;
        gic_->prepare(cpu);
    }
}

std::uint64_t ModelHardware::counter() const {
    static_assert(VirtualTimer::frequency_hz == 1'000'000'000, "a count is a nanosecond");
    return static_cast<std::uint64_t>(surroundings_.now().count());
}

bool ModelHardware::is_spi(std::uint32_t intid) const {
    return intid >= first_spi && intid < first_spi + config_.spis;
}

void ModelHardware::look_at_all() {
    for (std::uint32_t cpu = 0; cpu < on_.size(); ++cpu)
        if (interrupt_pending(cpu)) surroundings_.look_at(cpu);
}

// A GSI is an SPI; what has a type of its own in bits 27:24 is meant as api.rst has it for KVM_IRQ_LINE
// (4.25).
ModelHardware::ModelHardware(const ModelHardware& other)
    : config_(other.config_),
      surroundings_(other.surroundings_),
      gic_(other.gic_->clone()),
      routes_(other.routes_),
      resampler_(other.resampler_),
      timers_(other.timers_),
      deadlines_(other.deadlines_),
      on_(other.on_) {}

Outcome ModelHardware::set_line(std::uint32_t gsi, bool level, bool) {
    constexpr unsigned type_shift = 24;
    constexpr std::uint32_t type_mask = 0xf;
    constexpr std::uint32_t type_spi = 1;
    constexpr std::uint32_t type_ppi = 2;
    constexpr std::uint32_t number_mask = 0xffff;
    const bool is_gsi = gsi >> type_shift == 0;
    const std::uint32_t type = is_gsi ? type_spi : gsi >> type_shift & type_mask;
    const std::uint32_t intid = (is_gsi ? gsi + first_spi : gsi) & number_mask;
    // KVM_ARM_IRQ_TYPE_CPU is for a GIC that is not in the kernel.
    if (type == 0) return {0, ENXIO};
    if (type == type_ppi) return set_private_line(gsi, level);
    if (type != type_spi || !is_spi(intid)) return {0, EINVAL};
    gic_->set_line(intid, level, LineSource::wire, 0);
    look_at_all();
    return {};
}

Outcome ModelHardware::set_private_line(std::uint32_t line, bool level) {
    constexpr std::uint32_t first_ppi = 16;
    const std::uint32_t id = (line >> 16 & 0xff) | (line >> 28) << 8;
    const std::uint32_t intid = line & 0xffff;
    const auto& ids = config_.vcpu_ids;
    const auto found = std::find(ids.begin(), ids.end(), id);
    if (found == ids.end() || intid < first_ppi || intid >= first_spi) return {0, EINVAL};
    // As in KVM: the timer owns its line, and nobody else moves it.
    if (intid == VirtualTimer::ppi) return {};
    gic_->set_line(intid, level, LineSource::wire, static_cast<std::uint32_t>(found - ids.begin()));
    look_at_all();
    return {};
}

Outcome ModelHardware::msi(const MsiMessage& message) {
    const Outcome outcome = gic_->msi(message);
    look_at_all();
    return outcome;
}

Outcome ModelHardware::route(const routing::RoutingTable& table) {
    if (const auto refusal = validate(table, routing::arm64::kernel_rules())) return {0, refusal->error};
    routes_ = table;
    return {};
}

void ModelHardware::drive(std::uint32_t gsi, bool level, LineSource source) {
    for (const routing::Route& route : routes_.routes(gsi)) {
        if (const auto* pin = std::get_if<routing::PinRoute>(&route)) {
            if (is_spi(pin->pin + first_spi)) gic_->set_line(pin->pin + first_spi, level, source, 0);
        } else if (const auto* to = std::get_if<routing::MsiRoute>(&route); to != nullptr && level) {
            (void)gic_->msi({to->address, to->data, to->device_id});
        }
    }
    look_at_all();
}

void ModelHardware::listen(std::uint32_t gsi, routing::ListenerId listener) {
    (void)resampler_.add(gsi, listener);
}

void ModelHardware::unlisten(std::uint32_t gsi, routing::ListenerId listener) {
    carry_out(resampler_.remove(gsi, listener));
}

void ModelHardware::carry_out(const routing::ResampleActions& actions) {
    for (const routing::ResampleAction& action : actions) {
        if (const auto* lower = std::get_if<routing::LowerResampleSource>(&action))
            drive(lower->gsi, false, LineSource::resample);
        else if (const auto* notify = std::get_if<routing::Notify>(&action))
            for (const routing::ListenerId listener : notify->listeners) surroundings_.ended(listener);
    }
}

void ModelHardware::act(const irqchip::Effects& effects) {
    for (const irqchip::Effect& effect : effects)
        if (const auto* ended = std::get_if<irqchip::EoiOfSpi>(&effect)) spi_ended(ended->intid);
    look_at_all();
}

void ModelHardware::spi_ended(std::uint32_t intid) {
    const auto gsi = routes_.gsi_of(routing::arm64::gic, intid - first_spi);
    if (surroundings_.watches_wires()) surroundings_.moved(gsi, fmt::format("GIC: INTID {} is done", intid));
    if (gsi) carry_out(resampler_.eoi(*gsi));
}

model::Acknowledged ModelHardware::acknowledge(std::uint32_t cpu) {
    const model::Acknowledged taken = gic_->acknowledge(cpu);
    look_at_all();
    return taken;
}

model::Entry ModelHardware::entry_of(std::uint32_t vector) const {
    return irqchip::arm64::is_special(vector) ? model::Entry::spurious : model::Entry::interrupt;
}

std::optional<std::uint32_t> ModelHardware::end_of_interrupt(std::uint32_t cpu,
                                                             const model::Acknowledged& interrupt,
                                                             std::uint8_t policy, model::Bus&) {
    if ((policy & POLICY_EOI) != 0) act(gic_->end(cpu, interrupt.code));
    if ((policy & POLICY_DEACTIVATE) != 0) act(gic_->deactivate(cpu, interrupt.code));
    return std::nullopt;
}

void ModelHardware::prepare_started(std::uint32_t cpu, model::Bus&) {
    gic_->prepare(cpu);
    look_at_all();
}

std::optional<model::Access> ModelHardware::execute(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) {
    const auto number = static_cast<std::uint32_t>(op.address);
    switch (op.code) {
        case OP_READ:
        case OP_WRITE: return access_memory(cpu, op, bus);
        case OP_MODIFY: return modify_memory(cpu, op, bus);
        case OP_MSR_READ: return read_sysreg(cpu, number);
        case OP_MSR_WRITE: return write_sysreg(cpu, number, op.value);
        case OP_DEACTIVATE: act(gic_->deactivate(cpu, op.value)); return model::Access{op.value, {}};
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

model::Access ModelHardware::read_sysreg(std::uint32_t cpu, std::uint32_t number) {
    if (const auto value = gic_->read_sysreg(cpu, number)) {
        look_at_all();
        return {*value, {}};
    }
    if (const auto value = timers_[cpu].read(number, counter())) return {*value, {}};
    switch (number) {
        case sysreg_mpidr: {
            constexpr std::uint64_t res1 = std::uint64_t{1} << 31;
            return {res1 | affinity_of(config_.vcpu_ids[cpu]), {}};
        }
        case sysreg_isr: return {(gic_->irq(cpu) ? 0x80U : 0U) | (gic_->fiq(cpu) ? 0x40U : 0U), {}};
        default: return {0, undefined_instruction};
    }
}

model::Access ModelHardware::write_sysreg(std::uint32_t cpu, std::uint32_t number, std::uint64_t value) {
    if (const auto effects = gic_->write_sysreg(cpu, number, value)) {
        act(*effects);
        return {value, {}};
    }
    if (!timers_[cpu].write(number, value, counter())) return {value, undefined_instruction};
    update_timer(cpu);
    return {value, {}};
}

void ModelHardware::update_timer(std::uint32_t cpu) {
    const std::uint64_t count = counter();
    gic_->set_line(VirtualTimer::ppi, timers_[cpu].level(count), LineSource::timer, cpu);
    const auto rises = timers_[cpu].rises(count);
    deadlines_.set(cpu, rises ? model::deadline_at(*rises) : std::nullopt);
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

// Arm DEN 0022, 5.1 to 5.7: the functions of a machine of one core per cluster that nobody migrates.
std::uint64_t ModelHardware::call(std::uint32_t cpu, const GuestOp& op) {
    constexpr std::uint32_t psci_version = 0x8400'0000;
    constexpr std::uint32_t psci_cpu_off = 0x8400'0002;
    constexpr std::uint32_t psci_cpu_on_32 = 0x8400'0003;
    constexpr std::uint32_t psci_cpu_on_64 = 0xc400'0003;
    constexpr std::uint64_t version_1_0 = 0x1'0000;
    constexpr std::uint64_t not_supported = ~std::uint64_t{0};
    switch (op.size) {
        case psci_version: return version_1_0;
        case psci_cpu_off:
            on_[cpu] = false;
            surroundings_.signal(cpu, model::CpuSignal::off);
            return 0;
        case psci_cpu_on_32:
        case psci_cpu_on_64: return cpu_on(op.address);
        default: return not_supported;
    }
}

std::uint64_t ModelHardware::cpu_on(std::uint64_t affinity) {
    constexpr auto invalid_parameters = static_cast<std::uint64_t>(-2);
    constexpr auto already_on = static_cast<std::uint64_t>(-4);
    for (std::uint32_t cpu = 0; cpu < on_.size(); ++cpu) {
        if (affinity_of(config_.vcpu_ids[cpu]) != affinity) continue;
        if (on_[cpu]) return already_on;
        on_[cpu] = true;
        surroundings_.signal(cpu, model::CpuSignal::start);
        return 0;
    }
    return invalid_parameters;
}

std::optional<std::uint64_t> ModelHardware::mmio_read(std::uint32_t cpu, std::uint64_t address,
                                                      unsigned size) {
    const auto value = gic_->mmio_read(cpu, address, size);
    if (value) look_at_all();
    return value;
}

bool ModelHardware::mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) {
    const auto effects = gic_->mmio_write(cpu, address, size, value);
    if (effects) act(*effects);
    return effects.has_value();
}

std::uint32_t ModelHardware::running_priority(std::uint32_t cpu) const {
    return urgency(gic_->priority_limit(cpu));
}

std::vector<NamedValue> ModelHardware::inspect(std::string_view controller, std::uint32_t index) const {
    if (controller == "gic") return {{"version", gic_->version()}};
    if ((controller == "distributor" || controller == "its") && index != 0) return {};
    const bool of_interrupt = controller == "interrupt";
    const std::uint32_t cpu = of_interrupt ? index >> 16 : index;
    if (cpu >= on_.size()) return {};
    return of_interrupt ? gic_->interrupt(cpu, index & 0xffff) : gic_->registers(controller, cpu);
}

std::unique_ptr<model::Hardware> make_model_hardware(const MachineConfig& config,
                                                     model::Surroundings& surroundings) {
    return std::make_unique<ModelHardware>(config, surroundings);
}

}  // namespace irqbench::vmm::arm64
