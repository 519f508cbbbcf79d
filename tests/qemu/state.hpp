#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "routing/board.hpp"

namespace irqbench::tests::qemu {

/// One 8259A as `info pic` shows it.
struct PicState {
    std::uint8_t irr = 0;
    std::uint8_t imr = 0;
    std::uint8_t isr = 0;
    std::uint8_t highest = 0;  ///< the input of highest priority
    std::uint8_t base = 0;
    std::uint8_t elcr = 0;
    bool special_fully_nested = false;

    friend bool operator==(const PicState&, const PicState&) = default;
};

/// What can be seen of the chips on both sides.
struct ChipState {
    std::uint8_t ioapic_id = 0;
    std::uint8_t ioregsel = 0;
    std::array<std::uint64_t, 24> entries{};
    std::uint32_t irr = 0;  ///< of the I/O APIC
    std::array<PicState, 2> pics{};
    bool intr = false;

    friend bool operator==(const ChipState&, const ChipState&) = default;
};

/// A message to the local APICs.
struct Sent {
    std::uint32_t destination = 0;
    bool logical = false;
    std::uint8_t mode = 0;
    std::uint8_t vector = 0;
    bool level_triggered = false;
    std::optional<unsigned> pin{};  ///< that sent it; only our side knows
    bool deasserts = false;         ///< only our side knows

    friend bool operator==(const Sent& a, const Sent& b) {
        return a.destination == b.destination && a.logical == b.logical && a.mode == b.mode &&
               a.vector == b.vector && a.level_triggered == b.level_triggered;
    }
};

/// What an operation led to.
struct Outcome {
    ChipState state;
    std::vector<Sent> sent;
    std::vector<std::uint8_t> acknowledged;  ///< vectors the PICs gave
    std::optional<std::uint64_t> value;      ///< that was read

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Interrupts a local APIC took and the CPU has not: it never does, it stands still.
struct LapicState {
    std::bitset<256> irr;
    std::bitset<256> level;  ///< the TMR, where the IRR is set

    friend bool operator==(const LapicState&, const LapicState&) = default;
};

ChipState state_of(const routing::x86::Board& board);

/// What QEMU's `info pic` prints. INTR is not in it.
/// @throws std::runtime_error when something of it is missing
ChipState parse_chips(const std::string& info_pic);
/// What QEMU's `info lapic` prints.
/// @throws std::runtime_error
LapicState parse_lapic(const std::string& info_lapic);

/// What differs, one thing a line; empty when nothing does. Values read are not compared.
std::string differences(const Outcome& expected, const Outcome& actual);
std::string differences(const LapicState& expected, const LapicState& actual);

/// A named value of a chip, as its fields() has it.
std::uint64_t field(const irqchip::x86::I8259A& chip, std::string_view name);

}  // namespace irqbench::tests::qemu
