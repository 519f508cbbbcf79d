#include "scenarios/verbs/arm64/words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace irqbench::scenarios::verbs {

// IHI 0069, 2.2.
std::string Intid::unfit_for(const vmm::MachineConfig& config, std::uint32_t intid) {
    using namespace irqchip::arm64;
    const std::uint32_t count = private_count + config.spis;
    if (intid < count) return {};
    if (intid < first_special) {
        const std::uint32_t enough = (intid - private_count) / 32 * 32 + 32;
        return fmt::format(
            "there is no INTID {}: the machine's last is {}{}", intid, count - 1,
            enough > most_spis ? "" : fmt::format(R"(; set "machine": {{ "spis": {} }})", enough));
    }
    if (intid < first_lpi)
        return fmt::format("INTID {} is no interrupt's: LPIs begin at {}", intid, first_lpi);
    if (config.its) return {};
    return fmt::format("INTID {} is an LPI: set \"machine\": {{ \"its\": true }}", intid);
}

bool Intid::is_spurious(std::uint32_t intid) { return intid == irqchip::arm64::spurious; }

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios::verbs::arm64 {

std::string line_unfit_for(const vmm::MachineConfig& config, std::uint32_t gsi) {
    if (gsi < config.spis) return {};
    return fmt::format("there is no line of GSI {}: the machine has {} SPIs, whose GSIs count from 0", gsi,
                       config.spis);
}

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
