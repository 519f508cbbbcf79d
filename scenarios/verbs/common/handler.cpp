#include "scenarios/verbs/common/handler.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios::verbs {

std::string Handling::explain() const {
    return fmt::format(
        "The handler of {} on {}{}{}.", handler_.name,
        handler_.vcpu ? fmt::format("vCPU {}", *handler_.vcpu) : "every vCPU",
        handler_.lowers ? fmt::format(" makes its device drop {},", gsi_in_words(*handler_.lowers)) : "",
        handler_.manner);
}

void Handling::perform(Stage& stage) const {
    const auto declare = [&](std::uint32_t vcpu) {
        stage.machine.handler(vcpu, handler_.id, static_cast<std::uint8_t>(handler_.policy), handler_.lowers);
    };
    if (handler_.vcpu) return declare(*handler_.vcpu);
    for (std::uint32_t vcpu = 0; vcpu < stage.config.vcpu_ids.size(); ++vcpu) declare(vcpu);
}

Facts Handling::facts() const {
    Facts facts;
    if (handler_.vcpu) facts.vcpus = {*handler_.vcpu};
    facts.stays = handler_.stays;
    facts.handles = handler_.id;
    return facts;
}

}  // namespace irqbench::scenarios::verbs
