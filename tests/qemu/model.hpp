#pragma once

#include "routing/board.hpp"
#include "tests/qemu/operation.hpp"
#include "tests/qemu/state.hpp"

namespace irqbench::tests::qemu {

/// Our chips, wired as in the machine QEMU makes, for the same operations. A value.
class Model {
  public:
    Model();

    Outcome apply(const Operation& operation);
    /// The CPU acknowledges the PICs' interrupt. @returns the vector
    std::uint8_t acknowledge();

    [[nodiscard]] const routing::x86::Board& board() const { return board_; }
    [[nodiscard]] const irqchip::x86::IoApic& ioapic() const { return board_.ioapic(); }
    [[nodiscard]] const irqchip::x86::I8259A& pic(unsigned chip) const {
        return chip == 0 ? board_.pic().master() : board_.pic().slave();
    }

  private:
    void take(const routing::x86::Response& response, Outcome& outcome);

    routing::x86::Board board_;
};

}  // namespace irqbench::tests::qemu
