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

/// The pins of the kernel's controllers that the host's KVM_IRQ_LINE holds high, which the kernel does not
/// say: it knows of each pin who drives it, and tells only whether anyone does.
class HostLines {
  public:
    using Pins = std::vector<routing::PinRoute>;

    /// What the machine knows of a pin.
    struct Pin {
        routing::PinRoute route;
        std::optional<bool> high;  ///< whether anyone drives it, as the controller says; none: it does not
        bool resampler = false;    ///< a resampling irqfd may drive it
    };

    HostLines() : changes_(std::make_unique<Changes>()) {}

    /// Two GSIs of one pin are one line: the kernel counts them as one source.
    void set(const routing::RoutingTable& table, std::uint32_t gsi, bool level);
    /// A change that others may overtake. May be called by several threads; settle() has to follow.
    void set_among_others(std::uint32_t gsi, bool level);
    /// Finds out what is held after the last of several threads has ended: the controller's word counts,
    /// and where a resampler may drive the pin too, or the controller says nothing, the last change made.
    /// @param pins all of the machine
    void settle(const routing::RoutingTable& table, std::span<const Pin> pins);

    [[nodiscard]] const Pins& held() const { return held_; }
    void restore(Pins held) { held_ = std::move(held); }

  private:
    enum Change : std::uint8_t { none, lowered, raised };
    using Changes = std::array<std::atomic<Change>, routing::RoutingRules::max_entries>;

    [[nodiscard]] bool was_left_high(const routing::RoutingTable& table, const routing::PinRoute& pin) const;

    Pins held_;
    std::unique_ptr<Changes> changes_;  ///< the last one by GSI
};

}  // namespace irqbench::vmm
