#pragma once

namespace irqbench::irqchip {

/// A visitor of variants made of one lambda for each alternative.
template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace irqbench::irqchip
