#include "scenarios/verbs/x86/cpu.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios::verbs::x86 {

namespace {

/// Vectors below are exceptions to the agent, unless a handler is declared (SDM vol. 3, 6.3.1).
constexpr std::uint32_t exceptions = 32;

}  // namespace

EoiMeaning HandlerDialect::meaning(EoiPolicy policy) {
    switch (policy) {
        case EoiPolicy::automatic: return {POLICY_EOI_LAPIC, ", with a LAPIC EOI at its end"};
        case EoiPolicy::first: return {POLICY_EOI_LAPIC | POLICY_EOI_FIRST};
        case EoiPolicy::pic: return {POLICY_EOI_PIC, ", with an EOI to the master PIC at its end"};
        case EoiPolicy::pics: return {POLICY_EOI_PICS, ", with an EOI to both PICs at its end"};
        case EoiPolicy::on_request: return {0, ", and EOIs on request only"};
        case EoiPolicy::never: return {0, ", and never EOIs"};
    }
    return {};
}

void HandlerDialect::add_own(Handler& handler) const {
    if (handler.id < exceptions) handler.policy |= POLICY_DECLARED;
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
    facts.apart = true;
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
    if (arguments_.vector < exceptions && !arguments_.error) {
        facts.needs_handler = arguments_.vector;
        facts.without_handler = fmt::format(
            "a vector below 0x20 is an exception unless it has a handler: put {{ \"handler\": {{ "
            "\"vector\": \"{:#04x}\" }} }} before this step",
            arguments_.vector);
    }
    return facts;
}

template class InjectVerb<vmm::Injection::interrupt>;
template class InjectVerb<vmm::Injection::vcpu_events>;

}  // namespace irqbench::scenarios::verbs::x86
