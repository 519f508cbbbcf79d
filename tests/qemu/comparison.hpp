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
    static constexpr std::size_t usual_batch = 16;

    explicit Comparison(QemuMachine& qemu) : qemu_(qemu) { restart(); }

    /// QEMU's chips are looked at after so many operations; messages, acknowledges and what is read are those
    /// of each. A difference on record is always looked at.
    void set_batch(std::size_t batch) { batch_ = batch; }

    /// Both sides as after power-on. What was counted stays.
    void restart();
    /// @returns what differs, if anything does; then only restart() helps
    std::optional<std::string> step(const Operation& operation);
    /// Looks at the chips, if that is not done, and at the local APICs. @returns as step()
    std::optional<std::string> finish();

    /// How often each difference showed, by its name; every one on record is there.
    [[nodiscard]] const std::map<std::string_view, std::uint64_t>& shown() const { return shown_; }

  private:
    Prediction predict(const Model& before, const ChipState& was, const Operation& operation, Shadow& shadow);
    std::optional<std::string> step_wide(const Operation& operation, const std::vector<Operation>& parts);
    std::optional<std::string> carry_out(const Operation& operation, const Prediction& prediction);
    std::optional<std::string> look();
    std::optional<std::string> repair(const Repair& repair);
    /// @returns QEMU's chips thereafter
    ChipState initialize_pics();
    void take(const std::vector<Sent>& messages);
    ChipState lasting_state();

    QemuMachine& qemu_;
    Model model_;
    Shadow shadow_;
    Lapics lapics_;
    /// What QEMU's chips are known to be, or have to be when they are looked at.
    ChipState settled_;
    /// Operations that our side has done, and what is to be expected of all of them.
    std::vector<Operation> pending_;
    std::vector<std::optional<std::uint64_t>> pending_values_;
    Outcome pending_outcome_;
    std::size_t batch_ = usual_batch;
    std::map<std::string_view, std::uint64_t> shown_;
};

}  // namespace irqbench::tests::qemu
