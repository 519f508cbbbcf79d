#include "irqchip/arm64/gic_redistributor.hpp"

#include <cassert>

namespace irqbench::irqchip::arm64 {

namespace {

constexpr std::uint8_t first_revision_with_invlpir = 3;

}  // namespace

GicRedistributor::GicRedistributor(const Gicv3Options& options, unsigned cpu)
    : cpu_(static_cast<std::uint16_t>(cpu)) {
    rules_.priority_mask = mask_of_priority_bits(options.priority_bits);
    rules_.config_writable = 0;
    typer_.set(typer_.affinity, options.cpus[cpu]);
    typer_.set(typer_.cpu, options.processor_numbers.empty() ? cpu_ : options.processor_numbers[cpu]);
    typer_.set(typer_.stay_out, options.disable_selection);
    typer_.set(typer_.last, cpu + 1 == options.cpus.size());
    typer_.set(typer_.lpis, options.lpis);
    const bool invalidates = options.revision >= first_revision_with_invlpir;
    ctlr_.set(ctlr_.invalidate_registers, invalidates);
    ctlr_.set(ctlr_.clear_enable, invalidates);
    if (options.lpis) ctlr_writable_ |= static_cast<std::uint32_t>(GicrCtlr::enable_lpis.mask);
    if (options.disable_selection)
        ctlr_writable_ |=
            static_cast<std::uint32_t>(GicrCtlr::stay_out_group0.mask | GicrCtlr::stay_out_group1.mask);
    block_.group1 = rules_.implemented;
    block_.enabled = block_.edge = sgis;
}

template <class Change>
void GicRedistributor::change(std::uint32_t mask, Change change) {
    change_block(
        block_, 0, mask, [&](unsigned, Group group, auto act) { act(waiting_[index(group)]); }, change);
}

std::uint64_t GicRedistributor::read(std::uint32_t offset, unsigned size) const {
    const auto access = decode(gic_redistributor_registers, offset, size);
    return access ? access->extract(read_register(*access)) : 0;
}

std::uint64_t GicRedistributor::read_register(const GicAccess& access) const {
    if (access.row->bank != Bank::none) return block_.read(access.row->bank, access.index);
    switch (access.row->info.offset) {
        case gicr::ctlr: return ctlr_.raw();
        case gicr::iidr: return GicrIidr{}.raw();
        case gicr::typer: return typer_.raw();
        case gicr::propbaser: return propbaser_.raw();
        case gicr::pendbaser: return pendbaser_.with(GicrPendbaser::pending_table_zero, false).raw();
        case gicr::pidr2: return GicrPidr2{}.raw();
        default: return 0;
    }
}

Effects GicRedistributor::write(std::uint32_t offset, unsigned size, std::uint64_t value) {
    const auto access = decode(gic_redistributor_registers, offset, size);
    if (!access) return {};
    const std::uint64_t shifted = value << access->shift & access->lanes;
    const auto word = static_cast<std::uint32_t>(shifted);
    if (const Bank bank = access->row->bank; bank != Bank::none) {
        change(InterruptBlock::touched(bank, access->index, word), [&] {
            block_.write(bank, access->index, word, static_cast<std::uint32_t>(access->lanes), rules_);
        });
        return {};
    }
    switch (access->row->info.offset) {
        case gicr::ctlr: return write_ctlr(word);
        case gicr::propbaser: move_table(propbaser_, shifted, access->lanes); return {};
        case gicr::pendbaser: move_table(pendbaser_, shifted, access->lanes); return {};
        case gicr::invlpir:
        case gicr::invallr: return invalidate(*access, shifted);
        default: return {};
    }
}

template <class Table>
void GicRedistributor::move_table(Table& table, std::uint64_t value, std::uint64_t lanes) const {
    if (lpis_enabled()) return;
    table.write(value, lanes);
    table = with_possible_attributes(table);
}

Effects GicRedistributor::write_ctlr(std::uint32_t value) {
    const bool before = lpis_enabled();
    ctlr_.write(value, ctlr_writable_);
    if (lpis_enabled() == before) return {};
    return {LpiCommand{before ? LpiRequest::disable : LpiRequest::enable, cpu_}};
}

Effects GicRedistributor::invalidate(const GicAccess& access, std::uint64_t value) const {
    // The upper half names virtual CPUs only.
    if (access.shift != 0 || !ctlr_.get(ctlr_.invalidate_registers) || !lpis_enabled()) return {};
    if (access.row->info.offset == gicr::invallr) return {LpiCommand{LpiRequest::invalidate_all, cpu_}};
    return {LpiCommand{LpiRequest::invalidate, cpu_, GicrInvlpir{value}.get(GicrInvlpir::intid)}};
}

void GicRedistributor::set_line(std::uint32_t intid, bool asserted, LineSource source) {
    assert(intid >= sgi_count && intid < private_count);
    change(bit_in_block(intid), [&] { block_.set_line(intid, asserted, source); });
}

void GicRedistributor::send_sgi(std::uint32_t intid) {
    change(bit_in_block(intid), [&] { block_.latched |= bit_in_block(intid); });
}

void GicRedistributor::acknowledge(std::uint32_t intid) {
    change(bit_in_block(intid), [&] { block_.acknowledge(intid); });
}

void GicRedistributor::deactivate(std::uint32_t intid) {
    change(bit_in_block(intid), [&] { block_.active &= ~bit_in_block(intid); });
}

}  // namespace irqbench::irqchip::arm64
