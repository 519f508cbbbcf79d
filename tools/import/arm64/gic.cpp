#include "tools/import/arm64/gic.hpp"

#include <algorithm>
#include <utility>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "vmm/arm64/affinity.hpp"

namespace irqbench::importing::arm64 {

namespace {

namespace chip = irqchip::arm64;
using chip::icc::igrpen0;
using chip::icc::igrpen1;

constexpr std::uint64_t both_groups = 3;
constexpr std::uint32_t intid_mask = 0x3ff;
constexpr std::uint32_t first_special = 1020;

chip::Gicv3 make_v3(const Layout& layout, const std::vector<std::uint32_t>& ids) {
    chip::Gicv3Options options;
    options.cpus.clear();
    for (const std::uint32_t id : ids) {
        options.cpus.push_back(vmm::arm64::affinity_of(id));
        options.processor_numbers.push_back(static_cast<std::uint16_t>(id));
    }
    options.spis = layout.spis;
    options.lpis = false;
    chip::Gicv3 gic(options);
    gic.write_distributor(chip::gicd3::ctlr, 4, both_groups);
    for (unsigned cpu = 0; cpu < ids.size(); ++cpu)
        for (const auto& [number, value] :
             {std::pair{chip::icc::pmr, std::uint64_t{0xff}}, {igrpen1, 1}, {igrpen0, 1}})
            (void)gic.write_sysreg(cpu, number, value);
    return gic;
}

chip::Gicv2 make_v2(const Layout& layout, std::size_t cpus) {
    chip::Gicv2Options options;
    options.cpus = static_cast<unsigned>(cpus);
    options.spis = layout.spis;
    chip::Gicv2 gic(options);
    gic.write_distributor(0, chip::gicd::ctlr, 4, both_groups);
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
        (void)gic.write_cpu_interface(cpu, chip::gicc::pmr, 4, 0xff);
        (void)gic.write_cpu_interface(cpu, chip::gicc::ctlr, 4, both_groups);
    }
    return gic;
}

using Either = std::variant<chip::Gicv3, chip::Gicv2>;

Either make(const Layout& layout, const std::vector<std::uint32_t>& ids) {
    if (layout.version == 2) return Either(std::in_place_type<chip::Gicv2>, make_v2(layout, ids.size()));
    return Either(std::in_place_type<chip::Gicv3>, make_v3(layout, ids));
}

}  // namespace

Gic::Gic(const Layout& layout, const std::vector<std::uint32_t>& vcpu_ids)
    : spis_(layout.spis), taken_(vcpu_ids.size()), gic_(make(layout, vcpu_ids)) {
    for (const std::uint32_t id : vcpu_ids) affinities_.push_back(vmm::arm64::affinity_of(id));
}

void Gic::write(const Layout::Place& place, std::uint32_t cpu, std::uint32_t bytes, std::uint64_t value) {
    if (auto* v3 = std::get_if<chip::Gicv3>(&gic_)) {
        if (place.frame == Layout::Frame::distributor) v3->write_distributor(place.offset, bytes, value);
        if (place.frame == Layout::Frame::redistributor && place.cpu < affinities_.size())
            (void)v3->write_redistributor(place.cpu, place.offset, bytes, value);
        return;
    }
    auto& v2 = std::get<chip::Gicv2>(gic_);
    if (place.frame == Layout::Frame::distributor && place.offset < chip::Gicv2::distributor_size)
        v2.write_distributor(cpu, place.offset, bytes, value);
    if (place.frame == Layout::Frame::cpu_interface)
        (void)v2.write_cpu_interface(cpu, place.offset, bytes, value);
}

std::uint64_t Gic::read(const Layout::Place& place, std::uint32_t cpu, std::uint32_t bytes) const {
    if (const auto* v3 = std::get_if<chip::Gicv3>(&gic_)) {
        if (place.frame == Layout::Frame::distributor) return v3->read_distributor(place.offset, bytes);
        if (place.frame == Layout::Frame::redistributor && place.cpu < affinities_.size())
            return v3->read_redistributor(place.cpu, place.offset, bytes);
        return 0;
    }
    const auto& v2 = std::get<chip::Gicv2>(gic_);
    if (place.frame == Layout::Frame::distributor && place.offset < chip::Gicv2::distributor_size)
        return v2.read_distributor(cpu, place.offset, bytes);
    if (place.frame == Layout::Frame::cpu_interface) return v2.peek_cpu_interface(cpu, place.offset);
    return 0;
}

void Gic::set_line(std::uint32_t cpu, std::uint32_t intid, bool level) {
    std::visit([&](auto& gic) { gic.set_line(intid, level, irqchip::LineSource::wire, cpu); }, gic_);
}

bool Gic::interrupts(std::uint32_t cpu) const {
    return std::visit([&](const auto& gic) { return gic.irq(cpu) || gic.fiq(cpu); }, gic_);
}

std::optional<std::uint32_t> Gic::next(std::uint32_t cpu) const {
    if (!interrupts(cpu)) return std::nullopt;
    if (const auto* v3 = std::get_if<chip::Gicv3>(&gic_)) {
        const auto found = v3->peek_sysreg(cpu, v3->fiq(cpu) ? chip::icc::iar0 : chip::icc::iar1);
        return static_cast<std::uint32_t>(found.value_or(intid_mask));
    }
    const auto& v2 = std::get<chip::Gicv2>(gic_);
    return v2.peek_cpu_interface(cpu, chip::gicc::hppir) & intid_mask;
}

std::optional<std::uint32_t> Gic::acknowledge(std::uint32_t cpu) {
    if (auto* v3 = std::get_if<chip::Gicv3>(&gic_)) {
        const bool is_fiq = v3->fiq(cpu);
        const auto iar = v3->read_sysreg(cpu, is_fiq ? chip::icc::iar0 : chip::icc::iar1);
        if (!iar || *iar >= first_special) return std::nullopt;
        taken_[cpu].push_back({*iar, is_fiq});
        return static_cast<std::uint32_t>(*iar);
    }
    auto& v2 = std::get<chip::Gicv2>(gic_);
    const std::uint64_t iar = v2.read_cpu_interface(cpu, chip::gicc::iar, 4);
    const auto intid = static_cast<std::uint32_t>(iar) & intid_mask;
    if (intid >= first_special) return std::nullopt;
    taken_[cpu].push_back({iar, false});
    return intid;
}

void Gic::end(std::uint32_t cpu) {
    if (taken_[cpu].empty()) return;
    const Taken last = taken_[cpu].back();
    taken_[cpu].pop_back();
    if (auto* v3 = std::get_if<chip::Gicv3>(&gic_))
        (void)v3->write_sysreg(cpu, last.is_fiq ? chip::icc::eoir0 : chip::icc::eoir1, last.code);
    else
        (void)std::get<chip::Gicv2>(gic_).write_cpu_interface(cpu, chip::gicc::eoir, 4, last.code);
}

chip::InterruptState Gic::state(std::uint32_t cpu, std::uint32_t intid) const {
    return std::visit([&](const auto& gic) { return gic.state(cpu, intid); }, gic_);
}

std::optional<std::uint32_t> Gic::cpu_of(std::uint64_t affinity) const {
    const auto found = std::find(affinities_.begin(), affinities_.end(), affinity);
    if (found == affinities_.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - affinities_.begin());
}

}  // namespace irqbench::importing::arm64
