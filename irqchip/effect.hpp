#pragma once

#include <chrono>
#include <cstdint>
#include <variant>

#include "irqchip/effect_list.hpp"
#include "irqchip/x86/msi.hpp"

namespace irqbench::irqchip {

/// Who drives a line. Drivers of one line are ORed; KVM calls them irq source ids and allows as many.
enum class LineSource : std::uint8_t { wire = 0, resample = 1, timer = 2 };
inline constexpr unsigned line_source_count = 32;

/// What becomes of a line that is raised; the values are those KVM_IRQ_LINE_STATUS returns for one pin.
enum class LineStatus : std::int8_t { ignored = -1, coalesced = 0, delivered = 1 };

/// The I/O APIC sends an interrupt message. Answer with IoApic::refused(pin) if no local APIC accepts it.
struct Deliver {
    std::uint8_t pin;
    x86::Message message;
    friend bool operator==(const Deliver&, const Deliver&) = default;
};

/// The PIC's INTR output changed to `level`.
struct IntrLine {
    bool level;
    friend bool operator==(const IntrLine&, const IntrLine&) = default;
};

/// A local APIC tells every I/O APIC that a level-triggered vector reached its EOI (SDM vol. 3, 11.8.5).
struct EoiBroadcast {
    std::uint8_t vector;
    friend bool operator==(const EoiBroadcast&, const EoiBroadcast&) = default;
};

/// The guest is done with the interrupt of an input pin. Whoever watches the pin is told and lets go of the
/// line first; then answer with IoApic::finish_eoi(pin) or Pic::finish_eoi(), which asks again for what is
/// still asserted.
struct EoiOfPin {
    std::uint8_t pin;
    friend bool operator==(const EoiOfPin&, const EoiOfPin&) = default;
};

/// A redirection entry write uncovered a pending level interrupt, and nothing was sent yet. Answer with
/// IoApic::drop_pending(pin) where a resampler can be asked again, otherwise with
/// IoApic::deliver_pending(pin).
struct Unmasked {
    std::uint8_t pin;
    friend bool operator==(const Unmasked&, const Unmasked&) = default;
};

/// The message of an unmasked redirection entry may have changed: a placement updates its MSI route before it
/// handles any later effect. A masked pin keeps the route it had.
struct RouteChanged {
    std::uint8_t pin;
    friend bool operator==(const RouteChanged&, const RouteChanged&) = default;
};

/// The pin storms: answer with IoApic::deliver_pending(pin) after `delay`.
struct StormDelay {
    std::uint8_t pin;
    std::chrono::milliseconds delay;
    friend bool operator==(const StormDelay&, const StormDelay&) = default;
};

/// A local APIC sends an interprocessor interrupt; irqchip/x86/lapic_bus.hpp says who takes it. IPIs to
/// itself stay inside.
struct SendIpi {
    x86::Message message;
    x86::Shorthand shorthand;
    friend bool operator==(const SendIpi&, const SendIpi&) = default;
};

/// What a local APIC tells its CPU outside the priority scheme. INIT is answered with LocalApic::init().
enum class CpuSignal : std::uint8_t { nmi, smi, init, start_up };

struct SignalCpu {
    CpuSignal signal;
    /// Of a start-up IPI: the page where the CPU starts. Zero otherwise.
    std::uint8_t vector = 0;
    friend bool operator==(const SignalCpu&, const SignalCpu&) = default;
};

/// Whose ticks a deadline counts: the bus clock of the local APICs before it is divided, the time-stamp
/// counter of the CPU, or the 1.193182 MHz of the PIT.
enum class TimerClock : std::uint8_t { apic_bus, tsc, pit };

/// Call the chip's expired() when its clock has reached `deadline`. Replaces the deadline the chip asked for
/// before.
struct ArmTimer {
    TimerClock clock;
    std::uint64_t deadline;
    friend bool operator==(const ArmTimer&, const ArmTimer&) = default;
};

/// The chip waits for no deadline any more.
struct DisarmTimer {
    friend bool operator==(const DisarmTimer&, const DisarmTimer&) = default;
};

/// An output of the PIT changed.
struct OutputChanged {
    std::uint8_t channel;
    bool level;
    friend bool operator==(const OutputChanged&, const OutputChanged&) = default;
};

/// The guest is done with a level-triggered SPI of a GIC: its EOI or deactivation made it inactive. Whoever
/// watches the line is told and lets go of it; a line that stays asserted is pending again by itself.
struct EoiOfSpi {
    std::uint16_t intid;
    friend bool operator==(const EoiOfSpi&, const EoiOfSpi&) = default;
};

/// What a guest asks of the LPIs of one CPU through its redistributor: GICR_CTLR.EnableLPIs changed, or
/// their cached configuration is stale, that of one (GICR_INVLPIR) or of all (GICR_INVALLR).
enum class LpiRequest : std::uint8_t { enable, disable, invalidate, invalidate_all };

struct LpiCommand {
    LpiRequest request;
    std::uint16_t cpu;
    /// Of `invalidate`, as the guest wrote it. Zero otherwise.
    std::uint32_t intid = 0;
    friend bool operator==(const LpiCommand&, const LpiCommand&) = default;
};

/// What a controller asks of its surroundings. A controller never executes one; the surroundings handle them
/// in order.
using Effect = std::variant<Deliver, IntrLine, EoiBroadcast, EoiOfPin, Unmasked, RouteChanged, StormDelay,
                            SendIpi, SignalCpu, ArmTimer, DisarmTimer, OutputChanged, EoiOfSpi, LpiCommand>;

using Effects = EffectList<Effect>;

}  // namespace irqbench::irqchip
