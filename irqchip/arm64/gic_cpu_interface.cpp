#include "irqchip/arm64/gic_cpu_interface.hpp"

#include <algorithm>

namespace irqbench::irqchip::arm64 {

namespace {

std::uint32_t if_of(Group group, const std::optional<Waiting>& waiting) {
    return waiting && waiting->group == group ? waiting->candidate.intid : spurious;
}

}  // namespace

GicCpuInterface::GicCpuInterface(const Gicv3Options& options) : priorities_(options.priority_bits) {
    ctlr_.set(ctlr_.affinity3, options.affinity3);
    // 16 or 24 bits: there is nothing between.
    const bool more_than_16 = options.lpis && options.lpi_id_bits > 16;
    ctlr_.set(ctlr_.id_bits, static_cast<std::uint8_t>(more_than_16 ? 1 : 0));
    ctlr_.set(ctlr_.priority_bits, static_cast<std::uint8_t>(options.priority_bits - 1));
}

std::optional<RegisterMatch> GicCpuInterface::find(std::uint32_t number) const {
    for (const GicRegister& row : icc_registers) {
        if (number < row.info.offset || number >= row.info.end()) continue;
        const std::uint32_t index = number - row.info.offset;
        if (!row.run.empty() && priorities_.active_word_mask(index) == 0) return std::nullopt;
        return RegisterMatch{&row.info, index, 0};
    }
    return std::nullopt;
}

std::uint64_t GicCpuInterface::read(const RegisterMatch& which) const {
    switch (which.info->offset) {
        case icc::pmr: return priorities_.mask();
        case icc::bpr0: return priorities_.binary_point(Group::group0);
        case icc::bpr1: {
            if (!priorities_.common_binary_point()) return priorities_.binary_point(Group::group1);
            const unsigned common = priorities_.binary_point(Group::group0) + 1U;
            return std::min<unsigned>(common, GicPriorities::maximum_binary_point);
        }
        case icc::ap0r: return priorities_.active_word(Group::group0, which.index);
        case icc::ap1r: return priorities_.active_word(Group::group1, which.index);
        case icc::rpr: return priorities_.running();
        case icc::ctlr: return ctlr_.raw();
        case icc::sre: return IccSre{}.raw();
        case icc::igrpen0: return enabled(Group::group0) ? 1 : 0;
        case icc::igrpen1: return enabled(Group::group1) ? 1 : 0;
        default: return 0;
    }
}

void GicCpuInterface::write(const RegisterMatch& which, std::uint64_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    switch (which.info->offset) {
        case icc::pmr: priorities_.set_mask(IccPmr{value}.get(IccPmr::priority)); break;
        case icc::bpr0:
            priorities_.set_binary_point(Group::group0, IccBpr0{value}.get(IccBpr0::binary_point));
            break;
        case icc::bpr1:
            if (!priorities_.common_binary_point())
                priorities_.set_binary_point(Group::group1, IccBpr1{value}.get(IccBpr1::binary_point));
            break;
        case icc::ap0r: priorities_.set_active_word(Group::group0, which.index, word); break;
        case icc::ap1r: priorities_.set_active_word(Group::group1, which.index, word); break;
        case icc::ctlr:
            ctlr_.write(value);
            priorities_.set_common_binary_point(ctlr_.get(ctlr_.common_binary_point));
            break;
        case icc::igrpen0:
            priorities_.set_enabled(Group::group0, IccIgrpen{value}.get(IccIgrpen::enabled));
            break;
        case icc::igrpen1:
            priorities_.set_enabled(Group::group1, IccIgrpen{value}.get(IccIgrpen::enabled));
            break;
        default: break;
    }
}

std::uint32_t GicCpuInterface::acknowledgeable(Group group, const BestOfGroups& best) const {
    return if_of(group, priorities_.signalled(best));
}

std::uint32_t GicCpuInterface::highest_pending(Group group, const BestOfGroups& best) const {
    return if_of(group, priorities_.highest(best));
}

bool GicCpuInterface::ends(const InterruptState& state, Group group, std::uint8_t dropped) const {
    return state.active && state.group == group &&
           priorities_.group_priority(state.priority, group) == dropped;
}

}  // namespace irqbench::irqchip::arm64
