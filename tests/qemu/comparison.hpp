#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/qemu/differences.hpp"
#include "tests/qemu/lapics.hpp"
#include "tests/qemu/machine.hpp"
#include "tests/qemu/model.hpp"

namespace irqbench::tests::qemu {

/// QEMU's chips and ours side by side: every operation is done to both, and both have to come to the same,
/// apart from the differences on record, which have to be exactly as recorded.
class Comparison {
  public:
    explicit Comparison(QemuMachine& qemu) : qemu_(qemu) { restart(); }

    /// Both sides as after power-on. What was counted stays.
    void restart();
    /// @returns what differs, if anything does; then only restart() helps
    std::optional<std::string> step(const Operation& operation);
    /// Compares the local APICs. @returns as step()
    std::optional<std::string> check_lapics();

    /// How often each difference showed, by its name; every one on record is there.
    [[nodiscard]] const std::map<std::string_view, std::uint64_t>& shown() const { return shown_; }

  private:
    Prediction predict(const Model& before, const ChipState& was, const Operation& operation, Shadow& shadow);
    std::optional<std::string> step_wide(const Operation& operation, const std::vector<Operation>& parts);
    std::optional<std::string> carry_out(const Operation& operation, const Prediction& prediction);
    std::optional<std::string> repair(const Repair& repair);
    void initialize_pics();
    void take(const std::vector<Sent>& messages);
    ChipState lasting_state();

    QemuMachine& qemu_;
    Model model_;
    Shadow shadow_;
    Lapics lapics_;
    /// What QEMU's chips are known to be.
    ChipState settled_;
    std::map<std::string_view, std::uint64_t> shown_;
};

}  // namespace irqbench::tests::qemu
