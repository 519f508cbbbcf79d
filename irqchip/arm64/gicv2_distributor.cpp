#include "irqchip/arm64/gicv2_distributor.hpp"

#include <bit>
#include <cassert>

namespace irqbench::irqchip::arm64 {

namespace {

constexpr std::uint32_t fields_per_word = 4;

/// SGIs are enabled and edge-triggered, PPIs level-triggered.
InterruptBlock private_at_reset() {
    InterruptBlock block;
    block.enabled = block.edge = sgis;
    return block;
}

}  // namespace

Gicv2Distributor::Gicv2Distributor(const Gicv2Options& options)
    : options_(options),
      private_(options.cpus, private_at_reset()),
      shared_((options.spis + 31) / 32),
      targets_(options.spis),
      sources_(options.cpus),
      waiting_(options.cpus) {
    assert(options.cpus >= 1 && options.cpus <= maximum_cpus);
    assert(options.spis == maximum_spis || (options.spis % 32 == 0 && options.spis < maximum_spis));
    assert(options.spis != 0);
}

InterruptBlock& Gicv2Distributor::block(unsigned cpu, std::uint32_t number) {
    return number == 0 ? private_[cpu] : shared_[number - 1];
}

const InterruptBlock& Gicv2Distributor::block(unsigned cpu, std::uint32_t number) const {
    return number == 0 ? private_[cpu] : shared_[number - 1];
}

BlockRules Gicv2Distributor::rules(std::uint32_t number) const {
    BlockRules rules;
    rules.priority_mask = mask_of_priority_bits(options_.priority_bits);
    if (number == 0) {
        rules.config_writable = 0;
        rules.pending_writable = ~sgis;
    }
    const std::uint32_t left = intid_count() - 32 * number;
    if (left < 32) rules.implemented = (std::uint32_t{1} << left) - 1;
    return rules;
}

template <class Change>
void Gicv2Distributor::change(unsigned cpu, std::uint32_t number, std::uint32_t mask, Change change) {
    const std::uint32_t first = 32 * number;
    change_block(
        block(cpu, number), first, mask,
        [&](unsigned i, Group group, auto act) {
            if (number == 0) {
                act(waiting_[cpu][index(group)]);
                return;
            }
            // 1 of N (IHI 0048B.b, GICD_ITARGETSRn): every target sees it, and the first that acknowledges it
            // has it.
            for (unsigned left = targets(first + i); left != 0; left &= left - 1)
                act(waiting_[static_cast<unsigned>(std::countr_zero(left))][index(group)]);
        },
        change);
}

std::uint64_t Gicv2Distributor::read(unsigned cpu, std::uint32_t offset, unsigned size) const {
    const auto access = decode(gicv2_distributor_registers, offset, size);
    return access ? access->extract(read_register(cpu, *access)) : 0;
}

std::uint32_t Gicv2Distributor::read_register(unsigned cpu, const GicAccess& access) const {
    if (access.row->bank != Bank::none) {
        const std::uint32_t per_block = registers_per_block(access.row->bank);
        const std::uint32_t number = access.index / per_block;
        if (number > shared_.size()) return 0;
        return block(cpu, number).read(access.row->bank, access.index % per_block);
    }
    switch (access.row->info.offset) {
        case gicd::ctlr: return ctlr_.raw();
        case gicd::typer: {
            GicdTyperV2 typer;
            typer.set(typer.cpus, static_cast<std::uint8_t>(options_.cpus - 1));
            typer.set(typer.lines, static_cast<std::uint8_t>(shared_.size()));
            return typer.raw();
        }
        case gicd::iidr: {
            GicdIidrV2 iidr;
            iidr.set(iidr.revision, options_.revision);
            return iidr.raw();
        }
        case gicd::itargetsr: {
            std::uint32_t value = 0;
            for (std::uint32_t i = 0; i < fields_per_word; ++i) {
                const std::uint32_t intid = fields_per_word * access.index + i;
                if (intid >= intid_count()) break;
                const std::uint32_t cpus = intid < private_count ? 1U << cpu : targets(intid);
                value |= cpus << (8 * i);
            }
            return value;
        }
        case gicd::cpendsgir:
        case gicd::spendsgir: {
            std::uint32_t value = 0;
            for (std::uint32_t i = 0; i < fields_per_word; ++i)
                value |= std::uint32_t{sources_[cpu][fields_per_word * access.index + i]} << (8 * i);
            return value;
        }
        case gicd::icpidr2: return Icpidr2V2{}.raw();
        default: return 0;
    }
}

void Gicv2Distributor::write(unsigned cpu, std::uint32_t offset, unsigned size, std::uint64_t value) {
    const auto access = decode(gicv2_distributor_registers, offset, size);
    if (!access) return;
    const auto lanes = static_cast<std::uint32_t>(access->lanes);
    const auto word = static_cast<std::uint32_t>(value << access->shift) & lanes;
    if (const Bank bank = access->row->bank; bank != Bank::none) {
        const std::uint32_t per_block = registers_per_block(bank);
        const std::uint32_t number = access->index / per_block;
        const std::uint32_t part = access->index % per_block;
        if (number > shared_.size()) return;
        change(cpu, number, InterruptBlock::touched(bank, part, word),
               [&] { block(cpu, number).write(bank, part, word, lanes, rules(number)); });
        return;
    }
    switch (access->row->info.offset) {
        case gicd::ctlr: ctlr_.write(word); break;
        case gicd::itargetsr: write_targets(*access, word); break;
        case gicd::sgir: send_sgi(cpu, GicdSgir{word}); break;
        case gicd::cpendsgir:
        case gicd::spendsgir:
            for (std::uint32_t i = 0; i < fields_per_word; ++i) {
                const std::uint32_t intid = fields_per_word * access->index + i;
                const unsigned bits = word >> (8 * i) & all_cpus();
                const unsigned before = sources_[cpu][intid];
                const bool sets = access->row->info.offset == gicd::spendsgir;
                set_sources(cpu, intid, sets ? before | bits : before & ~bits);
            }
            break;
        default: break;
    }
}

void Gicv2Distributor::write_targets(const GicAccess& access, std::uint32_t value) {
    for (std::uint32_t i = 0; i < fields_per_word; ++i) {
        const std::uint32_t intid = fields_per_word * access.index + i;
        if ((access.lanes >> (8 * i) & 1) == 0 || intid < private_count || intid >= intid_count()) continue;
        change(0, intid / 32, bit_in_block(intid), [&] {
            targets_[intid - private_count] = static_cast<std::uint8_t>(value >> (8 * i) & all_cpus());
        });
    }
}

void Gicv2Distributor::send_sgi(unsigned cpu, GicdSgir command) {
    const unsigned self = 1U << cpu;
    unsigned targets = 0;
    switch (command.get(command.filter)) {
        case SgiTargets::listed: targets = command.get(command.targets); break;
        case SgiTargets::all_others: targets = ~self; break;
        case SgiTargets::self: targets = self; break;
        case SgiTargets::reserved: break;
    }
    const std::uint32_t intid = command.get(command.intid);
    for (unsigned left = targets & all_cpus(); left != 0; left &= left - 1) {
        const auto target = static_cast<unsigned>(std::countr_zero(left));
        set_sources(target, intid, sources_[target][intid] | self);
    }
}

void Gicv2Distributor::set_sources(unsigned cpu, std::uint32_t intid, unsigned sources) {
    sources_[cpu][intid] = static_cast<std::uint8_t>(sources);
    change(cpu, 0, bit_in_block(intid), [&] {
        std::uint32_t& latched = private_[cpu].latched;
        latched = sources != 0 ? latched | bit_in_block(intid) : latched & ~bit_in_block(intid);
    });
}

void Gicv2Distributor::set_line(unsigned cpu, std::uint32_t intid, bool asserted, LineSource source) {
    assert(intid >= sgi_count && intid < intid_count());
    change(cpu, intid / 32, bit_in_block(intid),
           [&] { block(cpu, intid / 32).set_line(intid % 32, asserted, source); });
}

bool Gicv2Distributor::enabled(Group group) const {
    return group == Group::group0 ? ctlr_.get(ctlr_.enable_group0) : ctlr_.get(ctlr_.enable_group1);
}

BestOfGroups Gicv2Distributor::best(unsigned cpu) const {
    BestOfGroups best;
    for (const Group group : groups)
        if (enabled(group)) best[index(group)] = waiting_[cpu][index(group)].best();
    return best;
}

unsigned Gicv2Distributor::source(unsigned cpu, std::uint32_t intid) const {
    if (intid >= sgi_count || sources_[cpu][intid] == 0) return 0;
    return static_cast<unsigned>(std::countr_zero(sources_[cpu][intid]));
}

void Gicv2Distributor::acknowledge(unsigned cpu, std::uint32_t intid) {
    const unsigned from = source(cpu, intid);
    change(cpu, intid / 32, bit_in_block(intid), [&] {
        InterruptBlock& its = block(cpu, intid / 32);
        its.acknowledge(intid % 32);
        if (intid >= sgi_count) return;
        sources_[cpu][intid] = static_cast<std::uint8_t>(sources_[cpu][intid] & ~(1U << from));
        if (sources_[cpu][intid] != 0) its.latched |= bit_in_block(intid);
    });
}

bool Gicv2Distributor::deactivate(unsigned cpu, std::uint32_t intid) {
    if (intid >= intid_count()) return false;
    InterruptBlock& its = block(cpu, intid / 32);
    if ((its.active & bit_in_block(intid)) == 0) return false;
    change(cpu, intid / 32, bit_in_block(intid), [&] { its.active &= ~bit_in_block(intid); });
    return intid >= private_count && (its.edge & bit_in_block(intid)) == 0;
}

InterruptState Gicv2Distributor::state(unsigned cpu, std::uint32_t intid) const {
    assert(intid < intid_count());
    return block(cpu, intid / 32).state(intid % 32);
}

}  // namespace irqbench::irqchip::arm64
