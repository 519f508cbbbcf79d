#include "scenarios/verbs/common/guest.hpp"

#include <fmt/format.h>

#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs {

void GuestVerb::perform(Stage& stage) const { stage.machine.guest(vcpu_, operations(stage)); }

Facts GuestVerb::facts() const {
    Facts facts;
    facts.vcpus = {vcpu_};
    facts.runs_on = vcpu_;
    return facts;
}

std::string GuestVerb::who() const { return fmt::format("vCPU {}", vcpu_); }

std::string EoiVerb::explain() const { return who() + " writes an EOI."; }

Facts EoiVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // of what its priority held back, or of a level that is still high
    return facts;
}

std::vector<vmm::GuestOp> EoiVerb::operations(Stage&) const {
    return {{.code = OP_EOI, .size = 4, .address = 0, .value = 0, .observed = false, .text = "eoi"}};
}

std::string ReturnVerb::explain() const { return who() + " leaves the innermost handler that stays."; }

Facts ReturnVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.returns = vcpu();
    facts.causes = true;  // the flags it restores enable interrupts
    return facts;
}

std::vector<vmm::GuestOp> ReturnVerb::operations(Stage&) const {
    return {{.code = OP_RETURN, .size = 4, .address = 0, .value = 0, .observed = false, .text = "return"}};
}

}  // namespace irqbench::scenarios::verbs
