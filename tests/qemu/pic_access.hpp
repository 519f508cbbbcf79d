#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/qemu/model.hpp"
#include "tests/qemu/operation.hpp"
#include "tests/qemu/state.hpp"

// What an operation is to the 8259s.
namespace irqbench::tests::qemu {

constexpr std::uint8_t bit(unsigned irq) { return static_cast<std::uint8_t>(1U << irq); }
constexpr std::uint8_t both(unsigned a, unsigned b) { return static_cast<std::uint8_t>(a & b); }

inline std::optional<unsigned> command_chip(const Operation& operation) {
    if (operation.kind != Operation::Kind::port_out || (operation.target != 0x20 && operation.target != 0xA0))
        return {};
    return operation.target == 0x20 ? 0 : 1;
}
inline std::optional<unsigned> data_chip(const Operation& operation) {
    if (operation.kind != Operation::Kind::port_out || (operation.target != 0x21 && operation.target != 0xA1))
        return {};
    return operation.target == 0x21 ? 0 : 1;
}
inline bool is_icw1(const Operation& operation) { return (operation.value & 0x10) != 0; }
inline bool is_ocw2(const Operation& operation) { return (operation.value & 0x18) == 0; }
inline bool is_ocw3(const Operation& operation) { return (operation.value & 0x18) == 0x08; }

inline bool mode(const Model& model, unsigned chip, std::string_view name) {
    return field(model.pic(chip), name) != 0;
}

/// The first of the inputs in the order of priority that begins with `first`.
inline std::optional<unsigned> highest(unsigned inputs, unsigned first) {
    if (inputs == 0) return std::nullopt;
    const auto by_rank = std::rotr(static_cast<std::uint8_t>(inputs), static_cast<int>(first));
    return (first + static_cast<unsigned>(std::countr_zero(by_rank))) & 7;
}

}  // namespace irqbench::tests::qemu
