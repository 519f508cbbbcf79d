#pragma once

#include <cstdint>
#include <variant>

#include "irqchip/arm64/its_command.hpp"
#include "irqchip/effect_list.hpp"

// What an ITS asks of the redistributors; irqchip/arm64/lpi_bus.hpp carries it out. Redistributors are
// named by their index, whatever processor numbers they have.
namespace irqbench::irqchip::arm64 {

/// An LPI becomes pending (a translated MSI, INT).
struct LpiPending {
    std::uint32_t redistributor;
    std::uint32_t intid;
    friend bool operator==(const LpiPending&, const LpiPending&) = default;
};

/// An LPI is pending no more (CLEAR, DISCARD).
struct LpiCleared {
    std::uint32_t redistributor;
    std::uint32_t intid;
    friend bool operator==(const LpiCleared&, const LpiCleared&) = default;
};

/// An LPI was mapped: a good time to read its configuration (MAPTI, MAPI).
struct LpiMapped {
    std::uint32_t redistributor;
    std::uint32_t intid;
    friend bool operator==(const LpiMapped&, const LpiMapped&) = default;
};

/// An LPI goes to another redistributor and takes along whether it is pending (MOVI).
struct LpiMoved {
    std::uint32_t from;
    std::uint32_t to;
    std::uint32_t intid;
    friend bool operator==(const LpiMoved&, const LpiMoved&) = default;
};

/// Every pending LPI goes to another redistributor (MOVALL).
struct AllLpisMoved {
    std::uint32_t from;
    std::uint32_t to;
    friend bool operator==(const AllLpisMoved&, const AllLpisMoved&) = default;
};

/// The configuration of an LPI changed in memory (INV).
struct LpiInvalidated {
    std::uint32_t redistributor;
    std::uint32_t intid;
    friend bool operator==(const LpiInvalidated&, const LpiInvalidated&) = default;
};

/// The configuration of any LPI may have changed (INVALL).
struct AllLpisInvalidated {
    std::uint32_t redistributor;
    friend bool operator==(const AllLpisInvalidated&, const AllLpisInvalidated&) = default;
};

/// A command had no effect. For traces: nobody has to answer.
struct CommandFailed {
    /// Of the command, in bytes from the start of the queue.
    std::uint32_t offset;
    ItsError error;
    friend bool operator==(const CommandFailed&, const CommandFailed&) = default;
};

/// An MSI was dropped. For traces: nobody has to answer.
struct TranslationFailed {
    std::uint32_t device;
    std::uint32_t event;
    ItsError error;
    friend bool operator==(const TranslationFailed&, const TranslationFailed&) = default;
};

using LpiEffect = std::variant<LpiPending, LpiCleared, LpiMapped, LpiMoved, AllLpisMoved, LpiInvalidated,
                               AllLpisInvalidated, CommandFailed, TranslationFailed>;
using LpiEffects = EffectList<LpiEffect>;

}  // namespace irqbench::irqchip::arm64
