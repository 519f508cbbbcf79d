#include "scenarios/verbs/arm64/gic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"

namespace irqbench::scenarios::verbs::arm64 {

namespace {

namespace reg = irqchip::arm64::gicd;
using irqchip::arm64::private_count;

/// The word that has a bit for the INTID.
std::uint64_t register_of(std::uint64_t base, std::uint32_t intid, std::uint32_t offset) {
    return base + offset + intid / 32 * 4;
}

std::uint32_t bit_of(std::uint32_t intid) { return 1U << intid % 32; }

void retarget(std::vector<vmm::GuestOp>& operations, Stage& stage, std::uint32_t intid, std::uint32_t to) {
    if (is_gicv3(stage))
        operations.push_back(operation(
            OP_WRITE,
            AGENT_GICD + irqchip::arm64::gicd3::irouter + std::uint64_t{8} * (intid - private_count),
            affinity_of(stage.config.vcpu_ids.at(to)), 8, fmt::format("irouter{}", intid)));
    else
        operations.push_back(operation(OP_WRITE, AGENT_GICD + reg::itargetsr + intid, 1U << to, 1,
                                       fmt::format("itargetsr of {}", intid)));
}

std::vector<vmm::GuestOp> program(Stage& stage, const InterruptArguments& arguments,
                                  std::optional<std::uint32_t> to) {
    const std::uint32_t intid = arguments.intid;
    const std::uint64_t base = registers_of(stage, arguments.vcpu, intid);
    const std::uint32_t bit = bit_of(intid);
    std::vector<vmm::GuestOp> operations;
    operations.push_back(
        write_word(register_of(base, intid, reg::icenabler), bit, fmt::format("disable {}", intid)));
    // KVM's GICv2 has all in group 0, which is its IRQ.
    if (is_gicv3(stage) || arguments.group == 0U)
        operations.push_back(modify_word(register_of(base, intid, reg::igroupr), bit,
                                         arguments.group.value_or(1) != 0 ? bit : 0,
                                         fmt::format("igroupr of {}", intid)));
    operations.push_back(operation(OP_WRITE, base + reg::ipriorityr + intid, arguments.priority, 1,
                                   fmt::format("ipriorityr of {}", intid)));
    if (arguments.trigger && intid >= irqchip::arm64::sgi_count) {
        const std::uint32_t shift = intid % 16 * 2 + 1;
        operations.push_back(modify_word(base + reg::icfgr + intid / 16 * 4, 1U << shift,
                                         static_cast<std::uint32_t>(*arguments.trigger) << shift,
                                         fmt::format("icfgr of {}", intid)));
    }
    if (to) retarget(operations, stage, intid, *to);
    if (arguments.enabled)
        operations.push_back(
            write_word(register_of(base, intid, reg::isenabler), bit, fmt::format("enable {}", intid)));
    return operations;
}

std::string in_words(const InterruptArguments& arguments) {
    std::string text = fmt::format("INTID {}: ", arguments.intid);
    if (arguments.trigger) text += fmt::format("{}-triggered, ", word_of(*arguments.trigger));
    text += fmt::format("priority {:#04x}, ", arguments.priority);
    if (arguments.group) text += fmt::format("group {}, ", *arguments.group);
    return text + (arguments.enabled ? "enabled" : "disabled");
}

std::string interrupt_unfit_for(const vmm::MachineConfig& config, const InterruptArguments& arguments) {
    if (config.gic == "v2" && arguments.group == 1U)
        return "KVM's GICv2 has all interrupts in group 0, as IRQ: remove 'group'";
    return Intid::unfit_for(config, arguments.intid);
}

struct BitInfo {
    std::uint32_t offset;
    std::string_view word;
    std::string_view sentence;
    bool causes;
};

constexpr BitInfo info_of(Bit bit) {
    switch (bit) {
        case Bit::enable: return {reg::isenabler, "enable", "enables INTID {}", true};
        case Bit::disable: return {reg::icenabler, "disable", "disables INTID {}", false};
        case Bit::set_pending: return {reg::ispendr, "ispendr of", "makes INTID {} pending", true};
        case Bit::clear_pending: return {reg::icpendr, "icpendr of", "makes INTID {} pending no more", false};
        case Bit::set_active: return {reg::isactiver, "isactiver of", "makes INTID {} active", false};
        case Bit::clear_active: return {reg::icactiver, "icactiver of", "makes INTID {} inactive", true};
    }
    return {};
}

}  // namespace

std::string SpiVerb::unfit_for(const vmm::MachineConfig& config) const {
    return interrupt_unfit_for(config, arguments_);
}

std::string SpiVerb::explain() const {
    return fmt::format("{} programs {}, to vCPU {}.", who(), in_words(arguments_), arguments_.to);
}

Facts SpiVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.vcpus.push_back(arguments_.to);
    facts.causes = arguments_.enabled;
    return facts;
}

std::vector<vmm::GuestOp> SpiVerb::operations(Stage& stage) const {
    InterruptArguments interrupt = arguments_;
    if (!interrupt.trigger) interrupt.trigger = Trigger::level;
    return program(stage, interrupt, arguments_.to);
}

// GICR_ICFGR0 is read-only (IHI 0069, 12.11.7).
void PrivateArguments::check(const PrivateArguments& arguments, const Cursor& at) {
    if (!arguments.trigger || arguments.intid >= irqchip::arm64::sgi_count) return;
    at.at("trigger", *at.node().find("trigger"))
        .fail("an SGI is edge-triggered always: remove 'trigger'", ScenarioError::Kind::invalid);
}

std::string PrivateVerb::unfit_for(const vmm::MachineConfig& config) const {
    return interrupt_unfit_for(config, arguments_);
}

std::string PrivateVerb::explain() const {
    return fmt::format("{} programs its {}.", who(), in_words(arguments_));
}

Facts PrivateVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = arguments_.enabled;
    return facts;
}

std::vector<vmm::GuestOp> PrivateVerb::operations(Stage& stage) const {
    return program(stage, arguments_, std::nullopt);
}

template <Bit bit>
std::string BitVerb<bit>::explain() const {
    return fmt::format("{} {}.", who(), fmt::format(fmt::runtime(info_of(bit).sentence), arguments_.intid));
}

template <Bit bit>
Facts BitVerb<bit>::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = info_of(bit).causes;
    return facts;
}

template <Bit bit>
std::vector<vmm::GuestOp> BitVerb<bit>::operations(Stage& stage) const {
    const std::uint64_t base = registers_of(stage, vcpu(), arguments_.intid);
    return {write_word(register_of(base, arguments_.intid, info_of(bit).offset), bit_of(arguments_.intid),
                       fmt::format("{} {}", info_of(bit).word, arguments_.intid))};
}

template <Bit bit>
std::string BitVerb<bit>::unfit_for(const vmm::MachineConfig& config) const {
    return Intid::unfit_for(config, arguments_.intid);
}

template class BitVerb<Bit::enable>;
template class BitVerb<Bit::disable>;
template class BitVerb<Bit::set_pending>;
template class BitVerb<Bit::clear_pending>;
template class BitVerb<Bit::set_active>;
template class BitVerb<Bit::clear_active>;

std::string PriorityVerb::unfit_for(const vmm::MachineConfig& config) const {
    return Intid::unfit_for(config, arguments_.intid);
}

std::string PriorityVerb::explain() const {
    return fmt::format("{} gives INTID {} the priority {:#04x}.", who(), arguments_.intid,
                       arguments_.priority);
}

Facts PriorityVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    return facts;
}

std::vector<vmm::GuestOp> PriorityVerb::operations(Stage& stage) const {
    const std::uint64_t base = registers_of(stage, vcpu(), arguments_.intid);
    return {operation(OP_WRITE, base + reg::ipriorityr + arguments_.intid, arguments_.priority, 1,
                      fmt::format("ipriorityr of {}", arguments_.intid))};
}

std::string RetargetVerb::unfit_for(const vmm::MachineConfig& config) const {
    return Intid::unfit_for(config, arguments_.intid);
}

std::string RetargetVerb::explain() const {
    return fmt::format("{} sends INTID {} to vCPU {} from now on.", who(), arguments_.intid, arguments_.to);
}

Facts RetargetVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.vcpus.push_back(arguments_.to);
    facts.causes = true;
    return facts;
}

std::vector<vmm::GuestOp> RetargetVerb::operations(Stage& stage) const {
    std::vector<vmm::GuestOp> operations;
    retarget(operations, stage, arguments_.intid, arguments_.to);
    return operations;
}

void SgiArguments::check(const SgiArguments& arguments, const Cursor& at) {
    if (arguments.to.empty() && !arguments.others) at.fail("'others' must be true where there is no 'to'");
}

std::string SgiVerb::explain() const {
    return fmt::format("{} sends SGI {} to {}.", who(), arguments_.intid,
                       arguments_.others ? "all others" : vcpus_in_words(arguments_.to));
}

Facts SgiVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.vcpus.insert(facts.vcpus.end(), arguments_.to.begin(), arguments_.to.end());
    facts.causes = true;
    return facts;
}

// GICv3: one write for each cluster, whose list has a bit for each of 16 values of Aff0 (IHI 0069, 12.2.36).
std::vector<vmm::GuestOp> SgiVerb::operations(Stage& stage) const {
    const std::string text = fmt::format("sgi {}", arguments_.intid);
    if (!is_gicv3(stage)) {
        std::uint32_t targets = 0;
        for (const std::uint32_t to : arguments_.to) targets |= 1U << to;
        const std::uint32_t filter = arguments_.others ? 1U << 24 : 0;
        return {write_word(AGENT_GICD + reg::sgir, filter | targets << 16 | arguments_.intid, text)};
    }
    const std::uint64_t sgi = std::uint64_t{arguments_.intid} << 24;
    if (arguments_.others)
        return {operation(OP_MSR_WRITE, irqchip::arm64::icc::sgi1r, sgi | std::uint64_t{1} << 40, 8, text)};
    std::map<std::uint64_t, std::uint64_t> lists;
    for (const std::uint32_t to : arguments_.to) {
        const std::uint64_t affinity = affinity_of(stage.config.vcpu_ids.at(to));
        lists[affinity >> 8] |= std::uint64_t{1} << (affinity & 0xf);
    }
    std::vector<vmm::GuestOp> operations;
    for (const auto& [cluster, list] : lists)
        operations.push_back(operation(OP_MSR_WRITE, irqchip::arm64::icc::sgi1r,
                                       sgi | list | (cluster & 0xff) << 16 | (cluster >> 8 & 0xff) << 32, 8,
                                       text));
    return operations;
}

}  // namespace irqbench::scenarios::verbs::arm64
