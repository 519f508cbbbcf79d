#include "irqchip/arm64/its.hpp"

#include <cassert>

#include "irqchip/arm64/gic_fields.hpp"

namespace irqbench::irqchip::arm64 {

namespace {

constexpr std::uint32_t baser1 = gits::baser + 8;

constexpr GitsBaser baser_at_reset(std::uint32_t offset) {
    return GitsBaser{decode(its_registers, offset, 8)->row->info.reset};
}

}  // namespace

Its::Its(ItsOptions options)
    : options_(options), baser_{baser_at_reset(gits::baser), baser_at_reset(baser1)} {
    assert(options.redistributors > 0 && options.lpi_id_bits >= minimum_lpi_id_bits &&
           options.lpi_id_bits <= maximum_lpi_id_bits);
}

std::uint64_t Its::read(std::uint32_t offset, unsigned size) const {
    const auto access = decode(its_registers, offset, size);
    return access ? access->extract(value(*access)) : 0;
}

std::uint64_t Its::value(const GicAccess& access) const {
    switch (access.row->info.offset) {
        case gits::ctlr:
            // IHI 0069, GITS_CTLR.Quiescent: whether all operations of a disabled ITS are complete, which
            // they are.
            return ctlr_
                .with(ctlr_.quiescent,
                      !enabled() || creadr_.get(creadr_.offset) == cwriter_.get(cwriter_.offset))
                .raw();
        case gits::cbaser: return cbaser_.raw();
        case gits::cwriter: return cwriter_.raw();
        case gits::creadr: return creadr_.raw();
        case gits::baser: return baser_[0].raw();
        case baser1: return baser_[1].raw();
        case gits::translater: return 0;
        default: return access.row->info.reset;
    }
}

std::vector<NamedValue> Its::fields() const {
    return register_values(its_registers,
                           [&](std::uint32_t offset, unsigned size) { return read(offset, size); });
}

LpiEffects Its::write(std::uint32_t offset, unsigned size, std::uint64_t value, TableMemory& memory) {
    const auto access = decode(its_registers, offset, size);
    if (!access) return {};
    const std::uint64_t shifted = value << access->shift;
    const std::uint64_t mask = access->lanes;
    switch (access->row->info.offset) {
        case gits::ctlr: write_ctlr(shifted, mask); break;
        case gits::cbaser: write_cbaser(shifted, mask); break;
        case gits::cwriter: write_cwriter(shifted, mask); break;
        case gits::baser:
        case baser1: write_baser(access->row->info, shifted, mask); break;
        default: return {};
    }
    return execute_queue(memory);
}

void Its::write_ctlr(std::uint64_t value, std::uint64_t mask) {
    GitsCtlr written = ctlr_;
    written.write(static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(mask));
    const bool enable = written.get(written.enabled);
    const bool configured =
        cbaser_.get(cbaser_.valid) && baser_[0].get(GitsBaser::valid) && baser_[1].get(GitsBaser::valid);
    if (enable && !enabled() && !configured) return;
    ctlr_ = written;
    if (!enable) cache_.clear();
}

void Its::write_cbaser(std::uint64_t value, std::uint64_t mask) {
    if (enabled()) return;
    cbaser_.write(value, mask);
    cbaser_ = with_possible_attributes(cbaser_);
    // IHI 0069, GITS_CREADR: a write to GITS_CBASER makes it zero; an empty queue is the best start.
    creadr_ = GitsCreadr{};
    cwriter_ = GitsCwriter{};
}

void Its::write_cwriter(std::uint64_t value, std::uint64_t mask) {
    GitsCwriter written = cwriter_;
    written.write(value, mask);
    if (written.get(written.offset) >= queue_size()) return;
    if (written.get(written.retry)) creadr_.set(creadr_.stalled, false);
    cwriter_ = written.with(written.retry, false);
}

void Its::write_baser(const RegisterInfo& row, std::uint64_t value, std::uint64_t mask) {
    if (enabled()) return;
    const bool collections = row.offset == baser1;
    GitsBaser& baser = baser_[collections ? 1 : 0];
    const std::uint64_t sizes = options_.all_page_sizes ? decltype(GitsBaser::page_size)::mask : 0;
    const std::uint64_t writable = (row.writable | sizes) & mask;
    const GitsBaser written =
        with_possible_attributes(GitsBaser{(baser.raw() & ~writable) | (value & writable)});
    if (written == baser) return;
    baser = written;
    if (collections)
        collections_.clear();
    else if (!baser.get(GitsBaser::valid))
        mapped_.clear();
    cache_.clear();
}

bool Its::restore_creadr(std::uint64_t value) {
    const std::uint16_t offset = GitsCreadr{value}.get(GitsCreadr::offset);
    if (enabled() || offset >= queue_size()) return false;
    creadr_ = GitsCreadr{}.with(GitsCreadr::offset, offset);
    return true;
}

// Linux, Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Reset State": of GITS_BASER only Valid is said
// to change, and KVM leaves the rest.
void Its::reset() {
    ctlr_ = {};
    cbaser_ = {};
    cwriter_ = {};
    creadr_ = {};
    for (GitsBaser& baser : baser_) baser.set(GitsBaser::valid, false);
    collections_.clear();
    mapped_.clear();
    cache_.clear();
}

/// In commands.
std::uint32_t Its::queue_size() const {
    constexpr std::uint32_t page = 4096;
    return (cbaser_.get(cbaser_.size) + 1U) * (page / ItsCommand::size);
}

LpiEffects Its::execute_queue(TableMemory& memory) {
    LpiEffects effects;
    const std::uint64_t queue = cbaser_.get(cbaser_.address) << 16;
    while (enabled() && !stalled() && creadr_.get(creadr_.offset) != cwriter_.get(cwriter_.offset)) {
        const std::uint32_t index = creadr_.get(creadr_.offset);
        const std::uint32_t offset = index * ItsCommand::size;
        ItsCommand command;
        bool reachable = true;
        for (std::size_t i = 0; i < command.words.size(); ++i) {
            const auto word = memory.read64(queue + offset + 8 * i);
            reachable = reachable && word.has_value();
            command.words[i] = word.value_or(0);
        }
        const Outcome fault =
            reachable ? execute(command, memory, effects) : Outcome{ItsFault::queue_unreachable};
        if (fault) {
            effects.add(CommandFailed{offset, {command.opcode(), *fault}});
            if (options_.on_error == ItsErrorPolicy::stall) {
                creadr_.set(creadr_.stalled, true);
                break;
            }
        }
        creadr_.set(creadr_.offset, static_cast<std::uint16_t>((index + 1) % queue_size()));
    }
    return effects;
}

}  // namespace irqbench::irqchip::arm64
