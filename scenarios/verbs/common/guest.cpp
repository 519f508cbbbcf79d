#include "scenarios/verbs/common/guest.hpp"

#include <fmt/format.h>

#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs {

void GuestVerb::perform(Stage& stage) const { stage.machine.guest(vcpu(), operations(stage)); }

Facts GuestVerb::facts() const {
    Facts facts;
    facts.vcpus = {vcpu()};
    facts.runs_on = vcpu();
    return facts;
}

std::string GuestVerb::who() const { return fmt::format("vCPU {}", vcpu()); }

vmm::GuestOp operation(std::uint32_t code, std::uint64_t address, std::uint64_t value, std::uint32_t size,
                       std::string text) {
    return {.code = code,
            .size = size,
            .address = address,
            .value = value,
            .observed = false,
            .text = std::move(text)};
}

std::string EoiVerb::explain() const { return who() + " writes an EOI."; }

Facts EoiVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // of what its priority held back, or of a level that is still high
    return facts;
}

std::vector<vmm::GuestOp> EoiVerb::operations(Stage&) const { return {operation(OP_EOI, 0, 0, 4, "eoi")}; }

std::string ReturnVerb::explain() const { return who() + " leaves the innermost handler that stays."; }

Facts ReturnVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.returns = vcpu();
    facts.causes = true;  // the flags it restores enable interrupts
    return facts;
}

std::vector<vmm::GuestOp> ReturnVerb::operations(Stage&) const {
    return {operation(OP_RETURN, 0, 0, 4, "return")};
}

}  // namespace irqbench::scenarios::verbs
