#include "scenarios/verbs/arm64/lines.hpp"

#include <fmt/format.h>

#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/urgency.hpp"

namespace irqbench::scenarios::verbs::arm64 {

std::uint32_t ArmLineArguments::line(const vmm::MachineConfig& config) const {
    if (gsi) return *gsi;
    if (raw) return *raw;
    return vmm::arm64::encode_line(
        {vmm::arm64::LineType::ppi, config.vcpu_ids.at(vcpu.value_or(0)), ppi.value_or(0)});
}

std::string ArmLineArguments::in_words() const {
    if (gsi) return gsi_in_words(*gsi);
    if (raw) return fmt::format("line {:#x}", *raw);
    return fmt::format("PPI {} of vCPU {}", ppi.value_or(0), vcpu.value_or(0));
}

template <LineMotion motion>
std::string ArmLineVerb<motion>::explain() const {
    constexpr std::string_view word = motion == LineMotion::raise   ? "raises"
                                      : motion == LineMotion::lower ? "lowers"
                                                                    : "raises and lowers";
    return fmt::format("The host {} {}{}.", word, arguments_.in_words(), refusal_in_words(arguments_.error));
}

template <LineMotion motion>
void ArmLineVerb<motion>::perform(Stage& stage) const {
    if constexpr (motion != LineMotion::lower)
        stage.machine.set_line(arguments_.line(stage.config), true, false);
    if constexpr (motion != LineMotion::raise)
        stage.machine.set_line(arguments_.line(stage.config), false, false);
}

template <LineMotion motion>
Facts ArmLineVerb<motion>::facts() const {
    Facts facts;
    facts.threadable = true;
    facts.causes = motion != LineMotion::lower;
    facts.asserts = arguments_.error.has_value();
    if (arguments_.vcpu) facts.vcpus = {*arguments_.vcpu};
    return facts;
}

/// What must be refused need not be there.
template <LineMotion motion>
std::string ArmLineVerb<motion>::unfit_for(const vmm::MachineConfig& config) const {
    if (!arguments_.gsi || arguments_.error) return {};
    return line_unfit_for(config, *arguments_.gsi);
}

template class ArmLineVerb<LineMotion::raise>;
template class ArmLineVerb<LineMotion::lower>;
template class ArmLineVerb<LineMotion::pulse>;

std::string QuietVerb::explain() const {
    std::string where;
    for (const std::uint32_t vcpu : arguments_.vcpu.vcpus)
        where += fmt::format("{}{}", where.empty() ? " on vCPU " : " and ", vcpu);
    if (arguments_.priority)
        return fmt::format("Expect that nothing of priority {:#04x} or more urgent is left to be taken{}.",
                           *arguments_.priority, where);
    return fmt::format("Expect that nothing is left to be taken{}.", where);
}

std::vector<Expectation> QuietVerb::expects() const {
    expect::Quiet quiet;
    quiet.vcpus = arguments_.vcpu.vcpus;
    if (arguments_.priority) {
        quiet.priority = vmm::arm64::urgency(*arguments_.priority);
        quiet.priority_words = fmt::format("priority {:#04x}", *arguments_.priority);
    }
    return {quiet};
}

Facts QuietVerb::facts() const {
    Facts facts;
    facts.asserts = facts.is_quiet = true;
    facts.vcpus = arguments_.vcpu.vcpus;
    return facts;
}

}  // namespace irqbench::scenarios::verbs::arm64
