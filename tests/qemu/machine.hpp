#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/qemu/connection.hpp"
#include "tests/qemu/operation.hpp"
#include "tests/qemu/state.hpp"
#include "tools/lab/qemu.hpp"

namespace irqbench::tests::qemu {

/// QEMU's interrupt controllers without a CPU that runs: devices and the guest are played over qtest, what
/// happens is read from the monitor and QEMU's trace.
class QemuMachine {
  public:
    static constexpr unsigned cpu_count = 2;

    /// @throws std::runtime_error, std::system_error when QEMU does not come up or has not what is needed
    explicit QemuMachine(const tools::lab::Qemu& qemu);

    /// Everything as after power-on, the local APICs too.
    void reset();
    /// Carries operations out, all at once: on a busy host waiting for each costs more than all they do.
    /// @param values take what each of them read
    /// @returns what they sent, what was acknowledged, and what the chips came to
    Outcome apply(std::span<const Operation> operations, std::vector<std::optional<std::uint64_t>>& values);
    Outcome apply(std::span<const Operation> operations);
    LapicState lapic(unsigned cpu);

    /// The answer to a command of the qtest protocol, without its OK.
    /// @throws std::runtime_error when it is no OK
    std::string command(const std::string& text);
    std::string monitor(const std::string& text);

  private:
    std::string answer_to(const std::string& command);
    void find_pics();
    void take_events(Outcome& outcome);

    Connection connection_;
    std::string master_;
    std::string slave_;
    /// What came of the trace and was not a whole line yet.
    std::string trace_;
    bool intr_ = false;
};

}  // namespace irqbench::tests::qemu
