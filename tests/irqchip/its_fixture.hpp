#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "irqchip/arm64/its.hpp"
#include "irqchip/arm64/lpi_bus.hpp"
#include "tests/irqchip/effects_text.hpp"
#include "tests/irqchip/flat_memory.hpp"

// An ITS and its redistributors as a guest programs them, with memory from address 0 up.
namespace irqbench::irqchip::arm64 {

inline std::string text(const LpiEffect& effect) {
    return std::visit(
        Overloaded{
            [](const LpiPending& e) { return fmt::format("{} pending at {}", e.intid, e.redistributor); },
            [](const LpiCleared& e) { return fmt::format("{} cleared at {}", e.intid, e.redistributor); },
            [](const LpiMapped& e) { return fmt::format("{} mapped to {}", e.intid, e.redistributor); },
            [](const LpiMoved& e) { return fmt::format("{} moved from {} to {}", e.intid, e.from, e.to); },
            [](const AllLpisMoved& e) { return fmt::format("all moved from {} to {}", e.from, e.to); },
            [](const LpiInvalidated& e) {
                return fmt::format("{} invalidated at {}", e.intid, e.redistributor);
            },
            [](const AllLpisInvalidated& e) { return fmt::format("all invalidated at {}", e.redistributor); },
            [](const CommandFailed& e) { return fmt::format("{} at {:#x}", e.error.name(), e.offset); },
            [](const TranslationFailed& e) {
                return fmt::format("{} of {:x}:{:x}", e.error.name(), e.device, e.event);
            },
        },
        effect);
}

inline std::string text(const LpiEffects& effects) {
    std::string all;
    for (const LpiEffect& effect : effects) all += (all.empty() ? "" : ", ") + text(effect);
    return all.empty() ? "nothing" : all;
}

inline std::string text(const std::optional<Candidate>& lpi) {
    return lpi ? fmt::format("{} at priority {:02x}", lpi->intid, lpi->priority) : "nothing";
}

/// Where the guest of the fixture keeps what.
namespace place {
inline constexpr std::uint64_t queue = 0x1'0000, devices = 0x2'0000, collections = 0x4'0000,
                               second_level = 0x5'0000, configurations = 0x6'0000, pending = 0x8'0000,
                               itts = 0x10'0000, end = 0x20'0000;
constexpr std::uint64_t itt(std::uint32_t device) { return itts + std::uint64_t{device % 64} * 0x4000; }
constexpr std::uint64_t pending_of(std::uint32_t redistributor) {
    return pending + std::uint64_t{redistributor} * 0x1'0000;
}
}  // namespace place

inline constexpr std::uint64_t valid_bit = std::uint64_t{1} << 63, indirect_bit = std::uint64_t{1} << 62;

struct GuestIts {
    FlatMemory memory{place::end};
    Its its;
    std::vector<LpiRedistributor> redistributors;
    /// Where the next command goes.
    std::uint32_t writer = 0;
    std::uint32_t queue_size = 4096;

    explicit GuestIts(ItsOptions options = {2}, bool start = true)
        : its(options), redistributors(options.redistributors, LpiRedistributor(options.lpi_id_bits)) {
        std::fill_n(memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::configurations), 1U << 17,
                    std::uint8_t{0xA0 | 1});
        for (std::uint32_t n = 0; n < options.redistributors; ++n) enable_lpis(n, options.lpi_id_bits);
        if (start) set_up();
    }

    void enable_lpis(std::uint32_t n, unsigned id_bits = 16) {
        redistributors[n].enable(GicrPropbaser{place::configurations | (id_bits - 1)},
                                 GicrPendbaser{place::pending_of(n)}, memory);
    }
    void disable_lpis(std::uint32_t n) { redistributors[n].disable(memory); }
    /// 64 KiB of flat table each, a queue of one page.
    void set_up() {
        put(gits::cbaser, valid_bit | place::queue);
        put(gits::baser, valid_bit | place::devices);
        put(gits::baser + 8, valid_bit | place::collections);
        put(gits::ctlr, 1, 4);
    }

    LpiEffects write(std::uint32_t offset, std::uint64_t value, unsigned size = 8) {
        return its.write(offset, size, value, memory);
    }
    std::uint64_t get(std::uint32_t offset, unsigned size = 8) const { return its.read(offset, size); }

    /// Carries out what follows and tells it.
    std::string settle(const LpiEffects& effects) {
        carry_out(
            effects, [&](std::uint32_t n) -> LpiRedistributor& { return redistributors.at(n); }, memory,
            [](std::uint32_t) {});
        return text(effects);
    }
    std::string put(std::uint32_t offset, std::uint64_t value, unsigned size = 8) {
        return settle(write(offset, value, size));
    }

    void store(const ItsCommand& command) {
        for (std::size_t i = 0; i < 4; ++i) memory.write64(place::queue + writer + 8 * i, command.words[i]);
        writer = (writer + ItsCommand::size) % queue_size;
    }
    std::string send(std::initializer_list<ItsCommand> commands) {
        for (const ItsCommand& command : commands) store(command);
        return put(gits::cwriter, writer);
    }
    std::string send(const ItsCommand& command) { return send({command}); }

    std::string signal(std::uint32_t device, std::uint32_t event) {
        return settle(its.signal(device, event, memory));
    }
    std::string best(std::uint32_t n) const { return text(redistributors[n].best()); }
    void configure(std::uint32_t intid, std::uint8_t configuration) {
        memory.bytes[place::configurations + intid - first_lpi] = configuration;
    }
};

/// A device 5 with 32 events, of which 3 is LPI 8200 in collection 1, which is redistributor 0.
inline GuestIts mapped_guest(ItsOptions options = {2}) {
    GuestIts guest(options);
    guest.send(
        {its_command::mapd(5, place::itt(5), 5), its_command::mapc(1, 0), its_command::mapti(5, 3, 8200, 1)});
    return guest;
}

}  // namespace irqbench::irqchip::arm64
