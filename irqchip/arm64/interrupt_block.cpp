#include "irqchip/arm64/interrupt_block.hpp"

#include <limits>

namespace irqbench::irqchip::arm64 {

namespace {

constexpr unsigned priorities_per_register = 4;
constexpr unsigned configs_per_register = 16;

constexpr bool is_set(std::uint32_t word, unsigned i) { return (word >> i & 1) != 0; }

}  // namespace

InterruptState InterruptBlock::state(unsigned i) const {
    return {group_of(i),     is_set(enabled, i), is_set(pending(), i), is_set(latched, i),
            is_set(line, i), is_set(active, i),  is_set(edge, i),      priority[i]};
}

std::uint32_t InterruptBlock::read(Bank bank, unsigned part) const {
    switch (bank) {
        case Bank::group: return group1;
        case Bank::set_enable:
        case Bank::clear_enable: return enabled;
        case Bank::set_pending:
        case Bank::clear_pending: return pending();
        case Bank::set_active:
        case Bank::clear_active: return active;
        case Bank::priority: {
            std::uint32_t value = 0;
            for (unsigned i = 0; i < priorities_per_register; ++i)
                value |= std::uint32_t{priority[priorities_per_register * part + i]} << (8 * i);
            return value;
        }
        case Bank::config: {
            std::uint32_t value = 0;
            for (unsigned i = 0; i < configs_per_register; ++i)
                if (is_set(edge, configs_per_register * part + i)) value |= std::uint32_t{2} << (2 * i);
            return value;
        }
        case Bank::none: break;
    }
    return 0;
}

void InterruptBlock::write(Bank bank, unsigned part, std::uint32_t value, std::uint32_t lanes,
                           const BlockRules& rules) {
    const std::uint32_t bits = value & lanes & rules.implemented;
    switch (bank) {
        case Bank::group: group1 = (group1 & ~lanes) | bits; break;
        case Bank::set_enable: enabled |= bits; break;
        case Bank::clear_enable: enabled &= ~bits; break;
        case Bank::set_pending: latched |= bits & rules.pending_writable; break;
        case Bank::clear_pending: latched &= ~(bits & rules.pending_writable); break;
        case Bank::set_active: active |= bits; break;
        case Bank::clear_active: active &= ~bits; break;
        case Bank::priority:
            for (unsigned i = 0; i < priorities_per_register; ++i) {
                const unsigned which = priorities_per_register * part + i;
                if (is_set(lanes, 8 * i) && is_set(rules.implemented, which))
                    priority[which] = static_cast<std::uint8_t>(value >> (8 * i) & rules.priority_mask);
            }
            break;
        case Bank::config:
            // Bit 2n + 1 alone means something (IHI 0048B.b, 4.3.13).
            for (unsigned i = 0; i < configs_per_register; ++i) {
                const unsigned which = configs_per_register * part + i;
                const std::uint32_t bit = std::uint32_t{1} << which;
                if ((bit & rules.implemented & rules.config_writable) == 0) continue;
                edge = is_set(value, 2 * i + 1) ? edge | bit : edge & ~bit;
            }
            break;
        case Bank::none: break;
    }
}

std::uint32_t InterruptBlock::touched(Bank bank, unsigned part, std::uint32_t value) {
    switch (bank) {
        case Bank::none: return 0;
        case Bank::group: return std::numeric_limits<std::uint32_t>::max();
        case Bank::priority: return std::uint32_t{0xF} << (priorities_per_register * part);
        case Bank::config: return std::uint32_t{0xFFFF} << (configs_per_register * part);
        default: return value;
    }
}

}  // namespace irqbench::irqchip::arm64
