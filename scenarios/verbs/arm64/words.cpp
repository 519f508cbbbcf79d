#include "scenarios/verbs/arm64/words.hpp"

#include <algorithm>

namespace irqbench::scenarios::verbs::arm64 {

vmm::GuestOp write_word(std::uint64_t address, std::uint32_t value, std::string text) {
    return operation(OP_WRITE, address, value, 4, std::move(text));
}

vmm::GuestOp modify_word(std::uint64_t address, std::uint32_t mask, std::uint32_t bits, std::string text) {
    return operation(OP_MODIFY, address, std::uint64_t{mask} << 32 | bits, 4, std::move(text));
}

bool is_gicv3(Stage& stage) {
    const auto values = stage.machine.inspect("gic", 0);
    return std::any_of(values.begin(), values.end(), [](const vmm::NamedValue& value) {
        return value.name == "version" && value.value == 3;
    });
}

std::uint64_t registers_of(Stage& stage, std::uint32_t vcpu, std::uint32_t intid) {
    if (intid >= irqchip::arm64::private_count || !is_gicv3(stage)) return AGENT_GICD;
    return redistributor_of(vcpu) + irqchip::arm64::gicr::sgi_base;
}

}  // namespace irqbench::scenarios::verbs::arm64
