#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "irqchip/arm64/gic_register.hpp"
#include "irqchip/arm64/interrupt_block.hpp"
#include "irqchip/register.hpp"

// What scenarios and traces see of a GIC without changing it.
namespace irqbench::irqchip::arm64 {

/// The registers of a table by name, as `read(offset, bytes)` has them. Left out are those that can only be
/// written, and runs with a field per INTID, of which interrupt_fields() tells.
template <class Read>
std::vector<NamedValue> register_values(std::span<const GicRegister> table, Read read) {
    std::vector<NamedValue> values;
    for (const GicRegister& row : table) {
        if (row.info.access == Access::write_only) continue;
        const unsigned size = row.info.bits / 8;
        if (row.info.count == 1) values.push_back({row.info.name, read(row.info.offset, size)});
        for (std::uint32_t i = 0; i < row.run.size(); ++i)
            values.push_back({row.run[i], read(row.info.offset + i * row.info.stride, size)});
    }
    return values;
}

/// The row of the register, or of the run of registers, that has this name; nullptr if none has.
const GicRegister* find_row(std::span<const GicRegister> table, std::string_view name);

/// The fields of a register in the order of its declaration, taken from its value.
std::vector<NamedValue> field_values(const GicRegister& row, std::uint64_t value);

/// enabled, pending, active, priority, trigger (1 for edge), group and line, as placements in a kernel have
/// them too, and latched.
std::vector<NamedValue> interrupt_fields(const InterruptState& state);

}  // namespace irqbench::irqchip::arm64
