#include "irqchip/arm64/gic_fields.hpp"

#include <algorithm>

namespace irqbench::irqchip::arm64 {

const GicRegister* find_row(std::span<const GicRegister> table, std::string_view name) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const GicRegister& row) {
        if (row.run.empty()) return row.info.name == name;
        return std::find(row.run.begin(), row.run.end(), name) != row.run.end();
    });
    return found == table.end() ? nullptr : &*found;
}

std::vector<NamedValue> field_values(const GicRegister& row, std::uint64_t value) {
    std::vector<NamedValue> values;
    for (const FieldInfo& field : row.fields) values.push_back({field.name, field.extract(value)});
    return values;
}

std::vector<NamedValue> interrupt_fields(const InterruptState& state) {
    return {{"enabled", state.enabled},   {"pending", state.pending}, {"active", state.active},
            {"priority", state.priority}, {"trigger", state.edge},    {"group", state.group == Group::group1},
            {"line", state.line},         {"latched", state.latched}};
}

}  // namespace irqbench::irqchip::arm64
