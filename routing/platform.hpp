#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "irqchip/x86/lapic.hpp"
#include "irqchip/x86/msi.hpp"
#include "irqchip/x86/pit.hpp"
#include "routing/apic_map.hpp"
#include "routing/board.hpp"

//   GSI --> Board --- message, MSI ---> local APICs ---> CPUs
//    ^       ^  |                        |  |   ^
//    |       |  +--- INTR ---> LINT0     |  +---+ IPI
//    |       |               of CPU 0    |
//   PIT      +------ EOI broadcast ------+
//
// Nothing is wired to LINT0 of the other CPUs, to LINT1 of any, or to the LVT entries for CMCI, thermal and
// performance interrupts: LocalApic has them for whoever drives them. The host's NMIs are the CPU's at once.
namespace irqbench::routing::x86 {

namespace request {

/// The CPU gets NMI, SMI, INIT or a start-up IPI. Its local APIC has had its part of INIT. A start-up IPI is
/// for a CPU that waits for it since an INIT only: any other ignores it and is not told (SDM vol. 3, 9.4.4).
/// As in KVM that goes for a CPU that was never started too, which waits for its INIT first (api.rst,
/// KVM_MP_STATE_UNINITIALIZED).
struct SignalCpu {
    std::size_t cpu;
    irqchip::CpuSignal signal;
    std::uint8_t vector;  ///< of a start-up IPI
    friend bool operator==(const SignalCpu&, const SignalCpu&) = default;
};

/// Platform::interrupt(cpu) may have become another.
struct LookAtCpu {
    std::size_t cpu;
    friend bool operator==(const LookAtCpu&, const LookAtCpu&) = default;
};

/// Call Platform::lapic_expired(cpu) when the clock reaches the deadline, which replaces the one before.
struct ArmLapicTimer {
    std::size_t cpu;
    irqchip::ArmTimer timer;
    friend bool operator==(const ArmLapicTimer&, const ArmLapicTimer&) = default;
};

struct DisarmLapicTimer {
    std::size_t cpu;
    friend bool operator==(const DisarmLapicTimer&, const DisarmLapicTimer&) = default;
};

/// Call Platform::pit_expired() when its clock reaches the deadline, which replaces the one before.
struct ArmPitTimer {
    std::uint64_t deadline;
    friend bool operator==(const ArmPitTimer&, const ArmPitTimer&) = default;
};

struct DisarmPitTimer {
    friend bool operator==(const DisarmPitTimer&, const DisarmPitTimer&) = default;
};

}  // namespace request

using PlatformRequest = std::variant<request::NotifyListeners, request::ArmStormTimer, request::SignalCpu,
                                     request::LookAtCpu, request::ArmLapicTimer, request::DisarmLapicTimer,
                                     request::ArmPitTimer, request::DisarmPitTimer>;

/// What followed from one call, both lists in order.
struct [[nodiscard]] PlatformResponse {
    std::vector<WireEvent> events;
    std::vector<PlatformRequest> requests;
};

struct PlatformOptions {
    std::vector<std::uint32_t> apic_ids = {0};  ///< one CPU per element, the first is the bootstrap processor
    irqchip::x86::IoApicOptions ioapic;
    irqchip::x86::LapicOptions lapic;
    irqchip::x86::DestinationFormat destinations = irqchip::x86::DestinationFormat::compatible;
    /// An 8254, which drives GSI 0: the routes lead that to pin 0 of the I/O APIC, as KVM's default table has
    /// it, or to pin 2, as PCs do.
    bool pit = false;
};

/// The controllers of a Platform as saved.
struct PlatformState {
    irqchip::x86::PicState pic{};
    irqchip::x86::IoApicState ioapic{};
    std::optional<irqchip::x86::PitState> pit;
    std::vector<irqchip::x86::LapicState> lapics;
    std::vector<bool> waits_for_sipi;  ///< by CPU: INIT has come, and no start-up IPI since

    friend bool operator==(const PlatformState&, const PlatformState&) = default;
};

/// All interrupt controllers of a PC: the Board, and the local APIC of every CPU. A value: copyable and
/// comparable. Messages, IPIs and EOIs are carried out inside; what only CPUs, clocks and listeners can do
/// comes back as requests, to be done in order.
class Platform {
  public:
    /// What time it is: of the CPU a call is about, and of the PIT in its pulses.
    struct Time {
        irqchip::x86::LapicTime lapic;
        std::uint64_t pit = 0;
    };
    using LocalApic = irqchip::x86::LocalApic;

    /// What a CPU with interrupts enabled takes next.
    struct Interrupt {
        bool ext_int;         ///< the vector comes from the PIC
        std::uint8_t vector;  ///< otherwise
        friend bool operator==(const Interrupt&, const Interrupt&) = default;
    };
    struct Acknowledged {
        std::uint8_t vector;
        PlatformResponse response;
    };
    struct PortRead {
        std::uint32_t value;
        PlatformResponse response;
    };
    /// How many took it: 0 or less if none did. As KVM_IRQ_LINE_STATUS and KVM_SIGNAL_MSI return it.
    struct Sent {
        int status;
        PlatformResponse response;
    };

    explicit Platform(const PlatformOptions& options);

    PlatformResponse set_gsi(Gsi gsi, bool asserted, irqchip::LineSource source = irqchip::LineSource::wire);
    /// The same for those who want to know what became of it.
    Sent set_gsi_status(Gsi gsi, bool asserted);
    /// A device sends a message. Nothing if it is none.
    std::optional<Sent> send(const irqchip::x86::Msi& msi);
    void route(RoutingTable table) { board_.route(std::move(table)); }
    bool listen(Gsi gsi, ListenerId listener) { return board_.listen(gsi, listener); }
    PlatformResponse unlisten(Gsi gsi, ListenerId listener);
    PlatformResponse storm_expired(unsigned pin);
    PlatformResponse lapic_expired(std::size_t cpu, Time now);
    PlatformResponse pit_expired(Time now);

    /// Guest accesses; nothing if there is no controller at the address. `size` is in bytes.
    std::optional<std::uint64_t> mmio_read(std::size_t cpu, std::uint64_t address, unsigned size, Time now);
    std::optional<PlatformResponse> mmio_write(std::size_t cpu, std::uint64_t address, unsigned size,
                                               std::uint64_t value, Time now);
    std::optional<PortRead> port_in(std::uint16_t port, unsigned size, Time now);
    std::optional<PlatformResponse> port_out(std::uint16_t port, unsigned size, std::uint32_t value,
                                             Time now);
    /// Whether a controller is at the address for some CPU, or may come to be there by INIT or RESET.
    [[nodiscard]] bool claims(std::uint64_t address) const;
    [[nodiscard]] bool claims_port(std::uint64_t port) const;
    /// Of an MSR that LocalApic::owns_msr(); nothing for #GP.
    [[nodiscard]] std::optional<std::uint64_t> read_msr(std::size_t cpu, std::uint32_t index, Time now) const;
    std::optional<PlatformResponse> write_msr(std::size_t cpu, std::uint32_t index, std::uint64_t value,
                                              Time now);
    void set_cr8(std::size_t cpu, std::uint8_t priority_class) { lapics_.at(cpu).set_cr8(priority_class); }

    /// An interrupt that goes past the local APIC's priorities, from the PIC, comes first: as in KVM, since
    /// the manual names no order.
    [[nodiscard]] std::optional<Interrupt> interrupt(std::size_t cpu) const;
    /// The CPU takes what interrupt() says; the spurious vector if there is nothing any more.
    Acknowledged acknowledge(std::size_t cpu);
    /// The CPU is reset by INIT.
    PlatformResponse init(std::size_t cpu);

    [[nodiscard]] const Board& board() const { return board_; }
    [[nodiscard]] const LocalApic& lapic(std::size_t cpu) const { return lapics_.at(cpu); }
    [[nodiscard]] const std::optional<irqchip::x86::Pit>& pit() const { return pit_; }
    [[nodiscard]] std::size_t cpus() const { return lapics_.size(); }
    [[nodiscard]] irqchip::x86::DestinationFormat destinations() const { return destinations_; }
    /// `clocks` says what time it is for a CPU.
    using Clocks = std::function<Time(std::size_t cpu)>;
    [[nodiscard]] PlatformState state(const Clocks& clocks) const;
    /// Becomes what was saved, routes and listeners apart. Asks for every timer, and for a look at every CPU.
    /// @throws std::invalid_argument for a state with more or fewer CPUs, or with a PIT where there is none
    PlatformResponse restore(const PlatformState& state, const Clocks& clocks);
    /// Gives a local APIC another state.
    void set_lapic(std::size_t cpu, const LocalApic& lapic);

    friend bool operator==(const Platform&, const Platform&) = default;

  private:
    class Turn;

    Board board_;
    std::optional<irqchip::x86::Pit> pit_;
    std::vector<LocalApic> lapics_;
    irqchip::x86::DestinationFormat destinations_;
    ApicMap apic_map_;
    std::vector<bool> waits_for_sipi_;  ///< by CPU: INIT has come, and no start-up IPI since
};

}  // namespace irqbench::routing::x86
