#include "vmm/arm64/gic_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "irqchip/arm64/its_registers.hpp"
#include "routing/arm64.hpp"
#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/urgency.hpp"
#include "vmm/arm64/virtual_timer.hpp"

namespace irqbench::vmm::arm64 {

using irqchip::LineSource;
using routing::arm64::first_spi;

GicBoard::GicBoard(std::unique_ptr<ModelGic> gic, const MachineConfig& config, model::Wires& wires)
    : gic_(std::move(gic)),
      spis_(config.spis),
      its_(config.its),
      cpu_ids_(config.vcpu_ids),
      wires_(wires),
      routes_(routing::arm64::default_table(config.spis)) {}

GicBoard::GicBoard(const GicBoard& other)
    : gic_(other.gic_->clone()),
      spis_(other.spis_),
      its_(other.its_),
      cpu_ids_(other.cpu_ids_),
      wires_(other.wires_),
      routes_(other.routes_),
      resampler_(other.resampler_) {}

void GicBoard::restore(const GicBoard& saved) {
    gic_ = saved.gic_->clone();
    routes_ = saved.routes_;
    resampler_ = saved.resampler_;
}

GicShape GicBoard::shape() const {
    return {gic_->version() == 3, its_, static_cast<std::uint32_t>(cpu_ids_.size()), spis_};
}

void GicBoard::save(PortableState& state) {
    BoardState& board = state.board;
    const GicShape form = shape();
    board.version = gic_->version();
    board.spis = spis_;
    board.pending_tables = gic_->save_tables();
    board.distributor = distributor_values(*gic_, form);
    if (form.is_v3) board.redistributors = redistributor_values(*gic_, form);
    board.cpu_interfaces = cpu_interface_values(*gic_, form);
    if (its_)
        board.its =
            ItsState{its_values(*gic_), gic_->read_register({Frame::its, 0, irqchip::arm64::gits::ctlr})};
    for (std::uint32_t intid = first_spi; intid < first_spi + spis_; ++intid)
        if (gic_->line(intid, 0)) board.lines.insert(encode_line({LineType::spi, 0, intid}));
    for (std::uint32_t cpu = 0; cpu < form.cpus; ++cpu)
        for (std::uint32_t ppi = irqchip::arm64::sgi_count; ppi < first_spi; ++ppi)
            if (!VirtualTimer::drives(ppi) && gic_->line(ppi, cpu))
                board.lines.insert(encode_line({LineType::ppi, cpu_ids_[cpu], ppi}));
    state.routes = routes_;
}

// Lines first: an input that becomes edge-triggered while its line is high sees no edge. The ITS comes before
// the redistributors, whose GICR_CTLR reads the pending tables.
void GicBoard::restore(const PortableState& state) {
    const BoardState& board = state.board;
    for (const std::uint32_t word : board.lines) {
        const IrqLine line = decode_line(word);
        if (line.type == LineType::ppi)
            (void)set_private_line(line.vcpu, line.number, true);
        else if (is_spi(line.number))
            gic_->set_line(line.number, true, LineSource::wire, 0);
    }
    if (board.its && its_) {
        write_registers(*gic_, board.its->registers);
        gic_->restore_tables();
        gic_->write_register({Frame::its, 0, irqchip::arm64::gits::ctlr}, board.its->ctlr);
    }
    write_registers(*gic_, board.distributor);
    const std::vector<PendingTable> before = gic_->exchange(board.pending_tables);
    write_registers(*gic_, board.redistributors);
    (void)gic_->exchange(before);
    write_registers(*gic_, board.cpu_interfaces);
    routes_ = state.routes;
}

bool GicBoard::is_spi(std::uint32_t intid) const { return intid >= first_spi && intid < first_spi + spis_; }

Outcome GicBoard::set_line(std::uint32_t gsi, bool level) {
    const auto word = line_word(gsi);
    if (!word) return {0, EINVAL};
    const IrqLine line = decode_line(*word);
    // A CPU's line is for whoever has the GIC.
    if (line.type == LineType::cpu) return {0, ENXIO};
    if (line.type == LineType::ppi) return set_private_line(line.vcpu, line.number, level);
    if (line.type != LineType::spi || !is_spi(line.number)) return {0, EINVAL};
    gic_->set_line(line.number, level, LineSource::wire, 0);
    return {};
}

Outcome GicBoard::set_private_line(std::uint32_t cpu_id, std::uint32_t intid, bool level) {
    const auto found = std::find(cpu_ids_.begin(), cpu_ids_.end(), cpu_id);
    if (found == cpu_ids_.end() || intid < irqchip::arm64::sgi_count || intid >= first_spi)
        return {0, EINVAL};
    // As in KVM: the timers own their lines, and nobody else moves them (vgic_validate_injection).
    if (VirtualTimer::drives(intid)) return {};
    gic_->set_line(intid, level, LineSource::wire, static_cast<std::uint32_t>(found - cpu_ids_.begin()));
    return {};
}

void GicBoard::set_timer(std::uint32_t cpu, std::uint32_t ppi, bool level) {
    gic_->set_line(ppi, level, LineSource::timer, cpu);
}

Outcome GicBoard::route(const routing::RoutingTable& table) {
    if (const auto refusal = validate(table, routing::arm64::kernel_rules())) return {0, refusal->error};
    routes_ = table;
    return {};
}

// KVM keeps one level of an SPI, which is what was said last: a resampling irqfd holds no line against
// KVM_IRQ_LINE (vgic.c, kvm_vgic_inject_irq).
void GicBoard::drive(std::uint32_t gsi, bool level, LineSource) {
    for (const routing::Route& route : routes_.routes(gsi)) {
        if (const auto* pin = std::get_if<routing::PinRoute>(&route)) {
            if (is_spi(pin->pin + first_spi))
                gic_->set_line(pin->pin + first_spi, level, LineSource::wire, 0);
        } else if (const auto* to = std::get_if<routing::MsiRoute>(&route); to != nullptr && level) {
            (void)gic_->msi({to->address, to->data, to->device_id});
        }
    }
}

void GicBoard::listen(std::uint32_t gsi, routing::ListenerId listener) {
    (void)resampler_.add(gsi, listener);
}

void GicBoard::unlisten(std::uint32_t gsi, routing::ListenerId listener) {
    carry_out(resampler_.remove(gsi, listener));
}

void GicBoard::carry_out(const routing::ResampleActions& actions) {
    for (const routing::ResampleAction& action : actions) {
        if (const auto* lower = std::get_if<routing::LowerResampleSource>(&action))
            drive(lower->gsi, false, LineSource::resample);
        else if (const auto* notify = std::get_if<routing::Notify>(&action))
            for (const routing::ListenerId listener : notify->listeners) wires_.ended(listener);
    }
}

void GicBoard::carry_out(const irqchip::Effects& effects) {
    for (const irqchip::Effect& effect : effects)
        if (const auto* ended = std::get_if<irqchip::EoiOfSpi>(&effect)) spi_ended(ended->intid);
}

void GicBoard::spi_ended(std::uint32_t intid) {
    const auto gsi = routes_.gsi_of(routing::arm64::gic, intid - first_spi);
    if (wires_.watches_wires()) wires_.moved(gsi, fmt::format("GIC: INTID {} is done", intid));
    if (gsi) carry_out(resampler_.eoi(*gsi));
}

bool GicBoard::mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) {
    const auto effects = gic_->mmio_write(cpu, address, size, value);
    if (effects) carry_out(*effects);
    return effects.has_value();
}

std::uint32_t GicBoard::running_priority(std::uint32_t cpu) const {
    return urgency(gic_->priority_limit(cpu));
}

std::vector<NamedValue> GicBoard::inspect(std::string_view controller, std::uint32_t index) const {
    if (controller == "gic") return {{"version", gic_->version()}};
    if ((controller == "distributor" || controller == "its") && index != 0) return {};
    const bool of_interrupt = controller == "interrupt";
    const std::uint32_t cpu = of_interrupt ? index >> 16 : index;
    if (cpu >= cpu_ids_.size()) return {};
    return of_interrupt ? gic_->interrupt(cpu, index & 0xffff) : gic_->registers(controller, cpu);
}

}  // namespace irqbench::vmm::arm64
