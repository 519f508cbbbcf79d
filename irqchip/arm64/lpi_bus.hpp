#pragma once

#include <cstdint>
#include <variant>

#include "irqchip/arm64/lpi_effect.hpp"
#include "irqchip/arm64/lpi_redistributor.hpp"

namespace irqbench::irqchip::arm64 {

/// Carries out, in order, what an ITS asks of the redistributors. `at(n)` is the LpiRedistributor number n,
/// below ItsOptions::redistributors; `touched(n)` is called for those whose best() may be another afterwards.
template <class At, class Touched>
void carry_out(const LpiEffect& effect, At&& at, TableMemory& memory, Touched&& touched) {
    const auto* const one = &effect;
    if (const auto* pending = std::get_if<LpiPending>(one)) {
        // Also of one that is pending already the configuration may be read now for the first time.
        at(pending->redistributor).set_pending(pending->intid, memory);
        touched(pending->redistributor);
    } else if (const auto* cleared = std::get_if<LpiCleared>(one)) {
        if (at(cleared->redistributor).clear_pending(cleared->intid)) touched(cleared->redistributor);
    } else if (const auto* mapped = std::get_if<LpiMapped>(one)) {
        at(mapped->redistributor).learn(mapped->intid, memory);
        touched(mapped->redistributor);
    } else if (const auto* moved = std::get_if<LpiMoved>(one)) {
        at(moved->from).move(moved->intid, at(moved->to), memory);
        touched(moved->from);
        touched(moved->to);
    } else if (const auto* all = std::get_if<AllLpisMoved>(one)) {
        at(all->from).move_all(at(all->to), memory);
        touched(all->from);
        touched(all->to);
    } else if (const auto* invalidated = std::get_if<LpiInvalidated>(one)) {
        at(invalidated->redistributor).invalidate(invalidated->intid, memory);
        touched(invalidated->redistributor);
    } else if (const auto* flushed = std::get_if<AllLpisInvalidated>(one)) {
        at(flushed->redistributor).invalidate_all(memory);
        touched(flushed->redistributor);
    }
}

template <class At, class Touched>
void carry_out(const LpiEffects& effects, At&& at, TableMemory& memory, Touched&& touched) {
    for (const LpiEffect& effect : effects) carry_out(effect, at, memory, touched);
}

}  // namespace irqbench::irqchip::arm64
