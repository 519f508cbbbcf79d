#include "vmm/placement.hpp"

namespace irqbench::vmm {

std::vector<PortableState::Handler> Placement::handlers(const VcpuSlot& slot) const {
    std::vector<PortableState::Handler> handlers;
    for (std::uint32_t vector = 0; vector < POLICIES; ++vector) {
        const std::uint8_t policy = slot.agent.policy(vector);
        const auto lowers = slot.lowers.find(vector);
        if (policy == usual_policy(vector) && lowers == slot.lowers.end()) continue;
        handlers.push_back(
            {vector, policy, lowers == slot.lowers.end() ? std::nullopt : std::optional(lowers->second)});
    }
    return handlers;
}

}  // namespace irqbench::vmm
