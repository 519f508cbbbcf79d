#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tests/qemu/model.hpp"
#include "tests/qemu/operation.hpp"
#include "tests/qemu/state.hpp"

namespace irqbench::tests::qemu {

/// What QEMU's chips hold that ours do not have.
struct Shadow {
    std::array<std::uint64_t, 24> reserved{};  ///< bits of the entries
    std::array<std::uint8_t, 2> lines{};       ///< inputs the PICs saw raised since ICW1
    std::array<bool, 2> level_triggered{};     ///< ICW1.LTIM
    std::array<bool, 2> no_base{};             ///< between ICW1 and ICW2
    bool cascade_forgotten = false;            ///< ICW1 of the master came while the slave requested
};

/// How the two sides meet again after they went apart.
struct Repair {
    std::vector<Operation> in_qemu;  ///< for QEMU alone, after which it is as our model
    std::vector<Sent> sent;          ///< the messages that come of it
    bool pics = false;               ///< both sides initialize the PICs
    std::vector<Operation> next;     ///< for both sides, to make a difference show that only begins here

    [[nodiscard]] bool is_needed() const { return pics || !in_qemu.empty() || !next.empty(); }
};

/// An operation and what is to be expected of QEMU: what our model did, until a difference changes it.
struct Prediction {
    const Model& before;
    const ChipState& was;  ///< QEMU's chips before
    Model model;
    Operation operation;
    Outcome expected;
    Shadow& shadow;
    Repair repair{};

    /// The operation is another one for QEMU, or none.
    void replace(const Operation& other);
    void ignore();
};

/// A known difference between QEMU and our models, each with the manual that decides it.
struct Difference {
    std::string_view name;
    std::string_view qemu;
    std::string_view ours;
    std::string_view decided_by;
    /// Changes the prediction of an operation to what QEMU does. @returns whether that is anything else
    bool (*shows)(Prediction&) = nullptr;
    /// The same for what lasts between operations.
    bool (*stands)(const Model&, const Shadow&, ChipState&) = nullptr;
};

/// Those that make an operation another one; the others go by what remains.
std::span<const Difference> operation_differences();
std::span<const Difference> ioapic_differences();
std::span<const Difference> pic_differences();
/// Those of messages, which concern every message, also those that another difference brought about.
std::span<const Difference> message_differences();

}  // namespace irqbench::tests::qemu
