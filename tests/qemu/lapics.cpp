#include "tests/qemu/lapics.hpp"

#include "irqchip/x86/msi.hpp"

namespace irqbench::tests::qemu {

using irqchip::x86::DeliveryMode;

namespace {

constexpr Difference list[] = {
    {"illegal_vector", "vectors 0 to 15 enter the IRR", "they are received with an error",
     "SDM vol. 3, 11.5.2: received illegal vector"},
    {"ext_int_in_irr", "the vector of an ExtINT message enters the IRR",
     "the CPU asks the 8259 for a vector, and the IRR knows nothing of it",
     "SDM vol. 3, 11.5.1: ExtINT, the processor responds as if from an external 8259A"},
    {"deassert_taken", "a level-triggered MSI that deasserts is a request", "it is none",
     "SDM vol. 3, 11.11.2: level, 0 deasserts"},
};
constexpr const Difference& illegal_vector = list[0];
constexpr const Difference& ext_int_in_irr = list[1];
constexpr const Difference& deassert_taken = list[2];

}  // namespace

std::span<const Difference> lapic_differences() { return list; }

const Difference* Lapics::take(const Sent& sent) {
    const auto mode = static_cast<DeliveryMode>(sent.mode);
    const bool once = mode == DeliveryMode::lowest_priority;
    if (!once && mode != DeliveryMode::fixed && mode != DeliveryMode::ext_int) return nullptr;
    // As after reset the logical destinations are zero, which no message matches.
    if (sent.logical) return nullptr;
    bool any = false;
    for (unsigned cpu = 0; cpu < states_.size(); ++cpu) {
        // Of equals in priority any may take it (SDM vol. 3, 11.6.2.4); QEMU's first does.
        if ((sent.destination != cpu && sent.destination != 0xFF) || (once && any)) continue;
        any = true;
        states_[cpu].irr.set(sent.vector);
        states_[cpu].level.set(sent.vector, sent.level_triggered);
    }
    if (!any) return nullptr;
    if (mode == DeliveryMode::ext_int) return &ext_int_in_irr;
    if (sent.vector < 16) return &illegal_vector;
    return sent.deasserts ? &deassert_taken : nullptr;
}

}  // namespace irqbench::tests::qemu
