#include "irqchip/arm64/gicv3.hpp"

#include "irqchip/arm64/gic_fields.hpp"

namespace irqbench::irqchip::arm64 {

Gicv3::Gicv3(const Gicv3Options& options) : distributor_(options) {
    cpus_.reserve(options.cpus.size());
    for (unsigned cpu = 0; cpu < options.cpus.size(); ++cpu)
        cpus_.push_back({GicRedistributor(options, cpu), GicCpuInterface(options)});
}

Effects Gicv3::write_redistributor(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value) {
    Effects effects = cpus_[cpu].redistributor.write(offset, size, value);
    if (offset == gicr::ctlr) choose();
    return effects;
}

std::optional<std::uint64_t> Gicv3::peek_sysreg(unsigned cpu, std::uint32_t number) const {
    const GicCpuInterface& interface = cpus_[cpu].interface;
    const auto match = interface.find(number);
    if (!match || match->info->access == Access::write_only) return std::nullopt;
    switch (number) {
        case icc::iar0: return interface.acknowledgeable(Group::group0, best(cpu));
        case icc::iar1: return interface.acknowledgeable(Group::group1, best(cpu));
        case icc::hppir0: return interface.highest_pending(Group::group0, best(cpu));
        case icc::hppir1: return interface.highest_pending(Group::group1, best(cpu));
        default: return interface.read(*match);
    }
}

std::optional<std::uint64_t> Gicv3::read_sysreg(unsigned cpu, std::uint32_t number) {
    switch (number) {
        case icc::iar0: return acknowledge(cpu, Group::group0);
        case icc::iar1: return acknowledge(cpu, Group::group1);
        default: return peek_sysreg(cpu, number);
    }
}

std::optional<Effects> Gicv3::write_sysreg(unsigned cpu, std::uint32_t number, std::uint64_t value) {
    GicCpuInterface& interface = cpus_[cpu].interface;
    const auto match = interface.find(number);
    if (!match || match->info->access == Access::read_only) return std::nullopt;
    const std::uint32_t intid = IccEnd{value}.get(IccEnd::intid);
    switch (number) {
        case icc::eoir0: return end(cpu, Group::group0, intid);
        case icc::eoir1: return end(cpu, Group::group1, intid);
        case icc::dir: return interface.split_eoi() ? deactivate(cpu, intid) : Effects{};
        case icc::sgi1r: send_sgi(cpu, IccSgi{value}, true); break;
        case icc::asgi1r:
        case icc::sgi0r: send_sgi(cpu, IccSgi{value}, false); break;
        case icc::igrpen0:
        case icc::igrpen1:
            interface.write(*match, value);
            choose();
            break;
        default: interface.write(*match, value); break;
    }
    return Effects{};
}

void Gicv3::set_line(std::uint32_t intid, bool asserted, LineSource source, unsigned cpu) {
    if (intid < private_count)
        cpus_[cpu].redistributor.set_line(intid, asserted, source);
    else
        distributor_.set_line(intid, asserted, source);
}

BestOfGroups Gicv3::best(unsigned cpu) const {
    const GicRedistributor& redistributor = cpus_[cpu].redistributor;
    BestOfGroups best;
    for (const Group group : groups)
        if (distributor_.enabled(group))
            best[index(group)] = first_of(redistributor.best(group), distributor_.best(cpu, group));
    // LPIs are of group 1 where there is one security state.
    auto& of_group1 = best[index(Group::group1)];
    if (distributor_.enabled(Group::group1)) of_group1 = first_of(of_group1, redistributor.best_lpi());
    return best;
}

bool Gicv3::signals(unsigned cpu, Group group) const {
    const auto waiting = cpus_[cpu].interface.signalled(best(cpu));
    return waiting && waiting->group == group;
}

bool Gicv3::implements(std::uint32_t intid) const {
    return intid < private_count || distributor_.implements(intid);
}

std::uint32_t Gicv3::acknowledge(unsigned cpu, Group group) {
    Cpu& its = cpus_[cpu];
    const auto waiting = its.interface.signalled(best(cpu));
    if (!waiting || waiting->group != group) return spurious;
    its.interface.acknowledge(*waiting);
    const std::uint32_t intid = waiting->candidate.intid;
    if (intid < private_count)
        its.redistributor.acknowledge(intid);
    else if (intid < first_lpi)
        distributor_.acknowledge(intid);
    else
        its.redistributor.set_best_lpi(std::nullopt);
    return intid;
}

Effects Gicv3::end(unsigned cpu, Group group, std::uint32_t intid) {
    if (is_special(intid)) return {};
    GicCpuInterface& interface = cpus_[cpu].interface;
    const auto dropped = interface.drop();
    // LPIs are never active.
    if (!dropped || interface.split_eoi() || !implements(intid)) return {};
    if (!interface.ends(state(cpu, intid), group, *dropped)) return {};
    return deactivate(cpu, intid);
}

Effects Gicv3::deactivate(unsigned cpu, std::uint32_t intid) {
    if (!implements(intid)) return {};
    if (intid < private_count) {
        cpus_[cpu].redistributor.deactivate(intid);
        return {};
    }
    if (!distributor_.deactivate(intid)) return {};
    return {EoiOfSpi{static_cast<std::uint16_t>(intid)}};
}

void Gicv3::send_sgi(unsigned cpu, IccSgi command, bool group1) {
    const std::uint32_t intid = command.get(command.intid);
    for (unsigned target = 0; target < cpus_.size(); ++target) {
        GicRedistributor& redistributor = cpus_[target].redistributor;
        const bool named =
            command.get(command.all_others) ? target != cpu : command.names(redistributor.affinity());
        if (named && (group1 || redistributor.state(intid).group == Group::group0))
            redistributor.send_sgi(intid);
    }
}

void Gicv3::choose() {
    for (const Group group : groups) {
        std::optional<unsigned> chosen;
        for (unsigned cpu = 0; cpu < cpus_.size() && !chosen; ++cpu)
            if (cpus_[cpu].interface.enabled(group) && cpus_[cpu].redistributor.selectable(group))
                chosen = cpu;
        distributor_.choose(group, chosen);
    }
}

InterruptState Gicv3::state(unsigned cpu, std::uint32_t intid) const {
    if (intid < private_count) return cpus_[cpu].redistributor.state(intid);
    return distributor_.state(intid);
}

std::vector<NamedValue> Gicv3::fields(unsigned cpu, std::uint32_t intid) const {
    std::vector<NamedValue> values = interrupt_fields(state(cpu, intid));
    if (intid >= private_count) values.push_back({"route", distributor_.route(intid).raw()});
    return values;
}

std::vector<NamedValue> Gicv3::distributor_fields() const {
    return register_values(gic_distributor_registers, [&](std::uint32_t offset, unsigned size) {
        return read_distributor(offset, size);
    });
}

std::vector<NamedValue> Gicv3::redistributor_fields(unsigned cpu) const {
    return register_values(gic_redistributor_registers, [&](std::uint32_t offset, unsigned size) {
        return read_redistributor(cpu, offset, size);
    });
}

std::vector<NamedValue> Gicv3::cpu_interface_fields(unsigned cpu) const {
    return register_values(
        icc_registers, [&](std::uint32_t number, unsigned) { return peek_sysreg(cpu, number).value_or(0); });
}

}  // namespace irqbench::irqchip::arm64
