#include "scenarios/verbs/arm64/cpu.hpp"

#include <fmt/format.h>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "vmm/guest/agent.hpp"

namespace irqbench::scenarios::verbs::arm64 {

namespace {

namespace icc = irqchip::arm64::icc;
namespace gicc = irqchip::arm64::gicc;
namespace psci = vmm::arm64::psci;
constexpr std::string_view cpu_on = "cpu_on";

/// What a call of PSCI returned, in 32 bits.
std::string psci_status_in_words(std::uint64_t value) {
    for (const auto& [name, status] : psci::status_names)
        if (static_cast<std::uint32_t>(status) == value) return std::string(name);
    return fmt::format("{:#x}", value);
}

}  // namespace

std::string HandlerDialect::unfit_for(const vmm::MachineConfig& config, const Handler& handler) {
    std::string reason = Intid::unfit_for(config, handler.id);
    if (reason.empty() && handler.lowers) reason = line_unfit_for(config, *handler.lowers);
    return reason;
}

EoiMeaning HandlerDialect::meaning(EoiPolicy policy) {
    switch (policy) {
        case EoiPolicy::automatic: return {POLICY_EOI, ", with an EOI at its end"};
        case EoiPolicy::first: return {POLICY_EOI | POLICY_EOI_FIRST};
        case EoiPolicy::on_request: return {0, ", and EOIs on request only"};
        case EoiPolicy::never: return {0, ", and never EOIs"};
    }
    return {};
}

void HandlerDialect::add_own(Handler& handler) const {
    if (!deactivates) return;
    handler.policy |= POLICY_DEACTIVATE;
    handler.manner += ", deactivates at its end";
}

template <End end>
std::string EndVerb<end>::explain() const {
    return fmt::format("{} writes {}{}.", who(), end == End::eoi ? "EOIR" : "DIR",
                       arguments_.intid ? fmt::format(" for INTID {}", *arguments_.intid) : "");
}

template <End end>
Facts EndVerb<end>::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // of what its priority held back, or of a level that is still high
    return facts;
}

template <End end>
std::vector<vmm::GuestOp> EndVerb<end>::operations(Stage&) const {
    return {operation(end == End::eoi ? OP_EOI : OP_DEACTIVATE, arguments_.intid ? 1 : 0,
                      arguments_.intid.value_or(0), 4, end == End::eoi ? "eoi" : "deactivate")};
}

template class EndVerb<End::eoi>;
template class EndVerb<End::deactivate>;

template <MaskChange change>
std::string MaskVerb<change>::explain() const {
    return fmt::format("{} {} interrupts.", who(), change == MaskChange::mask ? "masks" : "unmasks");
}

template <MaskChange change>
Facts MaskVerb<change>::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = change == MaskChange::unmask;
    return facts;
}

template <MaskChange change>
std::vector<vmm::GuestOp> MaskVerb<change>::operations(Stage&) const {
    if (change == MaskChange::mask) return {operation(OP_CLI, 0, 0, 4, "mask")};
    return {operation(OP_STI, 0, 0, 4, "unmask")};
}

template class MaskVerb<MaskChange::mask>;
template class MaskVerb<MaskChange::unmask>;

std::string WfiVerb::explain() const {
    return fmt::format("{} waits in WFI with interrupts {}.", who(),
                       arguments_.masked ? "masked" : "unmasked");
}

Facts WfiVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = !arguments_.masked;
    facts.apart = true;
    return facts;
}

std::vector<vmm::GuestOp> WfiVerb::operations(Stage&) const {
    if (!arguments_.masked) return {operation(OP_STI_HALT, 0, 0, 4, "wfi")};
    return {operation(OP_CLI, 0, 0, 4, "mask"), operation(OP_HALT, 0, 0, 4, "wfi")};
}

std::string PmrVerb::explain() const {
    return fmt::format("{} sets its priority mask to {:#04x}.", who(), arguments_.value);
}

Facts PmrVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    return facts;
}

std::vector<vmm::GuestOp> PmrVerb::operations(Stage& stage) const {
    if (is_gicv3(stage)) return {operation(OP_MSR_WRITE, icc::pmr, arguments_.value, 8, "write pmr")};
    return {write_word(AGENT_GICC + gicc::pmr, arguments_.value, "write pmr")};
}

std::string EoiModeVerb::explain() const {
    return fmt::format("{} selects EOImode {}: {}.", who(), arguments_.mode,
                       arguments_.mode == 0 ? "EOIR drops the priority and deactivates"
                                            : "EOIR drops the priority, DIR deactivates");
}

std::vector<vmm::GuestOp> EoiModeVerb::operations(Stage& stage) const {
    constexpr std::uint32_t v3_shift = 1;
    constexpr std::uint32_t v2_shift = 9;
    // Beside EOImode the register has CBPR alone, which is 0 in the agent's world.
    if (is_gicv3(stage))
        return {
            operation(OP_MSR_WRITE, icc::ctlr, std::uint64_t{arguments_.mode} << v3_shift, 8, "write ctlr")};
    return {modify_word(AGENT_GICC, 1U << v2_shift, arguments_.mode << v2_shift, "write ctlr")};
}

std::string CpuOnVerb::explain() const {
    const bool starts = arguments_.returns == psci::Status::success;
    return fmt::format("{} {} vCPU {} by PSCI CPU_ON{}.", who(), starts ? "starts" : "would start",
                       arguments_.vcpu,
                       starts ? "" : fmt::format(", which must return {}", word_of(arguments_.returns)));
}

std::vector<Expectation> CpuOnVerb::expects() const {
    constexpr std::uint64_t low_half = 0xffff'ffff;
    return {expect::Value{std::string(cpu_on), psci::returned(arguments_.returns) & low_half, low_half,
                          psci_status_in_words}};
}

Facts CpuOnVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.vcpus.push_back(arguments_.vcpu);
    facts.asserts = arguments_.returns != psci::Status::success;
    if (facts.asserts) return facts;
    facts.causes = true;
    facts.starts = arguments_.vcpu;
    return facts;
}

// Arm DEN 0022, 5.6: the function of the 64-bit calling convention.
std::vector<vmm::GuestOp> CpuOnVerb::operations(Stage& stage) const {
    vmm::GuestOp call =
        operation(OP_CALL, affinity_of(stage.config.vcpu_ids.at(arguments_.vcpu)),
                  vmm::guest::Agent::block_address(arguments_.vcpu), psci::cpu_on_64, std::string(cpu_on));
    call.observed = true;
    return {call};
}

}  // namespace irqbench::scenarios::verbs::arm64
