#include "vmm/x86/local_irqfds.hpp"

#include <algorithm>
#include <utility>

namespace irqbench::vmm::x86 {

const LocalIrqfds::Irqfd& LocalIrqfds::add(const IrqfdSpec& spec) {
    const auto shared = eventfds_.find(spec.shares);
    const std::size_t trigger = shared != eventfds_.end() ? shared->second : next_eventfd_++;
    eventfds_.insert_or_assign(spec.name, trigger);
    irqfds_.push_back({spec, next_id_++, 0, trigger});
    return irqfds_.back();
}

std::optional<LocalIrqfds::Irqfd> LocalIrqfds::remove(std::string_view name) {
    const auto found = std::find_if(irqfds_.begin(), irqfds_.end(),
                                    [name](const Irqfd& irqfd) { return irqfd.spec.name == name; });
    if (found == irqfds_.end()) return std::nullopt;
    Irqfd irqfd = std::move(*found);
    irqfds_.erase(found);
    return irqfd;
}

const LocalIrqfds::Irqfd* LocalIrqfds::triggered_by(std::string_view name) const {
    const auto eventfd = eventfds_.find(name);
    if (eventfd == eventfds_.end()) return nullptr;
    const auto found = std::find_if(irqfds_.begin(), irqfds_.end(),
                                    [&](const Irqfd& irqfd) { return irqfd.trigger == eventfd->second; });
    return found == irqfds_.end() ? nullptr : &*found;
}

// Of those that are gone the eventfd alone is left, which others may share.
std::vector<SavedIrqfd> LocalIrqfds::save() const {
    std::vector<SavedIrqfd> saved;
    std::map<std::size_t, std::string> first;  // of those with this eventfd
    const auto add = [&](IrqfdSpec spec, std::size_t eventfd, bool assigned) {
        const auto [other, is_first] = first.emplace(eventfd, spec.name);
        spec.shares = is_first ? std::string() : other->second;
        const bool waits = is_first && waiting_.contains(eventfd);
        saved.push_back({std::move(spec), assigned, false, waits ? 1U : 0U});
    };
    for (const auto& [name, eventfd] : eventfds_) {
        const auto is_it = [&](const Irqfd& irqfd) { return irqfd.spec.name == name; };
        if (std::any_of(irqfds_.begin(), irqfds_.end(), is_it)) continue;
        IrqfdSpec gone;
        gone.name = name;
        add(std::move(gone), eventfd, false);
    }
    for (const Irqfd& irqfd : irqfds_) add(irqfd.spec, irqfd.trigger, true);
    return saved;
}

const LocalIrqfds::Irqfd* LocalIrqfds::signal(std::string_view name) {
    const Irqfd* irqfd = triggered_by(name);
    if (const auto eventfd = eventfds_.find(name); irqfd == nullptr && eventfd != eventfds_.end())
        waiting_.insert(eventfd->second);
    return irqfd;
}

bool LocalIrqfds::take_waiting(std::string_view name) {
    const auto eventfd = eventfds_.find(name);
    return eventfd != eventfds_.end() && waiting_.erase(eventfd->second) != 0;
}

void LocalIrqfds::kick(std::span<const routing::ListenerId> listeners) {
    for (Irqfd& irqfd : irqfds_)
        if (std::count(listeners.begin(), listeners.end(), irqfd.id) != 0) ++irqfd.kicks;
}

std::vector<event::Resampled> LocalIrqfds::take_resampled() {
    std::vector<event::Resampled> kicks;
    for (Irqfd& irqfd : irqfds_)
        if (const std::uint64_t count = std::exchange(irqfd.kicks, 0); count != 0)
            kicks.push_back({irqfd.spec.name, count});
    return kicks;
}

}  // namespace irqbench::vmm::x86
