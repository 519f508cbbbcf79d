#include "vmm/saved_eventfds.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace irqbench::vmm {

std::vector<SavedIrqfd> in_order_of_assignment(const std::vector<NumberedIrqfd>& irqfds) {
    std::map<std::size_t, std::uint64_t> waiting;
    for (const auto& [irqfd, eventfd] : irqfds) waiting[eventfd] = std::max(waiting[eventfd], irqfd.waiting);
    std::vector<SavedIrqfd> saved;
    std::map<std::size_t, std::string> first;  // of those with this eventfd
    for (const bool assigned : {false, true})
        for (const auto& [irqfd, eventfd] : irqfds) {
            if (irqfd.assigned != assigned) continue;
            SavedIrqfd& next = saved.emplace_back(irqfd);
            const auto [other, is_first] = first.emplace(eventfd, irqfd.spec.name);
            next.spec.shares = is_first ? std::string() : other->second;
            next.waiting = is_first ? waiting[eventfd] : 0;
        }
    return saved;
}

}  // namespace irqbench::vmm
