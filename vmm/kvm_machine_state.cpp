#include <stdexcept>

#include "vmm/kvm_machine.hpp"

// How a machine's state is saved and restored: the parts that its placement has, or a portable state.
namespace irqbench::vmm {

/// What the host knows of a vCPU and its agent.
struct VcpuBookkeeping {
    guest::Agent::Ends agent;
    std::map<std::uint32_t, std::uint32_t> lowers;
    event::Rest rest;
};

struct KvmMachine::State final : MachineState {
    struct Doorbell {
        std::string name;
        kvm::Doorbell doorbell;
        bool assigned;
    };

    std::string placement;
    kvm::GuestMemory::Pages memory;
    std::vector<VcpuBookkeeping> vcpus;
    std::vector<Doorbell> doorbells;
    StateParts parts;
};

std::string KvmMachine::unsaved() const {
    if (closed_) return "the virtual machine is closed";
    return placement_->state().empty() ? "there is no saved state in " + config_.placement + " mode yet" : "";
}

void KvmMachine::complete_accesses() {
    for (const auto& slot : slots_) slot->vcpu.complete_access();
}

void KvmMachine::halt_for_save() {
    if (const std::string reason = unsaved(); !reason.empty()) throw std::logic_error(reason);
    drain_irqfds();
    // An exit that the kernel owes for an EOI comes with the next entry, and nothing tells of it before.
    runner().rest();
    // Until the next call, so that a restore that follows begins where this ends.
    runner_->stop();
    runner_.reset();
    complete_accesses();
    // What has happened is not part of the state.
    collect_eventfds();
}

std::shared_ptr<const MachineState> KvmMachine::save() {
    halt_for_save();
    auto state = std::make_shared<State>();
    state->placement = config_.placement;
    state->parts = save_parts(placement_->state());
    state->memory = memory_.pages();
    for (const auto& slot : slots_) state->vcpus.push_back({slot->agent.ends(), slot->lowers, slot->rest});
    for (const NamedDoorbell& doorbell : doorbells_)
        state->doorbells.push_back({doorbell.name, doorbell.doorbell, doorbell.ioeventfd.has_value()});
    return state;
}

std::shared_ptr<const MachineState> KvmMachine::save_portable() {
    if (!placement_->is_portable())
        throw std::logic_error("the state of this machine has no form that others can restore");
    halt_for_save();
    auto state = std::make_shared<PortableState>();
    state->placement = config_.placement;
    state->run = config_.run;
    state->memory_bytes = config_.memory;
    state->barrier = memory_.read<std::uint32_t>(AGENT_SHARED + SHARED_BARRIER);
    state->smis = memory_.read<std::uint32_t>(AGENT_SHARED + SHARED_SMIS);
    placement_->save(*state);
    // An ITS has put its tables there.
    state->memory = memory_.pages();
    for (const auto& slot : slots_)
        state->vcpus.push_back(
            {slot->vcpu.id(), placement_->handlers(*slot), slot->rest, slot->agent.ends()});
    for (const NamedDoorbell& doorbell : doorbells_)
        state->ioeventfds.push_back({{doorbell.name, doorbell.doorbell.address, doorbell.doorbell.port,
                                      doorbell.doorbell.bytes, doorbell.doorbell.datamatch},
                                     doorbell.ioeventfd.has_value()});
    return state;
}

void KvmMachine::begin_anew() {
    if (runner_) {
        drain_irqfds();
        runner_->stop();
    }
    if (!closed_) collect_eventfds();
    discard();
    memory_ = {};
    create();
    for (const auto& slot : slots_) placement_->adopt(*slot);
}

void KvmMachine::restore(const PortableState& saved, const RestoreOptions& options) {
    if (!options.first.empty() || !options.without.empty())
        throw std::invalid_argument("a portable state has no parts that could be restored one by one");
    const std::string mode = options.placement.empty() ? config_.placement : options.placement;
    require_fit(saved, config_, mode);
    if (!placement_->is_portable())
        throw std::invalid_argument("this machine cannot restore what others have saved");
    if (const auto late = options.now - recorder_.now(); late > late.zero()) recorder_.skip(late);
    config_.placement = mode;
    config_.gic = gic_of(saved, config_);
    begin_anew();
    const bool has_agent = saved.placement != "model";
    if (has_agent) {
        memory_.set_pages(saved.memory);
    } else {
        for (const auto& [address, page] : saved.memory)
            if (!is_agents_page(address, slots_.size())) memory_.write_bytes(address, page);
    }
    memory_.write(AGENT_SHARED + SHARED_BARRIER, saved.barrier);
    memory_.write(AGENT_SHARED + SHARED_SMIS, saved.smis);
    for (const auto& slot : slots_) {
        const PortableState::Vcpu& known = saved.vcpus[slot->index];
        if (has_agent) slot->agent.set_ends(known.mailbox);
        for (const PortableState::Handler& handler : known.handlers) {
            slot->agent.set_policy(handler.vector, handler.policy);
            if (handler.lowers) slot->lowers.emplace(handler.vector, *handler.lowers);
        }
        slot->rest = known.rest;
    }
    placement_->restore(saved);
    for (const auto& slot : slots_) slot->clock = placement_->clock(*slot);
    placement_->resume();
    for (const SavedIoeventfd& each : saved.ioeventfds) restore_ioeventfd(each);
    take_up();
}

void KvmMachine::restore_ioeventfd(const SavedIoeventfd& saved) {
    kvm::require(make_ioeventfd(saved.spec), "KVM_IOEVENTFD");
    if (!saved.assigned) kvm::require(end_ioeventfd(saved.spec.name), "KVM_IOEVENTFD");
}

void KvmMachine::restore(const MachineState& state, const RestoreOptions& options) {
    if (const auto* portable = dynamic_cast<const PortableState*>(&state)) return restore(*portable, options);
    const auto* saved = dynamic_cast<const State*>(&state);
    if (saved == nullptr || saved->placement != config_.placement || saved->vcpus.size() != slots_.size())
        throw std::invalid_argument("the saved state is that of another kind of machine");
    if (!options.placement.empty() && options.placement != config_.placement)
        throw std::invalid_argument("another irqchip mode needs a portable state");
    begin_anew();
    for (const auto& slot : slots_) {
        const VcpuBookkeeping& known = saved->vcpus[slot->index];
        slot->agent.set_ends(known.agent);
        slot->lowers = known.lowers;
        slot->rest = known.rest;
    }
    memory_.set_pages(saved->memory);
    restore_parts(placement_->state(), saved->parts, options);
    for (const auto& slot : slots_) slot->clock = placement_->clock(*slot);
    placement_->resume();
    for (const State::Doorbell& each : saved->doorbells) {
        NamedDoorbell doorbell{each.name, std::make_unique<kvm::EventFd>(), each.doorbell, std::nullopt};
        if (each.assigned) {
            auto attempt = kvm::Ioeventfd::try_assign(*vm_, *doorbell.event, doorbell.doorbell);
            kvm::require(attempt.outcome, "KVM_IOEVENTFD");
            doorbell.ioeventfd = std::move(attempt.object);
        }
        doorbells_.push_back(std::move(doorbell));
    }
    take_up();
}

void KvmMachine::take_up() {
    // A vCPU that has not been in KVM_RUN cannot say whether it would take an interrupt of a PIC of ours.
    complete_accesses();
    begin();
    recorder_.add(Lane::wire, event::Wire{std::nullopt, "a new virtual machine"});
}

}  // namespace irqbench::vmm
