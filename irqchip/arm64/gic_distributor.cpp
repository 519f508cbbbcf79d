#include "irqchip/arm64/gic_distributor.hpp"

#include <algorithm>
#include <cassert>

namespace irqbench::irqchip::arm64 {

namespace {

constexpr unsigned id_bits_of_spis = 10;

}  // namespace

GicDistributor::GicDistributor(const Gicv3Options& options)
    : options_(options),
      blocks_((options.spis + 31) / 32),
      routes_(options.spis),
      targets_(options.spis, target_of(GicdIrouter{})),
      waiting_(options.cpus.size()) {
    assert(!options.cpus.empty() && options.cpus.size() < no_cpu);
    assert(options.spis == maximum_spis || (options.spis % 32 == 0 && options.spis < maximum_spis));
    assert(options.spis != 0);
    assert(options.lpi_id_bits >= minimum_lpi_id_bits && options.lpi_id_bits <= maximum_lpi_id_bits);
    for (std::uint32_t i = 0; i < blocks_.size(); ++i) blocks_[i].group1 = rules(i + 1).implemented;
}

BlockRules GicDistributor::rules(std::uint32_t number) const {
    BlockRules rules;
    rules.priority_mask = mask_of_priority_bits(options_.priority_bits);
    const std::uint32_t left = intid_count() - 32 * number;
    if (left < 32) rules.implemented = (std::uint32_t{1} << left) - 1;
    return rules;
}

std::uint16_t GicDistributor::target_of(const GicdIrouter& route) const {
    if (route.get(route.any)) return any_cpu;
    const auto found = std::find(options_.cpus.begin(), options_.cpus.end(), route.affinity());
    if (found == options_.cpus.end()) return no_cpu;
    return static_cast<std::uint16_t>(found - options_.cpus.begin());
}

template <class Change>
void GicDistributor::change(std::uint32_t number, std::uint32_t mask, Change change) {
    const std::uint32_t first = 32 * number;
    change_block(
        blocks_[number - 1], first, mask,
        [&](unsigned i, Group group, auto act) {
            const std::uint16_t target = targets_[first + i - private_count];
            if (target == any_cpu)
                act(waiting_for_any_[index(group)]);
            else if (target != no_cpu)
                act(waiting_[target][index(group)]);
        },
        change);
}

std::uint64_t GicDistributor::read(std::uint32_t offset, unsigned size) const {
    const auto access = decode(gic_distributor_registers, offset, size);
    return access ? access->extract(read_register(*access)) : 0;
}

std::uint64_t GicDistributor::read_register(const GicAccess& access) const {
    if (access.row->bank != Bank::none) {
        const std::uint32_t per_block = registers_per_block(access.row->bank);
        const std::uint32_t number = access.index / per_block;
        if (number == 0 || number > blocks_.size()) return 0;
        return blocks_[number - 1].read(access.row->bank, access.index % per_block);
    }
    switch (access.row->info.offset) {
        case gicd3::ctlr: return ctlr_.raw();
        case gicd3::typer: {
            GicdTyper typer;
            typer.set(typer.no_one_of_n, !options_.one_of_n);
            typer.set(typer.affinity3, options_.affinity3);
            const unsigned id_bits = options_.lpis ? options_.lpi_id_bits : id_bits_of_spis;
            typer.set(typer.id_bits, static_cast<std::uint8_t>(id_bits - 1));
            typer.set(typer.lpis, options_.lpis);
            typer.set(typer.lines, static_cast<std::uint8_t>(blocks_.size()));
            return typer.raw();
        }
        case gicd3::iidr: return GicdIidr{}.with(GicdIidr::revision, options_.revision).raw();
        case gicd3::irouter: return access.index < options_.spis ? routes_[access.index].raw() : 0;
        case gicd3::pidr2: return GicdPidr2{}.raw();
        default: return 0;
    }
}

void GicDistributor::write(std::uint32_t offset, unsigned size, std::uint64_t value) {
    const auto access = decode(gic_distributor_registers, offset, size);
    if (!access) return;
    if (const Bank bank = access->row->bank; bank != Bank::none) {
        const auto lanes = static_cast<std::uint32_t>(access->lanes);
        const auto word = static_cast<std::uint32_t>(value << access->shift) & lanes;
        const std::uint32_t per_block = registers_per_block(bank);
        const std::uint32_t number = access->index / per_block;
        const std::uint32_t part = access->index % per_block;
        if (number == 0 || number > blocks_.size()) return;
        change(number, InterruptBlock::touched(bank, part, word),
               [&] { blocks_[number - 1].write(bank, part, word, lanes, rules(number)); });
        return;
    }
    switch (access->row->info.offset) {
        case gicd3::ctlr: ctlr_.write(static_cast<std::uint32_t>(value)); break;
        case gicd3::irouter: write_route(*access, value << access->shift); break;
        default: break;
    }
}

void GicDistributor::write_route(const GicAccess& access, std::uint64_t value) {
    if (access.index >= options_.spis) return;
    std::uint64_t lanes = access.lanes;
    if (!options_.affinity3) lanes &= ~GicdIrouter::aff3.mask;
    if (!options_.one_of_n) lanes &= ~GicdIrouter::any.mask;
    const std::uint32_t intid = private_count + access.index;
    change(intid / 32, bit_in_block(intid), [&] {
        routes_[access.index].write(value, lanes);
        targets_[access.index] = target_of(routes_[access.index]);
    });
}

void GicDistributor::set_line(std::uint32_t intid, bool asserted, LineSource source) {
    assert(implements(intid));
    change(intid / 32, bit_in_block(intid), [&] { block(intid).set_line(intid % 32, asserted, source); });
}

void GicDistributor::acknowledge(std::uint32_t intid) {
    change(intid / 32, bit_in_block(intid), [&] { block(intid).acknowledge(intid % 32); });
}

bool GicDistributor::deactivate(std::uint32_t intid) {
    InterruptBlock& its = block(intid);
    if ((its.active & bit_in_block(intid)) == 0) return false;
    change(intid / 32, bit_in_block(intid), [&] { its.active &= ~bit_in_block(intid); });
    return (its.edge & bit_in_block(intid)) == 0;
}

InterruptState GicDistributor::state(std::uint32_t intid) const {
    assert(implements(intid));
    return block(intid).state(intid % 32);
}

std::optional<Candidate> GicDistributor::best(unsigned cpu, Group group) const {
    const auto own = waiting_[cpu][index(group)].best();
    if (chosen_[index(group)] != cpu) return own;
    return first_of(own, waiting_for_any_[index(group)].best());
}

}  // namespace irqbench::irqchip::arm64
