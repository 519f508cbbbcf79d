#include "irqchip/arm64/gicv3_with_its.hpp"

#include <map>
#include <set>
#include <variant>

#include "irqchip/arm64/lpi_bus.hpp"

namespace irqbench::irqchip::arm64 {

namespace {

ItsOptions of_gic(ItsOptions its, const Gicv3Options& gic) {
    its.redistributors = static_cast<std::uint32_t>(gic.cpus.size());
    its.lpi_id_bits = gic.lpi_id_bits;
    its.processor_numbers = gic.processor_numbers;
    return its;
}

}  // namespace

Gicv3WithIts::Gicv3WithIts(const Gicv3Options& options, ItsOptions its)
    : gic_(options),
      its_(of_gic(its, options)),
      lpis_(options.cpus.size(), LpiRedistributor(options.lpi_id_bits)) {}

void Gicv3WithIts::write_redistributor(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value,
                                       TableMemory& memory) {
    for (const Effect& effect : gic_.write_redistributor(cpu, offset, size, value))
        if (const auto* command = std::get_if<LpiCommand>(&effect)) carry_out(*command, memory);
}

void Gicv3WithIts::carry_out(const LpiCommand& command, TableMemory& memory) {
    LpiRedistributor& lpis = lpis_[command.cpu];
    const GicRedistributor& registers = gic_.redistributor(command.cpu);
    switch (command.request) {
        case LpiRequest::enable: lpis.enable(registers.propbaser(), registers.pendbaser(), memory); break;
        case LpiRequest::disable: lpis.disable(memory); break;
        case LpiRequest::invalidate: lpis.invalidate(command.intid, memory); break;
        case LpiRequest::invalidate_all: lpis.invalidate_all(memory); break;
    }
    hand_in(command.cpu);
}

std::optional<std::uint64_t> Gicv3WithIts::read_sysreg(unsigned cpu, std::uint32_t number) {
    const auto value = gic_.read_sysreg(cpu, number);
    // LPIs are of group 1.
    if (number == icc::iar1 && *value >= first_lpi) {
        lpis_[cpu].clear_pending(static_cast<std::uint32_t>(*value));
        hand_in(cpu);
    }
    return value;
}

LpiEffects Gicv3WithIts::write_its(std::uint32_t offset, unsigned size, std::uint64_t value,
                                   TableMemory& memory) {
    LpiEffects effects = its_.write(offset, size, value, memory);
    carry_out(effects, memory);
    return effects;
}

LpiEffects Gicv3WithIts::signal(std::uint32_t device, std::uint32_t event, TableMemory& memory) {
    LpiEffects effects = its_.signal(device, event, memory);
    carry_out(effects, memory);
    return effects;
}

void Gicv3WithIts::carry_out(const LpiEffects& effects, TableMemory& memory) {
    arm64::carry_out(
        effects, [this](std::uint32_t n) -> LpiRedistributor& { return lpis_[n]; }, memory,
        [this](std::uint32_t n) { hand_in(n); });
}

std::optional<Gicv3WithIts::LeftBehind> Gicv3WithIts::left_behind(const TableMemory& memory) const {
    std::map<std::uint32_t, std::set<std::uint32_t>> targets;
    for (const Translation& each : its_.mapped(memory)) targets[each.intid].insert(each.redistributor);
    for (const auto& [intid, cpus] : targets)
        for (unsigned cpu = 0; cpu < lpis_.size(); ++cpu)
            if (!cpus.contains(cpu) && lpis_[cpu].pending(intid)) return LeftBehind{intid, cpu};
    return std::nullopt;
}

bool Gicv3WithIts::save_pending_tables(TableMemory& memory) const {
    bool complete = true;
    for (const LpiRedistributor& lpis : lpis_) complete = lpis.save_pending(memory) && complete;
    return complete;
}

std::vector<NamedValue> Gicv3WithIts::fields(unsigned cpu, std::uint32_t intid) const {
    if (intid < first_lpi) return gic_.fields(cpu, intid);
    const LpiConfiguration configuration = lpis_[cpu].configuration(intid).value_or(LpiConfiguration{});
    return {{"enabled", configuration.get(configuration.enabled)},
            {"pending", lpis_[cpu].pending(intid)},
            {"priority", std::uint64_t{configuration.get(configuration.priority)} << 2}};
}

}  // namespace irqbench::irqchip::arm64
