#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "irqchip/effect.hpp"
#include "irqchip/x86/ioapic.hpp"
#include "irqchip/x86/msi.hpp"
#include "irqchip/x86/pic.hpp"
#include "routing/gsi.hpp"
#include "routing/resampler.hpp"
#include "routing/table.hpp"

//                  routing table
//  raise,     GSI ----+---- message ---------------------------------------> SendMsi
//  irqfd ...          |
//                     +---- pin 0-23 ---> IoApic ----- message ------------> Deliver ---> local APICs
//                     |                   ^    |
//                     |   EOI broadcast --+    +-- EOI, unmask --+
//                     |                                          v
//                     |     lower the line <----------------- Resampler ---> NotifyListeners
//                     |                                          ^
//                     |                   +--------- EOI --------+
//                     |                   |
//                     +---- IR 0-15 ----> Pic -------- INTR ---------------> SetIntr ---> LINT0 of vCPU 0
//                                          ^
//                       acknowledge -------+
//
// Pins keep their level when routes change, as in KVM: a line raised through an old route is lowered through
// it or not at all.
namespace irqbench::routing::x86 {

/// What a Board cannot do itself. The machine does these in order.
namespace request {

/// Send the message of an I/O APIC pin. Answer with Board::refused(pin) if no local APIC accepts it.
struct Deliver {
    unsigned pin;
    irqchip::x86::Message message;
    friend bool operator==(const Deliver&, const Deliver&) = default;
};

/// Send the message a GSI is routed to.
struct SendMsi {
    Gsi gsi;
    irqchip::x86::Msi msi;
    friend bool operator==(const SendMsi&, const SendMsi&) = default;
};

/// From now on messages of the pin are these: a split placement sets the MSI route that stands for the pin.
/// Never asked for a masked pin, whose route stays what it was, and never twice in a row with the same
/// message.
struct UpdateRoute {
    unsigned pin;
    irqchip::x86::Message message;
    friend bool operator==(const UpdateRoute&, const UpdateRoute&) = default;
};

/// INTR, which is wired to LINT0 of vCPU 0, is now `level`.
struct SetIntr {
    bool level;
    friend bool operator==(const SetIntr&, const SetIntr&) = default;
};

/// The guest ended or unmasked an interrupt of the GSI: kick the resamplefds.
struct NotifyListeners {
    Gsi gsi;
    std::vector<ListenerId> listeners;
    friend bool operator==(const NotifyListeners&, const NotifyListeners&) = default;
};

/// Call Board::storm_expired(pin) after `delay`.
struct ArmStormTimer {
    unsigned pin;
    std::chrono::milliseconds delay;
    friend bool operator==(const ArmStormTimer&, const ArmStormTimer&) = default;
};

}  // namespace request

using Request = std::variant<request::Deliver, request::SendMsi, request::UpdateRoute, request::SetIntr,
                             request::NotifyListeners, request::ArmStormTimer>;

/// What moved on the wires and in the chips, for the timeline. Nothing has to be done about it.
namespace wire {

/// A pin's line changed level, all its drivers taken together.
struct LineChanged {
    Chip chip;
    unsigned pin;
    bool asserted;
    friend bool operator==(const LineChanged&, const LineChanged&) = default;
};

/// The guest wrote a redirection entry (`index` is the pin) or a register of the PICs.
struct RegisterWritten {
    Chip chip;
    std::string_view name;
    unsigned index;
    std::uint64_t value;
    friend bool operator==(const RegisterWritten&, const RegisterWritten&) = default;
};

/// The I/O APIC sent an interrupt message.
struct Delivered {
    unsigned pin;
    irqchip::x86::Message message;
    friend bool operator==(const Delivered&, const Delivered&) = default;
};

/// An interrupt of the pin is over.
struct EoiSeen {
    Chip chip;
    unsigned pin;
    friend bool operator==(const EoiSeen&, const EoiSeen&) = default;
};

/// An unmask found a pending interrupt and asked the listeners again instead of sending it.
struct PendingDropped {
    unsigned pin;
    friend bool operator==(const PendingDropped&, const PendingDropped&) = default;
};

/// The pin storms; its interrupt waits.
struct StormDelayed {
    unsigned pin;
    friend bool operator==(const StormDelayed&, const StormDelayed&) = default;
};

/// The PIC gave the CPU a vector.
struct PicAcknowledged {
    std::uint8_t vector;
    friend bool operator==(const PicAcknowledged&, const PicAcknowledged&) = default;
};

struct IntrChanged {
    bool level;
    friend bool operator==(const IntrChanged&, const IntrChanged&) = default;
};

/// A local APIC sent an interprocessor interrupt.
struct IpiSent {
    std::size_t cpu;
    irqchip::x86::Message message;
    irqchip::x86::Shorthand shorthand;
    friend bool operator==(const IpiSent&, const IpiSent&) = default;
};

}  // namespace wire

using WireEvent = std::variant<wire::LineChanged, wire::RegisterWritten, wire::Delivered, wire::EoiSeen,
                               wire::PendingDropped, wire::StormDelayed, wire::PicAcknowledged,
                               wire::IntrChanged, wire::IpiSent>;

/// The event in words: `ioapic pin 10 up`, `ioapic pin 10 sends vector 0x51 to 0`.
std::string text(const WireEvent& event);

/// The pin an event is about, if it is about one.
std::optional<PinRoute> pin_of(const WireEvent& event);

/// What followed from one call, both lists in order.
struct [[nodiscard]] Response {
    std::vector<WireEvent> events;
    std::vector<Request> requests;
};

/// The interrupt controllers of a PC outside the CPUs, and the wires between them. A value: copyable and
/// comparable. Runs what the chips ask for until nothing is left to do; what it cannot do comes back as
/// requests.
class Board {
  public:
    static constexpr std::uint64_t ioapic_address = 0xFEC0'0000;

    struct PortRead {
        std::uint32_t value;
        Response response;
    };
    struct Acknowledged {
        std::uint8_t vector;
        Response response;
    };

    explicit Board(irqchip::x86::IoApicOptions options = {});

    /// One driver of a GSI changes level: all its pins follow, and a raise sends its messages.
    Response set_gsi(Gsi gsi, bool asserted, irqchip::LineSource source = irqchip::LineSource::wire);
    /// What the kernel answered to the message of an I/O APIC pin, where one was sent: how many local APICs
    /// took it, 0 or less if none did.
    using Delivered = std::array<std::optional<int>, irqchip::x86::IoApic::pin_count>;
    /// What KVM_IRQ_LINE_STATUS returns for set_gsi(gsi, asserted): the sum over its routes of those that
    /// care, -1 if none does.
    class Status {
      public:
        /// A message that `delivered` says nothing of counts as taken.
        [[nodiscard]] int sum(const Delivered& delivered = {}) const;

      private:
        friend class Board;
        struct Part {
            int status;
            std::optional<unsigned> pin;  ///< of the I/O APIC: what was delivered counts instead
        };
        std::vector<Part> parts_;
    };
    /// To be asked for before the call.
    [[nodiscard]] Status status_before(Gsi gsi, bool asserted) const;
    [[nodiscard]] int status_of(Gsi gsi, bool asserted, const Delivered& delivered = {}) const {
        return status_before(gsi, asserted).sum(delivered);
    }

    /// The CPU acknowledges the PIC's interrupt.
    Acknowledged acknowledge();
    /// A local APIC broadcasts the EOI of a level-triggered vector; in a split placement,
    /// KVM_EXIT_IOAPIC_EOI.
    Response eoi(std::uint8_t vector);
    /// The answer to a Deliver that no local APIC accepted.
    void refused(unsigned pin) { ioapic_.refused(pin); }
    /// The answer to ArmStormTimer.
    Response storm_expired(unsigned pin);

    /// Guest accesses; nothing if the address is not the board's. `size` is in bytes. A wide port access is
    /// made byte by byte, as on the ISA bus; bytes beyond the chip's ports read ones.
    [[nodiscard]] std::optional<std::uint64_t> mmio_read(std::uint64_t address, unsigned size) const;
    std::optional<Response> mmio_write(std::uint64_t address, unsigned size, std::uint64_t value);
    std::optional<PortRead> port_in(std::uint16_t port, unsigned size);
    std::optional<Response> port_out(std::uint16_t port, unsigned size, std::uint32_t value);

    /// Replaces the routing table. Any table is taken, but routes to pins that do not exist lead nowhere:
    /// validate() says what a kernel would refuse.
    void route(RoutingTable table);
    [[nodiscard]] const RoutingTable& routes() const { return table_; }
    /// RoutingTable::gsi_of(), found at once.
    [[nodiscard]] std::optional<Gsi> gsi_of(const PinRoute& pin) const;

    /// @returns false if `listener` already listens to `gsi`
    bool listen(Gsi gsi, ListenerId listener) { return resampler_.add(gsi, listener); }
    Response unlisten(Gsi gsi, ListenerId listener);

    [[nodiscard]] bool intr() const { return pic_.intr(); }
    [[nodiscard]] const irqchip::x86::Pic& pic() const { return pic_; }
    [[nodiscard]] const irqchip::x86::IoApic& ioapic() const { return ioapic_; }

    /// Takes over the chips of another board, routes and listeners apart. Asks for the route of every pin
    /// whose messages or EOIs can still come, and sends what was held back.
    Response restore(const irqchip::x86::Pic& pic, const irqchip::x86::IoApic& ioapic);

    friend bool operator==(const Board&, const Board&) = default;

  private:
    class Turn;

    static constexpr unsigned pic_pins = irqchip::x86::Pic::pin_count;
    static constexpr unsigned ioapic_pins = irqchip::x86::IoApic::pin_count;

    irqchip::x86::Pic pic_;
    irqchip::x86::IoApic ioapic_;
    RoutingTable table_;
    Resampler resampler_;
    /// RoutingTable::gsi_of() for every pin, since a search would cost as much as the table is long.
    std::array<std::optional<Gsi>, pic_pins> pic_gsi_;
    std::array<std::optional<Gsi>, ioapic_pins> ioapic_gsi_;
    /// The messages last asked for by UpdateRoute.
    std::array<std::optional<irqchip::x86::Message>, ioapic_pins> routed_;
};

}  // namespace irqbench::routing::x86
