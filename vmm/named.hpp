#pragma once

#include <string>
#include <vector>

#include "irqchip/register.hpp"
#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// What a chip says of its fields or registers, as Machine::inspect() has it.
[[nodiscard]] inline std::vector<NamedValue> named(const std::vector<irqchip::NamedValue>& fields) {
    std::vector<NamedValue> values;
    values.reserve(fields.size());
    for (const irqchip::NamedValue& field : fields) values.push_back({std::string(field.name), field.value});
    return values;
}

}  // namespace irqbench::vmm
