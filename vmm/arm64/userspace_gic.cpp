#include "vmm/arm64/userspace_gic.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "irqchip/arm64/gicv2_registers.hpp"
#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/urgency.hpp"
#include "vmm/arm64/virtual_timer.hpp"

namespace irqbench::vmm::arm64 {

namespace {

namespace gicc = irqchip::arm64::gicc;
namespace gicd = irqchip::arm64::gicd;

struct TimerLine {
    std::uint64_t device;  ///< KVM_ARM_DEV_*
    std::uint32_t ppi;
};
constexpr std::array timer_lines{TimerLine{KVM_ARM_DEV_EL1_VTIMER, VirtualTimer::ppi},
                                 TimerLine{KVM_ARM_DEV_EL1_PTIMER, VirtualTimer::ppi_of_physical}};

// PSTATE bits that hold an input back.
constexpr std::uint64_t irqs_masked = 0x80;
constexpr std::uint64_t fiqs_masked = 0x40;

/// An input of a vCPU as KVM_IRQ_LINE names it.
constexpr std::uint32_t line_of(std::uint32_t vcpu, std::uint32_t number) {
    return encode_line({LineType::cpu, vcpu, number});
}

std::unique_ptr<ModelGic> gicv2_for(const MachineConfig& config) {
    if (!config.gic.empty() && config.gic != "v2")
        throw std::invalid_argument(fmt::format("userspace mode has a GICv2, and no GIC{}", config.gic));
    return make_model_gicv2(config);
}

}  // namespace

bool has_user_irqs(const kvm::Vm& vm) { return vm.check_extension(KVM_CAP_ARM_USER_IRQ) > 0; }

UserspaceGic::UserspaceGic(kvm::Vm& vm, const MachineConfig& config, Recorder& recorder)
    : ArmPlacement(vm, config, recorder),
      board_(gicv2_for(config), config, *this),
      irqfds_(std::make_unique<model::Irqfds>(board_)),
      inputs_(config.vcpu_ids.size()) {}

/// What is in our process. The irqfds are of this board.
struct UserspaceGic::Controllers {
    explicit Controllers(const UserspaceGic& of)
        : board(of.board_), irqfds(*of.irqfds_, board), doorbells(of.doorbells_), markers(of.marker_sgis_) {
        for (const VcpuSlot* slot : of.slots_) timer_outputs.push_back(slot->vcpu.device_irq_level());
    }

    GicBoard board;
    model::Irqfds irqfds;
    model::Doorbells doorbells;
    std::map<std::uint32_t, std::uint32_t> markers;
    std::vector<std::uint64_t> timer_outputs;
};

// KVM comes back from KVM_RUN when an output is not what kvm_run says: said beforehand, a line that is up
// stays up.
std::vector<StateAccess> UserspaceGic::state() {
    using Saved = std::shared_ptr<const Controllers>;
    std::vector<StateAccess> parts{registers_state()};
    for (StateAccess& part : events_state()) parts.push_back(std::move(part));
    parts.push_back(state_access<Saved>(
        "controllers",
        [this] {
            const std::lock_guard lock(mutex_);
            return std::make_shared<const Controllers>(*this);
        },
        [this](const Saved& saved) {
            const std::lock_guard lock(mutex_);
            board_.restore(saved->board);
            irqfds_ = std::make_unique<model::Irqfds>(saved->irqfds, board_);
            doorbells_ = saved->doorbells;
            marker_sgis_ = saved->markers;
            for (VcpuSlot* slot : slots_)
                slot->vcpu.set_device_irq_level(saved->timer_outputs.at(slot->index));
            drive_inputs();
        }));
    parts.push_back(timers_state());
    parts.push_back(power_state());
    return parts;
}

void UserspaceGic::save(PortableState& state) {
    const std::lock_guard lock(mutex_);
    save_cpus(state);
    for (const auto& [cpu, intid] : marker_sgis_) state.board.cpus.at(cpu).marker = intid;
    board_.save(state);
    state.irqfds = irqfds_->save();
    state.ioeventfds = doorbells_.save();
}

void UserspaceGic::restore(const PortableState& state) {
    const std::lock_guard lock(mutex_);
    restore_cores(state);
    board_.restore(state);
    irqfds_->restore(state.irqfds);
    for (std::uint32_t cpu = 0; cpu < slots_.size(); ++cpu)
        if (const auto marker = state.board.cpus.at(cpu).marker) marker_sgis_[cpu] = *marker;
    for (VcpuSlot* slot : slots_) restore_timer_output(*slot, state.board);
    drive_inputs();
    restore_timers_and_power(state);
}

/// KVM tells of it when the vCPU runs, and one that waits here does not.
void UserspaceGic::restore_timer_output(VcpuSlot& slot, const BoardState& saved) {
    VirtualTimer timer;
    timer.restore(saved.cpus.at(slot.index).timer);
    slot.vcpu.set_device_irq_level(timer.level(saved.counter) ? KVM_ARM_DEV_EL1_VTIMER : 0);
    take_timers(slot);
}

void UserspaceGic::moved(std::optional<std::uint32_t> gsi, std::string text) {
    recorder_.add(Lane::wire, event::Wire{gsi, std::move(text)});
}

void UserspaceGic::take_timers(const VcpuSlot& slot) {
    const std::uint64_t outputs = slot.vcpu.device_irq_level();
    for (const TimerLine& timer : timer_lines)
        board_.set_timer(slot.index, timer.ppi, (outputs & timer.device) != 0);
}

void UserspaceGic::drive_inputs() {
    for (const VcpuSlot* slot : slots_) {
        Inputs& inputs = inputs_[slot->index];
        drive_input(*slot, KVM_ARM_IRQ_CPU_IRQ, inputs.irq, board_.irq(slot->index));
        drive_input(*slot, KVM_ARM_IRQ_CPU_FIQ, inputs.fiq, board_.fiq(slot->index));
    }
}

void UserspaceGic::drive_input(const VcpuSlot& slot, std::uint32_t number, bool& driven, bool level) {
    if (driven == level) return;
    driven = level;
    if (watches_wires())
        moved(std::nullopt,
              fmt::format("GIC: {} of vCPU {} {}", number == KVM_ARM_IRQ_CPU_IRQ ? "IRQ" : "FIQ", slot.index,
                          level ? "up" : "down"));
    vm_.irq_line(line_of(slot.vcpu.id(), number), level);
}

Outcome UserspaceGic::set_line(std::uint32_t gsi, bool level, bool) {
    const std::lock_guard lock(mutex_);
    const Outcome outcome = board_.set_line(gsi, level);
    drive_inputs();
    return outcome;
}

Outcome UserspaceGic::msi(const MsiMessage& message) {
    const std::lock_guard lock(mutex_);
    return board_.msi(message);
}

Outcome UserspaceGic::route(const routing::RoutingTable& table) {
    const std::lock_guard lock(mutex_);
    return board_.route(table);
}

Outcome UserspaceGic::assign_irqfd(const IrqfdSpec& spec) {
    const std::lock_guard lock(mutex_);
    const Outcome outcome = irqfds_->assign(spec);
    drive_inputs();
    return outcome;
}

Outcome UserspaceGic::deassign_irqfd(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const Outcome outcome = irqfds_->deassign(name);
    drive_inputs();
    return outcome;
}

void UserspaceGic::signal(std::string_view irqfd, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    if (count == 0) return;
    irqfds_->signal(irqfd);
    drive_inputs();
}

void UserspaceGic::concurrent(bool on) {
    const std::lock_guard lock(mutex_);
    concurrent_ = on;
}

std::vector<event::Resampled> UserspaceGic::take_resampled() {
    const std::lock_guard lock(mutex_);
    return irqfds_->take_resampled();
}

std::optional<Outcome> UserspaceGic::assign_ioeventfd(const IoeventfdSpec& spec) {
    const std::lock_guard lock(mutex_);
    if (spec.port || !board_.gic().claims(spec.address)) return std::nullopt;
    return doorbells_.assign(spec);
}

std::optional<Outcome> UserspaceGic::deassign_ioeventfd(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (!doorbells_.has(name)) return std::nullopt;
    return doorbells_.deassign(name);
}

bool UserspaceGic::access(const VcpuSlot& slot, const kvm::MmioExit& mmio) {
    const auto size = static_cast<unsigned>(mmio.data.size());
    if (mmio.write) return board_.mmio_write(slot.index, mmio.address, size, kvm::value_of(mmio.data));
    const auto value = board_.gic().mmio_read(slot.index, mmio.address, size);
    if (value) kvm::answer(mmio.data, *value);
    return value.has_value();
}

bool UserspaceGic::handle(VcpuSlot& slot, const kvm::Exit& exit) {
    const std::lock_guard lock(mutex_);
    take_timers(slot);
    const auto* mmio = std::get_if<kvm::MmioExit>(&exit);
    const bool is_ours = mmio != nullptr && access(slot, *mmio);
    drive_inputs();
    return is_ours || ArmPlacement::handle(slot, exit);
}

bool UserspaceGic::before_run(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    take_timers(slot);
    drive_inputs();
    return true;
}

// A timer's output may have risen with the exit at which the vCPU would rest.
bool UserspaceGic::has_interrupt_for(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    take_timers(slot);
    drive_inputs();
    const Inputs& inputs = inputs_[slot.index];
    if (!inputs.irq && !inputs.fiq) return false;
    const std::uint64_t pstate = slot.vcpu.reg(pstate_register());
    return (inputs.irq && (pstate & irqs_masked) == 0) || (inputs.fiq && (pstate & fiqs_masked) == 0);
}

std::uint32_t UserspaceGic::running_priority(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    return board_.running_priority(slot.index);
}

// An SGI from the vCPU to itself. A GICv2 has all of them enabled: one that nobody uses has no priority, or
// that of the marker before. It is of group 0, which GICC_IAR acknowledges whatever AckCtl says.
std::optional<Marker> UserspaceGic::send_marker(VcpuSlot& slot, std::uint32_t priority) {
    const auto urgent_enough = priority_beyond(priority);
    if (!urgent_enough) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const std::uint32_t cpu = slot.index;
    const auto read = [&](std::uint64_t address, unsigned size = 4) {
        return board_.gic().mmio_read(cpu, address, size).value_or(0);
    };
    constexpr std::uint64_t group0 = 1;
    if ((read(AGENT_GICD + gicd::ctlr) & read(AGENT_GICC + gicc::ctlr) & group0) == 0) return std::nullopt;
    const std::uint64_t unused = read(AGENT_GICD + gicd::isenabler) & ~read(AGENT_GICD + gicd::ispendr) &
                                 ~read(AGENT_GICD + gicd::isactiver) & ~read(AGENT_GICD + gicd::igroupr);
    for (std::uint32_t intid = 16; intid-- > 8;) {
        if ((unused >> intid & 1) == 0 || slot.agent.policy(intid) != default_policy) continue;
        const auto former = marker_sgis_.find(cpu);
        const bool ours = former != marker_sgis_.end() && former->second == intid;
        if (!ours && read(AGENT_GICD + gicd::ipriorityr + intid, 1) != 0) continue;
        marker_sgis_[cpu] = intid;
        board_.mmio_write(cpu, AGENT_GICD + gicd::ipriorityr + intid, 1, *urgent_enough);
        board_.mmio_write(cpu, AGENT_GICD + gicd::spendsgir + intid, 1, std::uint64_t{1} << cpu);
        drive_inputs();
        return Marker{intid, default_policy};
    }
    return std::nullopt;
}

std::string UserspaceGic::registers(VcpuSlot& slot) {
    std::string text = ArmPlacement::registers(slot);
    const std::lock_guard lock(mutex_);
    const Inputs& inputs = inputs_[slot.index];
    return text +
           fmt::format("\nGIC: IRQ {}, FIQ {}", inputs.irq ? "up" : "down", inputs.fiq ? "up" : "down");
}

std::vector<NamedValue> UserspaceGic::inspect(std::string_view controller, std::uint32_t index) {
    const std::lock_guard lock(mutex_);
    for (const VcpuSlot* slot : slots_) take_timers(*slot);
    drive_inputs();
    return board_.inspect(controller, index);
}

}  // namespace irqbench::vmm::arm64
