#include "scenarios/verbs/x86/cpu.hpp"

#include <fmt/format.h>

#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs::x86 {

namespace {

/// Vectors below are exceptions to the agent, unless a handler is declared (SDM vol. 3, 6.3.1).
constexpr std::uint32_t exceptions = 32;

}  // namespace

void HandlerArguments::check(const HandlerArguments& arguments, const Cursor& at) {
    if (arguments.nests && !arguments.stays)
        at.fail("'nests' needs 'stays': true, since only a handler that stays has time for another");
    if (arguments.eoi == EoiPolicy::first && !arguments.stays)
        at.fail(
            "\"first\" needs 'stays': true; a handler that does not stay EOIs at its end, which is \"auto\"");
}

EoiPolicy HandlerVerb::eoi() const {
    return arguments_.eoi.value_or(arguments_.stays ? EoiPolicy::on_request : EoiPolicy::automatic);
}

std::uint8_t HandlerVerb::policy() const {
    unsigned bits = 0;
    switch (eoi()) {
        case EoiPolicy::automatic: bits |= POLICY_EOI_LAPIC; break;
        case EoiPolicy::first: bits |= POLICY_EOI_LAPIC | POLICY_EOI_FIRST; break;
        case EoiPolicy::pic: bits |= POLICY_EOI_PIC; break;
        case EoiPolicy::pics: bits |= POLICY_EOI_PICS; break;
        case EoiPolicy::on_request:
        case EoiPolicy::never: break;
    }
    if (arguments_.stays) bits |= POLICY_STAY;
    if (arguments_.nests) bits |= POLICY_NEST;
    if (arguments_.lowers) bits |= POLICY_LOWER;
    if (arguments_.vector < exceptions) bits |= POLICY_DECLARED;
    return static_cast<std::uint8_t>(bits);
}

std::string HandlerVerb::explain() const {
    std::string text = fmt::format("The handler of vector {} on {}", vmm::vector_text(arguments_.vector),
                                   arguments_.vcpu ? fmt::format("vCPU {}", *arguments_.vcpu) : "every vCPU");
    if (arguments_.lowers)
        text += fmt::format(" makes its device drop {},", gsi_in_words(*arguments_.lowers));
    if (eoi() == EoiPolicy::first) text += " EOIs first,";
    text += arguments_.stays ? " remains in service until told to return" : " returns at once";
    if (arguments_.nests) text += ", with interrupts enabled";
    switch (eoi()) {
        case EoiPolicy::automatic: return text + ", with a LAPIC EOI at its end.";
        case EoiPolicy::pic: return text + ", with an EOI to the master PIC at its end.";
        case EoiPolicy::pics: return text + ", with an EOI to both PICs at its end.";
        case EoiPolicy::on_request: return text + ", and EOIs on request only.";
        case EoiPolicy::never: return text + ", and never EOIs.";
        case EoiPolicy::first: break;
    }
    return text + ".";
}

void HandlerVerb::perform(Stage& stage) const {
    if (arguments_.vcpu) {
        stage.machine.handler(*arguments_.vcpu, arguments_.vector, policy(), arguments_.lowers);
        return;
    }
    for (std::uint32_t vcpu = 0; vcpu < stage.config.vcpu_ids.size(); ++vcpu)
        stage.machine.handler(vcpu, arguments_.vector, policy(), arguments_.lowers);
}

Facts HandlerVerb::facts() const {
    Facts facts;
    if (arguments_.vcpu) facts.vcpus = {*arguments_.vcpu};
    facts.stays = arguments_.stays;
    facts.handles = arguments_.vector;
    return facts;
}

template <FlagChange change>
std::string FlagVerb<change>::explain() const {
    return fmt::format("{} {} interrupts.", who(), change == FlagChange::cli ? "disables" : "enables");
}

template <FlagChange change>
Facts FlagVerb<change>::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = change == FlagChange::sti;
    return facts;
}

template <FlagChange change>
std::vector<vmm::GuestOp> FlagVerb<change>::operations(Stage&) const {
    if (change == FlagChange::cli) return {operation(OP_CLI, 0, 0, 4, "cli")};
    return {operation(OP_STI, 0, 0, 4, "sti")};
}

template class FlagVerb<FlagChange::cli>;
template class FlagVerb<FlagChange::sti>;

std::string HaltVerb::explain() const {
    return fmt::format("{} halts with interrupts {}.", who(), arguments_.interrupts ? "enabled" : "disabled");
}

Facts HaltVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = arguments_.interrupts;
    facts.stops = !arguments_.interrupts;
    return facts;
}

std::vector<vmm::GuestOp> HaltVerb::operations(Stage&) const {
    if (arguments_.interrupts) return {operation(OP_STI_HALT, 0, 0, 4, "sti; hlt")};
    return {operation(OP_CLI, 0, 0, 4, "cli"), operation(OP_HALT, 0, 0, 4, "hlt")};
}

std::string NmiVerb::explain() const {
    return fmt::format("The host sends an NMI to vCPU {}{}.", arguments_.vcpu,
                       refusal_in_words(arguments_.error));
}

Facts NmiVerb::facts() const {
    Facts facts;
    facts.vcpus = {arguments_.vcpu};
    facts.causes = facts.wakes = true;
    facts.asserts = arguments_.error.has_value();
    return facts;
}

void InjectArguments::check(const InjectArguments& arguments, const Cursor& at) {
    constexpr std::uint32_t nmi = 2;
    if (arguments.vector == nmi && !arguments.error)
        at.fail("vector 0x02 is the NMI's: use 'nmi'", ScenarioError::Kind::invalid);
}

template <vmm::Injection how>
std::string InjectVerb<how>::explain() const {
    return fmt::format("The host injects vector {} into vCPU {} by {}{}.",
                       vmm::vector_text(arguments_.vector), arguments_.vcpu,
                       how == vmm::Injection::interrupt ? "KVM_INTERRUPT" : "KVM_SET_VCPU_EVENTS",
                       refusal_in_words(arguments_.error));
}

template <vmm::Injection how>
Facts InjectVerb<how>::facts() const {
    Facts facts;
    facts.vcpus = {arguments_.vcpu};
    facts.causes = facts.needs_kvm = true;
    facts.asserts = arguments_.error.has_value();
    if (arguments_.vector < exceptions && !arguments_.error) facts.needs_handler = arguments_.vector;
    return facts;
}

template class InjectVerb<vmm::Injection::interrupt>;
template class InjectVerb<vmm::Injection::vcpu_events>;

}  // namespace irqbench::scenarios::verbs::x86
