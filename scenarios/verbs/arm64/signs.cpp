#include "scenarios/verbs/arm64/signs.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios::verbs::arm64 {

namespace {

using Kind = Sign::Kind;

constexpr std::uint64_t first_spi = 32;

/// SPI n has the line of GSI n (INTID n + 32); below are those that each vCPU has of its own.
std::vector<Sign> spi_signs(std::uint64_t intid, Kind kind, std::optional<bool> level = {}) {
    if (intid < first_spi) return {};
    Sign sign{kind, fmt::format("gsi {}", intid - first_spi)};
    sign.vector = static_cast<std::uint32_t>(intid);
    sign.by_guest = true;
    sign.level = level;
    sign.latches = true;
    return {sign};
}

/// The upper of the two bits that GICD_ICFGR<n> has for each of 16 interrupts is 1 for an edge (IHI 0069,
/// 12.9.9); the words name the register's value below the bits that were written.
std::vector<Sign> trigger_signs(std::uint64_t intid, std::uint64_t value) {
    return spi_signs(intid, Kind::trigger, (value >> (intid % 16 * 2 + 1) & 1) == 0);
}

std::vector<Sign> enabling_signs(const vmm::event::OperationDone& done) {
    WordReader words(done.text);
    if (done.fault) return {};
    if (words.word("icfgr of ")) {
        const auto intid = words.number();
        return intid && words.at_end() ? trigger_signs(*intid, done.value) : std::vector<Sign>{};
    }
    const bool enables = words.word("enable ");
    if (!enables && !words.word("disable ")) return {};
    const auto intid = words.number();
    if (!intid || !words.at_end()) return {};
    return spi_signs(*intid, enables ? Kind::unmasked : Kind::masked);
}

std::vector<Sign> moved_signs(const vmm::event::Wire& wire) {
    WordReader words(wire.text);
    if (words.word("ITS: ")) {
        if (!words.word("LPI ")) return {{Kind::other, "its"}};
        const auto lpi = words.number();
        if (!lpi || !words.word(" to redistributor ")) return {};
        const auto vcpu = words.number();
        if (!vcpu) return {};
        return {{Kind::sent, "its", static_cast<std::uint32_t>(*vcpu), static_cast<std::uint32_t>(*lpi)}};
    }
    if (!words.word("GIC: INTID ")) return {};
    const auto intid = words.number();
    if (!intid || *intid < first_spi || words.rest() != " is done") return {};
    return {{Kind::ended, fmt::format("gsi {}", *intid - first_spi)}};
}

}  // namespace

std::vector<Sign> signs(const vmm::Event& event) {
    if (const auto* wire = std::get_if<vmm::event::Wire>(&event.what)) return moved_signs(*wire);
    if (const auto* done = std::get_if<vmm::event::OperationDone>(&event.what)) return enabling_signs(*done);
    return {};
}

}  // namespace irqbench::scenarios::verbs::arm64
