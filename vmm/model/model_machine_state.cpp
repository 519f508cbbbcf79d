#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "vmm/guest/agent.hpp"
#include "vmm/model/model_machine.hpp"

// How a model machine's state is saved and restored: as it is, or as a portable state.
namespace irqbench::vmm::model {

struct ModelMachine::State final : MachineState {
    Memory memory;
    Doorbells doorbells;
    std::unique_ptr<Hardware> hardware;
    std::unique_ptr<Irqfds> irqfds;
    std::deque<Slot> slots;
    std::optional<CpuSet> ready;
    std::optional<CpuSet> busy;
    std::uint32_t arrived = 0;
};

std::string ModelMachine::unsaved() const {
    if (closed_) return "the virtual machine is closed";
    return hardware_->clone() ? "" : "this model has no saved state";
}

std::shared_ptr<const MachineState> ModelMachine::save() {
    auto state = std::make_shared<State>();
    state->hardware = hardware_->clone();
    if (!state->hardware) throw std::logic_error(unsaved());
    collect_eventfds();
    flush();
    state->memory = memory_;
    state->doorbells = doorbells_;
    state->irqfds = std::make_unique<Irqfds>(*irqfds_, *state->hardware);
    for (const Slot& slot : slots_) state->slots.emplace_back(slot, *state->hardware);
    state->ready = ready_;
    state->busy = busy_;
    state->arrived = arrived_;
    return state;
}

ScriptedCpu::Outline ModelMachine::saved_outline(std::uint32_t cpu) const {
    const auto outline = slots_[cpu].cpu.outline();
    if (outline) return *outline;
    throw Unreachable(
        fmt::format("the model's vCPU {} is in a handler that stays or inside of an operation, which no "
                    "other machine can take up",
                    cpu));
}

std::shared_ptr<const MachineState> ModelMachine::save_portable() {
    if (!hardware_->is_portable())
        throw std::logic_error("the state of this machine has no form that others can restore");
    if (is_free()) run_all_to_rest();
    // How much of its pause is left is in no structure of KVM's.
    if (const std::string why = hardware_->held_back(); !why.empty())
        throw Unreachable("an interrupt waits for time to pass, which no other machine can take up: " + why);
    if (const std::string why = hardware_->unportable(); !why.empty()) throw Unreachable(why);
    collect_eventfds();
    flush();
    auto state = std::make_shared<PortableState>();
    state->placement = config_.placement;
    state->run = config_.run;
    state->memory_bytes = config_.memory;
    state->barrier = arrived_;
    state->smis = static_cast<std::uint32_t>(memory_.read(AGENT_SHARED + SHARED_SMIS, 4));
    hardware_->save(*state);
    // What controllers keep there is complete now.
    state->memory = memory_.pages();
    state->irqfds = irqfds_->save();
    state->ioeventfds = doorbells_.save();
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
        const ScriptedCpu::Outline outline = saved_outline(index);
        CpuStanding& cpu = state->standing(index);
        cpu.activity = outline.state == ScriptedCpu::State::off       ? Activity::not_started
                       : outline.state == ScriptedCpu::State::waiting ? Activity::wait_for_sipi
                                                                      : Activity::running;
        cpu.interrupts_enabled = outline.interrupts_enabled;
        cpu.nmis = static_cast<std::uint8_t>(outline.nmis);
        cpu.nmi_blocked = outline.nmi_blocked;
        cpu.smi = outline.smi_pending;
        PortableState::Vcpu& vcpu = state->vcpus.emplace_back();
        vcpu.id = config_.vcpu_ids[index];
        vcpu.rest = slots_[index].rest;
        for (const auto& [vector, handler] : outline.handlers)
            vcpu.handlers.push_back({vector, handler.policy, handler.lowers});
    }
    return state;
}

void ModelMachine::restore(const PortableState& saved, const RestoreOptions& options) {
    if (!options.first.empty() || !options.without.empty())
        throw std::invalid_argument("a portable state has no parts that could be restored one by one");
    require_fit(saved, config_, config_.placement);
    if (!hardware_->is_portable())
        throw std::invalid_argument("this machine cannot restore what others have saved");
    collect_eventfds();
    closed_ = false;
    now_ = std::max(now_, options.now);
    config_.gic = gic_of(saved, config_);
    hardware_ = make_hardware_(config_, *this);
    irqfds_ = std::make_unique<Irqfds>(*hardware_);
    memory_ = {};
    memory_.add(0, guest::Agent::memory_size(config_.vcpu_ids.size()));
    if (config_.memory != 0) memory_.add(scenario_memory, config_.memory);
    for (const auto& [address, page] : saved.memory) {
        if (is_agents_page(address, config_.vcpu_ids.size())) continue;
        for (std::size_t at = 0; at < page.size(); ++at)
            if (page[at] != std::byte{0})
                memory_.write(address + at, 1, std::to_integer<std::uint64_t>(page[at]));
    }
    memory_.write(AGENT_SHARED + SHARED_SMIS, 4, saved.smis);
    arrived_ = saved.barrier;
    ready_ = busy_ = CpuSet(config_.vcpu_ids.size());
    slots_.clear();
    CpuSurroundings& outside = *this;
    for (std::uint32_t index = 0; index < config_.vcpu_ids.size(); ++index) {
        const CpuStanding& cpu = saved.standing(index);
        Slot& slot = slots_.emplace_back(index, *hardware_, outside, true);
        ScriptedCpu::Outline outline;
        outline.state = cpu.activity == Activity::not_started     ? ScriptedCpu::State::off
                        : cpu.activity == Activity::wait_for_sipi ? ScriptedCpu::State::waiting
                                                                  : ScriptedCpu::State::running;
        outline.interrupts_enabled = cpu.interrupts_enabled;
        outline.nmis = std::min<unsigned>(cpu.nmis, 2);
        outline.nmi_blocked = cpu.nmi_blocked;
        outline.smi_pending = cpu.smi;
        for (const PortableState::Handler& handler : saved.vcpus[index].handlers)
            outline.handlers[handler.vector] = {handler.policy, handler.lowers};
        slot.cpu.take_up(outline);
        slot.rest = saved.vcpus[index].rest;
    }
    hardware_->restore(saved);
    irqfds_->restore(saved.irqfds);
    doorbells_ = {};
    for (const SavedIoeventfd& each : saved.ioeventfds) {
        static_cast<void>(doorbells_.assign(each.spec));
        if (!each.assigned) static_cast<void>(doorbells_.deassign(each.spec.name));
    }
    take_up();
}

void ModelMachine::restore(const MachineState& state, const RestoreOptions& options) {
    if (const auto* portable = dynamic_cast<const PortableState*>(&state)) return restore(*portable, options);
    const auto* saved = dynamic_cast<const State*>(&state);
    if (saved == nullptr || saved->slots.size() != slots_.size())
        throw std::invalid_argument("the saved state is that of another kind of machine");
    if (!options.first.empty() || !options.without.empty())
        throw std::invalid_argument("the model's state has no parts that could be restored one by one");
    collect_eventfds();
    closed_ = false;
    hardware_ = saved->hardware->clone();
    irqfds_ = std::make_unique<Irqfds>(*saved->irqfds, *hardware_);
    memory_ = saved->memory;
    doorbells_ = saved->doorbells;
    slots_.clear();
    for (const Slot& slot : saved->slots) slots_.emplace_back(slot, *hardware_);
    ready_ = *saved->ready;
    busy_ = *saved->busy;
    arrived_ = saved->arrived;
    take_up();
}

void ModelMachine::take_up() {
    stormed_.clear();
    ++period_;
    for (std::uint32_t cpu = 0; cpu < slots_.size(); ++cpu) {
        slots_[cpu].stormed = false;
        ready_.insert(cpu);
    }
    moved(std::nullopt, "a new machine");
}

}  // namespace irqbench::vmm::model
