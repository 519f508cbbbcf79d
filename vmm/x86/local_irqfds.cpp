#include "vmm/x86/local_irqfds.hpp"

#include <algorithm>
#include <utility>

namespace irqbench::vmm::x86 {

const LocalIrqfds::Irqfd& LocalIrqfds::add(const IrqfdSpec& spec) {
    irqfds_.push_back({spec, next_id_++});
    return irqfds_.back();
}

std::optional<LocalIrqfds::Irqfd> LocalIrqfds::remove(std::string_view name) {
    const auto found = std::find_if(irqfds_.begin(), irqfds_.end(),
                                    [name](const Irqfd& irqfd) { return irqfd.spec.name == name; });
    if (found == irqfds_.end()) return std::nullopt;
    Irqfd irqfd = std::move(*found);
    irqfds_.erase(found);
    former_.emplace(name);
    return irqfd;
}

const LocalIrqfds::Irqfd* LocalIrqfds::find(std::string_view name) const {
    const auto found = std::find_if(irqfds_.begin(), irqfds_.end(),
                                    [name](const Irqfd& irqfd) { return irqfd.spec.name == name; });
    return found == irqfds_.end() ? nullptr : &*found;
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
