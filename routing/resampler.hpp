#pragma once

#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "routing/gsi.hpp"

namespace irqbench::routing {

/// Who wants to hear that the guest is done with a level interrupt; for KVM a resamplefd. Opaque here.
using ListenerId = std::uint32_t;

/// Let go of the line that resampling irqfds hold (irqchip::LineSource::resample). All of a GSI's irqfds hold
/// one line together, as in the kernel, where they share KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID.
struct LowerResampleSource {
    Gsi gsi = 0;
    friend bool operator==(const LowerResampleSource&, const LowerResampleSource&) = default;
};

/// Forget the interrupt that is pending on the pin without delivering it (IoApic::drop_pending).
struct ClearPending {
    Gsi gsi = 0;
    friend bool operator==(const ClearPending&, const ClearPending&) = default;
};

/// Tell the listeners, who raise the line again if their device still wants it.
struct Notify {
    std::vector<ListenerId> listeners;
    friend bool operator==(const Notify&, const Notify&) = default;
};

using ResampleAction = std::variant<LowerResampleSource, ClearPending, Notify>;
/// To be done in this order.
using ResampleActions = std::vector<ResampleAction>;

/// GSI -> listeners, and the two rules by which level interrupts are sampled again (api.rst 4.75, KVM_IRQFD).
/// For a GSI that nobody listens to, every answer is empty.
class Resampler {
  public:
    /// @returns false if `listener` already listens to `gsi`
    bool add(Gsi gsi, ListenerId listener);
    /// The last listener of a GSI takes the line it may still hold with it.
    ResampleActions remove(Gsi gsi, ListenerId listener);
    [[nodiscard]] bool watches(Gsi gsi) const { return listeners_.contains(gsi); }

    /// The guest ended the interrupt: first the line drops, so that a listener who raises it again starts a
    /// new interrupt instead of losing it to a late drop; then the listeners hear.
    [[nodiscard]] ResampleActions eoi(Gsi gsi) const;

    /// The guest unmasked a pin with a pending level interrupt. The pending bit may be stale, because the
    /// device can have let go while the pin was masked, so nothing is injected: whoever still wants the
    /// interrupt raises the line again. Empty if nobody can be asked; the interrupt must then be delivered.
    /// Source: Linux fef8f2b90edb.
    [[nodiscard]] ResampleActions unmask(Gsi gsi) const;

    friend bool operator==(const Resampler&, const Resampler&) = default;

  private:
    std::map<Gsi, std::vector<ListenerId>> listeners_;
};

}  // namespace irqbench::routing
