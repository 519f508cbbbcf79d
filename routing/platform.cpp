#include "routing/platform.hpp"

#include <stdexcept>
#include <utility>

#include "irqchip/overloaded.hpp"
#include "irqchip/x86/lapic_bus.hpp"

namespace irqbench::routing::x86 {

using irqchip::Effects;
using irqchip::Overloaded;
using irqchip::x86::Message;

/// One call of the platform: does what the chips ask for until nothing is left.
class Platform::Turn {
  public:
    explicit Turn(Platform& platform) : platform_(platform) {}

    void from_board(Response response) {
        response_.events.insert(response_.events.end(), response.events.begin(), response.events.end());
        for (Request& request : response.requests) {
            std::visit(Overloaded{
                           [&](request::Deliver& deliver) {
                               const int status = send(deliver.message);
                               delivered_[deliver.pin] = status;
                               if (status <= 0) platform_.board_.refused(deliver.pin);
                           },
                           [&](request::SendMsi& msi) {
                               if (const auto message = decode(msi.msi, platform_.destinations_))
                                   send(*message);
                           },
                           // Messages are asked for when they are sent.
                           [](request::UpdateRoute&) {},
                           [&](request::SetIntr& intr) {
                               from_lapic(0, platform_.lapics_.front().set_lint(0, intr.level));
                               ask(request::LookAtCpu{0});
                           },
                           [&](request::NotifyListeners& notify) { ask(std::move(notify)); },
                           [&](const request::ArmStormTimer& storm) { ask(storm); },
                       },
                       request);
        }
    }

    void from_lapic(std::size_t cpu, const Effects& effects) {
        for (const irqchip::Effect& effect : effects) {
            if (const auto* eoi = std::get_if<irqchip::EoiBroadcast>(&effect)) {
                from_board(platform_.board_.eoi(eoi->vector));
            } else if (const auto* ipi = std::get_if<irqchip::SendIpi>(&effect)) {
                send_ipi(cpu, *ipi);
            } else if (const auto* to_cpu = std::get_if<irqchip::SignalCpu>(&effect)) {
                signal(cpu, *to_cpu);
            } else if (const auto* timer = std::get_if<irqchip::ArmTimer>(&effect)) {
                ask(request::ArmLapicTimer{cpu, *timer});
            } else if (std::holds_alternative<irqchip::DisarmTimer>(effect)) {
                ask(request::DisarmLapicTimer{cpu});
            }
        }
    }

    void from_pit(const Effects& effects) {
        for (const irqchip::Effect& effect : effects) {
            if (const auto* output = std::get_if<irqchip::OutputChanged>(&effect)) {
                constexpr Gsi pit_gsi = 0;
                from_board(platform_.board_.set_gsi(pit_gsi, output->level, irqchip::LineSource::timer));
            } else if (const auto* timer = std::get_if<irqchip::ArmTimer>(&effect)) {
                ask(request::ArmPitTimer{timer->deadline});
            } else if (std::holds_alternative<irqchip::DisarmTimer>(effect)) {
                ask(request::DisarmPitTimer{});
            }
        }
    }

    /// Does something to a local APIC that may change anything about it.
    template <class Change>
    void change(std::size_t cpu, Change make_change) {
        const Effects effects = make_change();
        platform_.apic_map_.set(cpu, platform_.lapics_[cpu]);
        from_lapic(cpu, effects);
        ask(request::LookAtCpu{cpu});
    }

    void init(std::size_t cpu) {
        change(cpu, [&] { return platform_.lapics_[cpu].init(); });
        // 9.4.1: the bootstrap processor goes to the reset vector, the others wait.
        platform_.waits_for_sipi_[cpu] = !platform_.lapics_[cpu].bootstrap();
    }

    /// A message of a device. @returns how many took it
    int send(const Message& message) { return distribute(widened(message, platform_.destinations_)); }

    PlatformResponse finish() { return std::move(response_); }
    [[nodiscard]] const Board::Delivered& delivered() const { return delivered_; }
    void add(const WireEvent& event) { response_.events.push_back(event); }

  private:
    int distribute(const Message& message) {
        int taken = 0;
        const auto take = [&](std::size_t cpu) { taken += deliver(cpu, message) ? 1 : 0; };
        if (ApicMap::is_broadcast(message)) {
            for_each_recipient(platform_.lapics_, message, take);
            return taken;
        }
        const auto candidates = platform_.apic_map_.candidates(message);
        const auto for_each = [&](auto use) {
            for (const std::size_t cpu : candidates)
                if (platform_.lapics_[cpu].accepts(message.destination, message.destination_mode)) use(cpu);
        };
        irqchip::x86::distribute(platform_.lapics_, message, for_each, take);
        return taken;
    }

    void signal(std::size_t cpu, const irqchip::SignalCpu& what) {
        if (what.signal == irqchip::CpuSignal::init) init(cpu);
        if (what.signal == irqchip::CpuSignal::start_up) {
            if (!platform_.waits_for_sipi_[cpu]) return;
            platform_.waits_for_sipi_[cpu] = false;
        }
        ask(request::SignalCpu{cpu, what.signal, what.vector});
    }

    void ask(PlatformRequest request) { response_.requests.push_back(std::move(request)); }

    bool deliver(std::size_t cpu, const Message& message) {
        const auto received = platform_.lapics_[cpu].deliver(message);
        from_lapic(cpu, received.effects);
        ask(request::LookAtCpu{cpu});
        return received.accepted;
    }

    void send_ipi(std::size_t sender, const irqchip::SendIpi& ipi) {
        add(wire::IpiSent{sender, ipi.message, ipi.shorthand});
        if (ipi.shorthand == irqchip::x86::Shorthand::none) {
            distribute(ipi.message);
            return;
        }
        for_each_recipient(platform_.lapics_, sender, ipi,
                           [&](std::size_t cpu) { deliver(cpu, ipi.message); });
    }

    Platform& platform_;
    PlatformResponse response_;
    Board::Delivered delivered_{};
};

Platform::Platform(const PlatformOptions& options)
    : board_(options.ioapic),
      destinations_(options.destinations),
      waits_for_sipi_(options.apic_ids.size(), false) {
    if (options.pit) pit_.emplace();
    lapics_.reserve(options.apic_ids.size());
    for (const std::uint32_t id : options.apic_ids) lapics_.emplace_back(id, lapics_.empty(), options.lapic);
    for (std::size_t cpu = 0; cpu < lapics_.size(); ++cpu) apic_map_.set(cpu, lapics_[cpu]);
}

PlatformResponse Platform::set_gsi(Gsi gsi, bool asserted, irqchip::LineSource source) {
    Turn turn(*this);
    turn.from_board(board_.set_gsi(gsi, asserted, source));
    return turn.finish();
}

Platform::Sent Platform::set_gsi_status(Gsi gsi, bool asserted) {
    const Board::Status status = board_.status_before(gsi, asserted);
    Turn turn(*this);
    turn.from_board(board_.set_gsi(gsi, asserted));
    return {status.sum(turn.delivered()), turn.finish()};
}

std::optional<Platform::Sent> Platform::send(const irqchip::x86::Msi& msi) {
    const auto message = decode(msi, destinations_);
    if (!message) return std::nullopt;
    Turn turn(*this);
    const int status = turn.send(*message);
    return Sent{status, turn.finish()};
}

PlatformResponse Platform::unlisten(Gsi gsi, ListenerId listener) {
    Turn turn(*this);
    turn.from_board(board_.unlisten(gsi, listener));
    return turn.finish();
}

PlatformResponse Platform::storm_expired(unsigned pin) {
    Turn turn(*this);
    turn.from_board(board_.storm_expired(pin));
    return turn.finish();
}

PlatformResponse Platform::lapic_expired(std::size_t cpu, Time now) {
    Turn turn(*this);
    turn.change(cpu, [&] { return lapics_.at(cpu).expired(now.lapic); });
    return turn.finish();
}

PlatformResponse Platform::pit_expired(Time now) {
    Turn turn(*this);
    if (pit_) turn.from_pit(pit_->expired(now.pit));
    return turn.finish();
}

std::optional<std::uint64_t> Platform::mmio_read(std::size_t cpu, std::uint64_t address, unsigned size,
                                                 Time now) {
    LocalApic& lapic = lapics_.at(cpu);
    if (const auto base = lapic.mmio_base(); base && address - *base < LocalApic::page_size)
        return lapic.read(static_cast<std::uint32_t>(address - *base), size, now.lapic);
    return board_.mmio_read(address, size);
}

std::optional<PlatformResponse> Platform::mmio_write(std::size_t cpu, std::uint64_t address, unsigned size,
                                                     std::uint64_t value, Time now) {
    Turn turn(*this);
    LocalApic& lapic = lapics_.at(cpu);
    if (const auto base = lapic.mmio_base(); base && address - *base < LocalApic::page_size) {
        turn.change(cpu, [&] {
            return lapic.write(static_cast<std::uint32_t>(address - *base), size, value, now.lapic);
        });
        return turn.finish();
    }
    auto response = board_.mmio_write(address, size, value);
    if (!response) return std::nullopt;
    turn.from_board(std::move(*response));
    return turn.finish();
}

std::optional<Platform::PortRead> Platform::port_in(std::uint16_t port, unsigned size, Time now) {
    Turn turn(*this);
    if (pit_ && irqchip::x86::Pit::owns_port(port)) {
        std::uint32_t value = 0;
        for (unsigned byte = 0; byte < size; ++byte) {
            const auto at = static_cast<std::uint16_t>(port + byte);
            std::uint32_t read = 0xFF;
            if (irqchip::x86::Pit::owns_port(at)) {
                const auto result = pit_->read(at, now.pit);
                turn.from_pit(result.effects);
                read = result.value;
            }
            value |= read << (8 * byte);
        }
        return PortRead{value, turn.finish()};
    }
    auto read = board_.port_in(port, size);
    if (!read) return std::nullopt;
    turn.from_board(std::move(read->response));
    return PortRead{read->value, turn.finish()};
}

std::optional<PlatformResponse> Platform::port_out(std::uint16_t port, unsigned size, std::uint32_t value,
                                                   Time now) {
    Turn turn(*this);
    if (pit_ && irqchip::x86::Pit::owns_port(port)) {
        for (unsigned byte = 0; byte < size; ++byte) {
            const auto at = static_cast<std::uint16_t>(port + byte);
            if (irqchip::x86::Pit::owns_port(at))
                turn.from_pit(pit_->write(at, static_cast<std::uint8_t>(value >> (8 * byte)), now.pit));
        }
        return turn.finish();
    }
    auto response = board_.port_out(port, size, value);
    if (!response) return std::nullopt;
    turn.from_board(std::move(*response));
    return turn.finish();
}

bool Platform::claims(std::uint64_t address) const {
    if (address - Board::ioapic_address < irqchip::x86::IoApic::window_size) return true;
    const auto has_page_at = [&](std::uint64_t page) { return address - page < LocalApic::page_size; };
    if (has_page_at(LocalApic::usual_page)) return true;
    for (const LocalApic& lapic : lapics_)
        if (const auto base = lapic.mmio_base(); base && has_page_at(*base)) return true;
    return false;
}

bool Platform::claims_port(std::uint64_t port) const {
    if (port > 0xFFFF) return false;
    const auto number = static_cast<std::uint16_t>(port);
    return irqchip::x86::Pic::owns_port(number) || (pit_ && irqchip::x86::Pit::owns_port(number));
}

std::optional<std::uint64_t> Platform::read_msr(std::size_t cpu, std::uint32_t index, Time now) const {
    return lapics_.at(cpu).read_msr(index, now.lapic);
}

std::optional<PlatformResponse> Platform::write_msr(std::size_t cpu, std::uint32_t index, std::uint64_t value,
                                                    Time now) {
    Turn turn(*this);
    bool faults = false;
    turn.change(cpu, [&] {
        auto effects = lapics_.at(cpu).write_msr(index, value, now.lapic);
        faults = !effects;
        return faults ? Effects() : std::move(*effects);
    });
    if (faults) return std::nullopt;
    return turn.finish();
}

void Platform::set_lapic(std::size_t cpu, const LocalApic& lapic) {
    lapics_.at(cpu) = lapic;
    apic_map_.set(cpu, lapics_[cpu]);
}

std::optional<Platform::Interrupt> Platform::interrupt(std::size_t cpu) const {
    const LocalApic& lapic = lapics_.at(cpu);
    // An ExtINT that nobody answers is the spurious interrupt of the PIC.
    if (lapic.ext_int()) return Interrupt{true, 0};
    if (const auto vector = lapic.pending()) return Interrupt{false, *vector};
    return std::nullopt;
}

Platform::Acknowledged Platform::acknowledge(std::size_t cpu) {
    LocalApic& lapic = lapics_.at(cpu);
    if (!lapic.ext_int()) return {lapic.acknowledge(), {}};
    lapic.acknowledge_ext_int();
    auto acknowledged = board_.acknowledge();
    Turn turn(*this);
    turn.from_board(std::move(acknowledged.response));
    return {acknowledged.vector, turn.finish()};
}

PlatformState Platform::state(const Clocks& clocks) const {
    PlatformState state;
    state.pic = board_.pic().state();
    state.ioapic = board_.ioapic().state();
    if (pit_) state.pit = pit_->state(clocks(0).pit);
    for (std::size_t cpu = 0; cpu < lapics_.size(); ++cpu)
        state.lapics.push_back(lapics_[cpu].state(clocks(cpu).lapic));
    state.waits_for_sipi = waits_for_sipi_;
    return state;
}

PlatformResponse Platform::restore(const PlatformState& state, const Clocks& clocks) {
    if (state.lapics.size() != lapics_.size() || state.waits_for_sipi.size() != lapics_.size())
        throw std::invalid_argument("the saved state has another number of CPUs");
    if (state.pit && !pit_) throw std::invalid_argument("the saved state has a PIT, and this machine none");
    const irqchip::x86::Pic pic(state.pic);
    Turn turn(*this);
    waits_for_sipi_ = state.waits_for_sipi;
    for (std::size_t cpu = 0; cpu < lapics_.size(); ++cpu)
        turn.change(cpu, [&] {
            // The PIC's INTR is wired to the first one.
            return lapics_[cpu].restore(state.lapics[cpu], cpu == 0 && pic.intr(), clocks(cpu).lapic);
        });
    turn.from_board(board_.restore(pic, irqchip::x86::IoApic(board_.ioapic().options(), state.ioapic)));
    if (state.pit) turn.from_pit(pit_->restore(*state.pit, clocks(0).pit));
    return turn.finish();
}

PlatformResponse Platform::init(std::size_t cpu) {
    Turn turn(*this);
    turn.init(cpu);
    return turn.finish();
}

}  // namespace irqbench::routing::x86
