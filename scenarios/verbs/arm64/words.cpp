#include "scenarios/verbs/arm64/words.hpp"

#include <algorithm>

#include "vmm/guest/agent_abi.h"

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
    constexpr std::uint64_t redistributor_bytes = 0x20000;
    constexpr std::uint64_t second_frame = 0x10000;
    constexpr std::uint32_t first_spi = 32;
    if (intid >= first_spi || !is_gicv3(stage)) return AGENT_GICD;
    return AGENT_GICR + vcpu * redistributor_bytes + second_frame;
}

}  // namespace irqbench::scenarios::verbs::arm64
