#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "routing/table.hpp"

namespace irqbench::vmm {

/// The pins of the kernel's controllers that one source holds high, which the kernel does not say: it knows
/// of each pin who drives it, and tells only whether anyone does. By pin, since the GSI that raised one may
/// lead elsewhere by now.
class HeldPins {
  public:
    using Pins = std::vector<routing::PinRoute>;

    /// What the machine knows of a pin.
    struct Pin {
        routing::PinRoute route;
        std::optional<bool> high;  ///< whether anyone drives it, as the controller says; none: it does not
        bool resampler = false;    ///< a resampling irqfd may drive it
    };

    /// Two GSIs of one pin are one line: the kernel counts them as one source.
    void set(const routing::RoutingTable& table, std::uint32_t gsi, bool level);
    [[nodiscard]] const Pins& held() const { return held_; }
    [[nodiscard]] bool holds(const routing::PinRoute& pin) const;
    void restore(Pins held) { held_ = std::move(held); }

  protected:
    Pins held_;
};

/// Those that the host's KVM_IRQ_LINE holds.
class HostLines : public HeldPins {
  public:
    HostLines() : changes_(std::make_unique<Changes>()) {}

    /// A change that others may overtake. May be called by several threads; settle() has to follow.
    void set_among_others(std::uint32_t gsi, bool level);
    /// Finds out what is held after the last of several threads has ended: the controller's word counts,
    /// and where a resampler may drive the pin too, or the controller says nothing, the last change made.
    /// @param pins all of the machine
    void settle(const routing::RoutingTable& table, std::span<const Pin> pins);

  private:
    enum Change : std::uint8_t { none, lowered, raised };
    using Changes = std::array<std::atomic<Change>, routing::RoutingRules::max_entries>;

    [[nodiscard]] bool was_left_high(const routing::RoutingTable& table, const routing::PinRoute& pin) const;

    std::unique_ptr<Changes> changes_;  ///< the last one by GSI
};

/// Those that resampling irqfds hold: one source, whatever their GSIs (KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID).
class ResampledLines : public HeldPins {
  public:
    /// With nothing under way: the guest and other threads may have moved a line between what was done to it
    /// and the note of it. The controller's word counts; a pin that is high without the host is a
    /// resampler's, if one may drive it.
    /// @param pins all of the machine
    void settle(std::span<const Pin> pins, const HeldPins& hosts);
};

}  // namespace irqbench::vmm
