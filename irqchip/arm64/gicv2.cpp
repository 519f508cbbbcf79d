#include "irqchip/arm64/gicv2.hpp"

#include "irqchip/arm64/gic_fields.hpp"

namespace irqbench::irqchip::arm64 {

Gicv2::Gicv2(const Gicv2Options& options)
    : distributor_(options),
      cpus_(options.cpus, CpuInterface{GiccCtlr{}, GicPriorities(options.priority_bits)}) {}

std::uint64_t Gicv2::read_cpu_interface(unsigned cpu, std::uint32_t offset, unsigned size) {
    const auto access = decode(gicv2_cpu_registers, offset, size);
    if (!access) return 0;
    switch (offset) {
        case gicc::iar: return acknowledge(cpu, false);
        case gicc::aiar: return acknowledge(cpu, true);
        default: return access->extract(read_register(cpu, *access));
    }
}

std::uint32_t Gicv2::peek_cpu_interface(unsigned cpu, std::uint32_t offset) const {
    const auto access = decode(gicv2_cpu_registers, offset, 4);
    return access ? read_register(cpu, *access) : 0;
}

std::uint32_t Gicv2::read_register(unsigned cpu, const GicAccess& access) const {
    const CpuInterface& its = cpus_[cpu];
    switch (access.row->info.offset) {
        case gicc::ctlr: return its.ctlr.raw();
        case gicc::pmr: return its.priorities.mask();
        case gicc::bpr: return its.priorities.binary_point(Group::group0);
        case gicc::rpr: return its.priorities.running();
        case gicc::iar: return visible(cpu, signalled(cpu), false);
        case gicc::hppir: return visible(cpu, its.priorities.highest(distributor_.best(cpu)), false);
        case gicc::abpr: return its.priorities.binary_point(Group::group1);
        case gicc::aiar: return visible(cpu, signalled(cpu), true);
        case gicc::ahppir: return visible(cpu, its.priorities.highest(distributor_.best(cpu)), true);
        case gicc::apr: return its.priorities.active_word(Group::group0, access.index);
        case gicc::nsapr: return its.priorities.active_word(Group::group1, access.index);
        case gicc::iidr: return GiccIidr{}.raw();
        default: return 0;
    }
}

Effects Gicv2::write_cpu_interface(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value) {
    const auto access = decode(gicv2_cpu_registers, offset, size);
    if (!access) return {};
    CpuInterface& its = cpus_[cpu];
    const auto word = static_cast<std::uint32_t>(value);
    switch (access->row->info.offset) {
        case gicc::ctlr: write_ctlr(its, word); break;
        case gicc::pmr: its.priorities.set_mask(GiccPmr{word}.get(GiccPmr::priority)); break;
        case gicc::bpr:
            its.priorities.set_binary_point(Group::group0, GiccBpr{word}.get(GiccBpr::binary_point));
            break;
        case gicc::abpr:
            its.priorities.set_binary_point(Group::group1, GiccAbpr{word}.get(GiccAbpr::binary_point));
            break;
        case gicc::eoir:
        case gicc::aeoir: return end(cpu, GiccEnd{word}.get(GiccEnd::intid));
        case gicc::dir:
            if (!its.ctlr.get(its.ctlr.eoi_mode)) break;
            return deactivate(cpu, GiccEnd{word}.get(GiccEnd::intid));
        case gicc::apr: its.priorities.set_active_word(Group::group0, access->index, word); break;
        case gicc::nsapr: its.priorities.set_active_word(Group::group1, access->index, word); break;
        default: break;
    }
    return {};
}

void Gicv2::write_ctlr(CpuInterface& cpu, std::uint32_t value) {
    cpu.ctlr.write(value);
    cpu.priorities.set_enabled(Group::group0, cpu.ctlr.get(cpu.ctlr.enable_group0));
    cpu.priorities.set_enabled(Group::group1, cpu.ctlr.get(cpu.ctlr.enable_group1));
    cpu.priorities.set_common_binary_point(cpu.ctlr.get(cpu.ctlr.common_binary_point));
}

bool Gicv2::signals(unsigned cpu, bool fiq) const {
    const auto waiting = signalled(cpu);
    if (!waiting) return false;
    return fiq == (waiting->group == Group::group0 && cpus_[cpu].ctlr.get(GiccCtlr::fiq_enable));
}

std::uint32_t Gicv2::visible(unsigned cpu, const std::optional<Waiting>& waiting, bool alias) const {
    if (!waiting) return spurious;
    const bool group1 = waiting->group == Group::group1;
    if (alias && !group1) return spurious;
    if (!alias && group1 && !cpus_[cpu].ctlr.get(GiccCtlr::acknowledge_control)) return group1_pending;
    const std::uint32_t intid = waiting->candidate.intid;
    return GiccInterrupt{intid}
        .with(GiccInterrupt::source, static_cast<std::uint8_t>(distributor_.source(cpu, intid)))
        .raw();
}

std::uint32_t Gicv2::acknowledge(unsigned cpu, bool alias) {
    const auto waiting = signalled(cpu);
    const std::uint32_t shown = visible(cpu, waiting, alias);
    if (!is_special(shown)) {
        cpus_[cpu].priorities.activate(*waiting);
        distributor_.acknowledge(cpu, waiting->candidate.intid);
    }
    return shown;
}

Effects Gicv2::end(unsigned cpu, std::uint32_t intid) {
    if (is_special(intid)) return {};
    cpus_[cpu].priorities.drop();
    if (cpus_[cpu].ctlr.get(GiccCtlr::eoi_mode)) return {};
    return deactivate(cpu, intid);
}

Effects Gicv2::deactivate(unsigned cpu, std::uint32_t intid) {
    if (!distributor_.deactivate(cpu, intid)) return {};
    return {EoiOfSpi{static_cast<std::uint16_t>(intid)}};
}

std::vector<NamedValue> Gicv2::fields(unsigned cpu, std::uint32_t intid) const {
    std::vector<NamedValue> values = interrupt_fields(state(cpu, intid));
    if (intid < sgi_count)
        values.push_back({"sources", distributor_.sources(cpu, intid)});
    else if (intid >= private_count)
        values.push_back({"targets", distributor_.targets(intid)});
    return values;
}

std::vector<NamedValue> Gicv2::distributor_fields(unsigned cpu) const {
    return register_values(gicv2_distributor_registers, [&](std::uint32_t offset, unsigned size) {
        return read_distributor(cpu, offset, size);
    });
}

std::vector<NamedValue> Gicv2::cpu_interface_fields(unsigned cpu) const {
    return register_values(gicv2_cpu_registers,
                           [&](std::uint32_t offset, unsigned) { return peek_cpu_interface(cpu, offset); });
}

}  // namespace irqbench::irqchip::arm64
