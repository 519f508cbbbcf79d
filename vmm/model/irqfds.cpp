#include "vmm/model/irqfds.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

namespace irqbench::vmm::model {

using irqchip::LineSource;

void trigger(GsiInputs& inputs, const IrqfdSpec& irqfd) {
    if (irqfd.resample) return inputs.drive(irqfd.gsi, true, LineSource::resample);
    inputs.drive(irqfd.gsi, true, LineSource::wire);
    inputs.drive(irqfd.gsi, false, LineSource::wire);
}

Irqfds::Irqfds(const Irqfds& other, GsiInputs& inputs)
    : inputs_(inputs), next_id_(other.next_id_), any_kicked_(other.any_kicked_) {
    std::map<const EventFd*, std::shared_ptr<EventFd>> triggers;
    for (const auto& each : other.irqfds_) {
        auto& trigger = triggers[each->trigger.get()];
        if (!trigger) trigger = std::make_shared<EventFd>(EventFd{nullptr, each->trigger->signalled});
        irqfds_.push_back(std::make_unique<Irqfd>(Irqfd{each->spec, trigger, each->id, each->kicks}));
        if (each->assigned()) trigger->irqfd = irqfds_.back().get();
    }
}

Irqfds::Irqfd* Irqfds::find(std::string_view name) {
    for (const auto& each : irqfds_)
        if (each->spec.name == name) return each.get();
    return nullptr;
}

Outcome Irqfds::assign(const IrqfdSpec& spec) {
    // There is no eventfd that another VM could take.
    if (spec.other_vm) return {0, EINVAL};
    auto irqfd = std::make_unique<Irqfd>();
    irqfd->spec = spec;
    irqfd->id = next_id_++;
    const Irqfd* other = find(spec.shares);
    irqfd->trigger = other != nullptr ? other->trigger : std::make_shared<EventFd>();
    if (irqfd->trigger->irqfd != nullptr) return {0, EBUSY};
    if (Irqfd* former = find(spec.name); former != nullptr) {
        unassign(*former);
        // Kicks that nobody has collected are still in its resamplefd.
        irqfd->kicks = former->kicks;
        std::erase_if(irqfds_, [former](const auto& each) { return each.get() == former; });
    }
    irqfd->trigger->irqfd = irqfd.get();
    if (spec.resample) inputs_.listen(spec.gsi, irqfd->id);
    irqfds_.push_back(std::move(irqfd));
    // What was written to the eventfd before is an event too.
    if (std::exchange(irqfds_.back()->trigger->signalled, false)) model::trigger(inputs_, spec);
    return {};
}

std::vector<SavedIrqfd> Irqfds::save() const {
    std::map<const EventFd*, std::size_t> numbers;
    std::vector<NumberedIrqfd> irqfds;
    for (const auto& each : irqfds_) {
        const std::size_t number = numbers.try_emplace(each->trigger.get(), numbers.size()).first->second;
        irqfds.push_back({{each->spec, each->assigned(), each->trigger->signalled ? 1U : 0U}, number});
    }
    return in_order_of_assignment(irqfds);
}

void Irqfds::restore(std::span<const SavedIrqfd> saved) {
    for (const SavedIrqfd& each : saved) {
        auto irqfd = std::make_unique<Irqfd>();
        irqfd->spec = each.spec;
        irqfd->id = next_id_++;
        const Irqfd* other = find(each.spec.shares);
        irqfd->trigger = other != nullptr ? other->trigger : std::make_shared<EventFd>();
        if (each.waiting != 0) irqfd->trigger->signalled = true;
        if (each.assigned) {
            irqfd->trigger->irqfd = irqfd.get();
            irqfd->trigger->signalled = false;
            if (each.spec.resample) inputs_.listen(each.spec.gsi, irqfd->id);
        }
        irqfds_.push_back(std::move(irqfd));
    }
}

void Irqfds::unassign(Irqfd& irqfd) {
    if (!irqfd.assigned()) return;
    irqfd.trigger->irqfd = nullptr;
    if (irqfd.spec.resample) inputs_.unlisten(irqfd.spec.gsi, irqfd.id);
}

Outcome Irqfds::deassign(std::string_view name) {
    Irqfd* irqfd = find(name);
    if (irqfd == nullptr) return {0, ENOENT};
    // KVM finds the one to end by eventfd and GSI, and that may have another name by now.
    Irqfd* triggered = irqfd->trigger->irqfd;
    if (triggered != nullptr && triggered->spec.gsi == irqfd->spec.gsi) unassign(*triggered);
    return {};
}

void Irqfds::signal(std::string_view name) {
    const Irqfd* irqfd = find(name);
    if (irqfd == nullptr) return;
    if (irqfd->trigger->irqfd == nullptr)
        irqfd->trigger->signalled = true;
    else
        model::trigger(inputs_, irqfd->trigger->irqfd->spec);
}

void Irqfds::ended(routing::ListenerId listener) {
    for (const auto& each : irqfds_) {
        if (each->id != listener) continue;
        ++each->kicks;
        any_kicked_ = true;
    }
}

std::vector<event::Resampled> Irqfds::take_resampled() {
    std::vector<event::Resampled> kicks;
    if (!std::exchange(any_kicked_, false)) return kicks;
    for (const auto& each : irqfds_)
        if (const std::uint64_t count = std::exchange(each->kicks, 0); count != 0)
            kicks.push_back({each->spec.name, count});
    return kicks;
}

}  // namespace irqbench::vmm::model
