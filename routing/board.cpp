#include "routing/board.hpp"

#include <fmt/format.h>

#include <utility>

#include "irqchip/overloaded.hpp"
#include "irqchip/x86/lapic.hpp"
#include "routing/x86.hpp"

namespace irqbench::routing::x86 {

using irqchip::Effect;
using irqchip::Effects;
using irqchip::LineSource;
using irqchip::LineStatus;
using irqchip::Overloaded;
using irqchip::x86::IoApic;
using irqchip::x86::Message;
using irqchip::x86::Pic;
using irqchip::x86::RedirectionEntry;

namespace {

/// Number of the request line of the PIC pair a route leads to.
std::optional<unsigned> pic_pin(const PinRoute& route) {
    if (route.pin >= 8) return std::nullopt;
    if (route.chip == pic_master) return route.pin;
    if (route.chip == pic_slave) return route.pin + 8;
    return std::nullopt;
}

std::optional<unsigned> ioapic_pin(const PinRoute& route) {
    if (route.chip != ioapic || route.pin >= IoApic::pin_count) return std::nullopt;
    return route.pin;
}

std::string destination(const Message& message) {
    const bool logical = message.destination_mode == irqchip::x86::DestinationMode::logical;
    return fmt::format("{}{}", logical ? "logical " : "", message.destination);
}

std::string recipients(const Message& message, irqchip::x86::Shorthand shorthand) {
    using irqchip::x86::Shorthand;
    switch (shorthand) {
        case Shorthand::none: break;
        case Shorthand::self: return "itself";
        case Shorthand::all_including_self: return "all";
        case Shorthand::all_excluding_self: return "all others";
    }
    return destination(message);
}

/// What an IPI brings.
std::string kind_of(const Message& message) {
    using irqchip::x86::DeliveryMode;
    switch (message.delivery_mode) {
        case DeliveryMode::smi: return "an SMI";
        case DeliveryMode::nmi: return "an NMI";
        case DeliveryMode::init: return "INIT";
        case irqchip::x86::start_up: return fmt::format("SIPI {:#x}", message.vector);
        default: return fmt::format("vector {:#x}", message.vector);
    }
}

std::string_view chip_name(Chip chip) {
    for (const ChipInfo& info : chips)
        if (info.chip == chip) return info.name;
    return "chip";
}

}  // namespace

/// One call of the board: does what the chips ask for, first come first served, until nothing is left.
class Board::Turn {
  public:
    explicit Turn(Board& board) : board_(board), intr_before_(board.pic_.intr()) {}

    void add(const WireEvent& event) { response_.events.push_back(event); }
    void ask(Request request) { response_.requests.push_back(std::move(request)); }

    void from_pic(const Effects& effects) { pic_effects_.add(effects); }
    void from_ioapic(const Effects& effects) { ioapic_effects_.add(effects); }

    void drive(Gsi gsi, bool asserted, LineSource source) {
        for (const Route& route : board_.table_.routes(gsi)) {
            if (const auto* pin = std::get_if<PinRoute>(&route)) drive_pin(*pin, asserted, source);
            const auto* msi = std::get_if<MsiRoute>(&route);
            if (msi != nullptr && asserted) ask(request::SendMsi{gsi, {msi->address, msi->data}});
        }
    }

    void update_route(unsigned pin, const Message& message) {
        if (board_.routed_[pin] == message) return;
        board_.routed_[pin] = message;
        ask(request::UpdateRoute{pin, message});
    }

    void resample(Gsi gsi, const ResampleActions& actions) {
        for (const ResampleAction& action : actions) {
            std::visit(
                Overloaded{
                    [&](const LowerResampleSource& lower) { drive(lower.gsi, false, LineSource::resample); },
                    [&](const ClearPending& clear) { drop_pending(clear.gsi); },
                    [&](const Notify& notify) {
                        ask(request::NotifyListeners{gsi, notify.listeners});
                    },
                },
                action);
        }
    }

    Response finish() {
        std::size_t pic_done = 0;
        std::size_t ioapic_done = 0;
        while (pic_done < pic_effects_.size() || ioapic_done < ioapic_effects_.size()) {
            if (pic_done < pic_effects_.size())
                handle_pic(Effect{pic_effects_[pic_done++]});
            else
                handle_ioapic(Effect{ioapic_effects_[ioapic_done++]});
        }
        // INTR is looked at once everything rests: what an EOI and the resampler do in between is no edge.
        if (board_.pic_.intr() != intr_before_) {
            add(wire::IntrChanged{!intr_before_});
            ask(request::SetIntr{!intr_before_});
        }
        return std::move(response_);
    }

  private:
    void drive_pin(const PinRoute& route, bool asserted, LineSource source) {
        if (const auto pin = pic_pin(route)) {
            const bool before = board_.pic_.asserted(*pin);
            from_pic(board_.pic_.set_line(*pin, asserted, source));
            if (board_.pic_.asserted(*pin) != before) add(wire::LineChanged{route.chip, route.pin, !before});
        }
        if (const auto pin = ioapic_pin(route)) {
            const bool before = board_.ioapic_.asserted(*pin);
            from_ioapic(board_.ioapic_.set_line(*pin, asserted, source));
            if (board_.ioapic_.asserted(*pin) != before)
                add(wire::LineChanged{route.chip, route.pin, !before});
        }
    }

    void drop_pending(Gsi gsi) {
        for (const Route& route : board_.table_.routes(gsi)) {
            const auto* to_pin = std::get_if<PinRoute>(&route);
            const auto pin = to_pin != nullptr ? ioapic_pin(*to_pin) : std::nullopt;
            if (!pin) continue;
            board_.ioapic_.drop_pending(*pin);
            add(wire::PendingDropped{*pin});
        }
    }

    void handle_pic(const Effect& effect) {
        const auto* eoi = std::get_if<irqchip::EoiOfPin>(&effect);
        if (eoi == nullptr) return;  // INTR is derived in finish()
        add(wire::EoiSeen{eoi->pin < 8 ? pic_master : pic_slave, eoi->pin & 7U});
        if (const auto gsi = board_.pic_gsi_[eoi->pin]) resample(*gsi, board_.resampler_.eoi(*gsi));
        from_pic(board_.pic_.finish_eoi());
    }

    void handle_ioapic(const Effect& effect) {
        std::visit(
            Overloaded{
                [&](const irqchip::Deliver& e) { deliver(e); },
                [&](const irqchip::EoiOfPin& e) { end(e.pin); },
                [&](const irqchip::Unmasked& e) { uncover(e.pin); },
                [&](const irqchip::RouteChanged& e) { update_route(e.pin, board_.ioapic_.message(e.pin)); },
                [&](const irqchip::StormDelay& e) {
                    add(wire::StormDelayed{e.pin});
                    ask(request::ArmStormTimer{e.pin, e.delay});
                },
                // The others are of chips that are not the board's.
                [](const auto&) {},
            },
            effect);
    }

    void deliver(const irqchip::Deliver& effect) {
        add(wire::Delivered{effect.pin, effect.message});
        ask(request::Deliver{effect.pin, effect.message});
    }

    void end(unsigned pin) {
        add(wire::EoiSeen{x86::ioapic, pin});
        if (const auto gsi = board_.ioapic_gsi_[pin]) resample(*gsi, board_.resampler_.eoi(*gsi));
        from_ioapic(board_.ioapic_.finish_eoi(pin));
    }

    void uncover(unsigned pin) {
        const auto gsi = board_.ioapic_gsi_[pin];
        const ResampleActions actions = gsi ? board_.resampler_.unmask(*gsi) : ResampleActions{};
        if (actions.empty())
            from_ioapic(board_.ioapic_.deliver_pending(pin));
        else
            resample(*gsi, actions);
    }

    Board& board_;
    bool intr_before_;
    Effects pic_effects_;
    Effects ioapic_effects_;
    Response response_;
};

Board::Board(irqchip::x86::IoApicOptions options) : ioapic_(options) {}

Response Board::set_gsi(Gsi gsi, bool asserted, LineSource source) {
    Turn turn(*this);
    turn.drive(gsi, asserted, source);
    return turn.finish();
}

Board::Status Board::status_before(Gsi gsi, bool asserted) const {
    Status status;
    for (const Route& route : table_.routes(gsi)) {
        if (std::holds_alternative<MsiRoute>(route)) status.parts_.push_back({asserted ? 1 : -1, {}});
        const auto* to_pin = std::get_if<PinRoute>(&route);
        if (to_pin == nullptr) continue;
        if (const auto pin = pic_pin(*to_pin)) {
            const LineStatus raised = pic_.status_if_raised(*pin);
            const bool counts = asserted || raised == LineStatus::ignored;
            status.parts_.push_back({counts ? static_cast<int>(raised) : 1, {}});
        }
        if (const auto pin = ioapic_pin(*to_pin)) {
            if (asserted)
                status.parts_.push_back({static_cast<int>(ioapic_.status_if_raised(*pin)), pin});
            else
                status.parts_.push_back({1, {}});
        }
    }
    return status;
}

int Board::Status::sum(const Delivered& delivered) const {
    int sum = -1;
    for (const Part& part : parts_) {
        const int status = part.pin ? delivered[*part.pin].value_or(part.status) : part.status;
        if (status >= 0) sum = status + (sum < 0 ? 0 : sum);
    }
    return sum;
}

Board::Acknowledged Board::acknowledge() {
    Turn turn(*this);
    const auto acknowledged = pic_.acknowledge();
    turn.add(wire::PicAcknowledged{acknowledged.vector});
    turn.from_pic(acknowledged.effects);
    return {acknowledged.vector, turn.finish()};
}

Response Board::eoi(std::uint8_t vector) {
    Turn turn(*this);
    turn.from_ioapic(ioapic_.eoi(vector));
    return turn.finish();
}

Response Board::storm_expired(unsigned pin) {
    Turn turn(*this);
    turn.from_ioapic(ioapic_.deliver_pending(pin));
    return turn.finish();
}

std::optional<std::uint64_t> Board::mmio_read(std::uint64_t address, unsigned size) const {
    if (address < ioapic_address || address - ioapic_address >= IoApic::window_size) return std::nullopt;
    return ioapic_.read(static_cast<std::uint32_t>(address - ioapic_address), size);
}

std::optional<Response> Board::mmio_write(std::uint64_t address, unsigned size, std::uint64_t value) {
    if (address < ioapic_address || address - ioapic_address >= IoApic::window_size) return std::nullopt;
    const auto offset = static_cast<std::uint32_t>(address - ioapic_address);
    Turn turn(*this);
    turn.from_ioapic(ioapic_.write(offset, size, value));
    if (const auto pin = ioapic_.selected_pin(); pin && offset == irqchip::x86::window::iowin) {
        const auto entry = ioapic_.entry(*pin).with(RedirectionEntry::delivery_status, false);
        turn.add(wire::RegisterWritten{x86::ioapic, RedirectionEntry::name, *pin, entry.raw()});
    }
    return turn.finish();
}

std::optional<Board::PortRead> Board::port_in(std::uint16_t port, unsigned size) {
    if (!Pic::owns_port(port)) return std::nullopt;
    Turn turn(*this);
    std::uint32_t value = 0;
    for (unsigned byte = 0; byte < size; ++byte) {
        const auto at = static_cast<std::uint16_t>(port + byte);
        std::uint32_t read = 0xFF;
        if (Pic::owns_port(at)) {
            const auto result = pic_.read(at);
            turn.from_pic(result.effects);
            read = result.value;
        }
        value |= read << (8 * byte);
    }
    return PortRead{value, turn.finish()};
}

std::optional<Response> Board::port_out(std::uint16_t port, unsigned size, std::uint32_t value) {
    if (!Pic::owns_port(port)) return std::nullopt;
    Turn turn(*this);
    for (unsigned byte = 0; byte < size; ++byte) {
        const auto at = static_cast<std::uint16_t>(port + byte);
        if (!Pic::owns_port(at)) continue;
        const auto written = static_cast<std::uint8_t>(value >> (8 * byte));
        turn.add(wire::RegisterWritten{Pic::on_slave(at) ? pic_slave : pic_master,
                                       pic_.register_at(at, written), 0, written});
        turn.from_pic(pic_.write(at, written));
    }
    return turn.finish();
}

void Board::route(RoutingTable table) {
    table_ = std::move(table);
    pic_gsi_ = {};
    ioapic_gsi_ = {};
    for (const auto& [gsi, routes] : table_.by_gsi()) {
        for (const Route& route : routes) {
            const auto* to_pin = std::get_if<PinRoute>(&route);
            if (to_pin == nullptr) continue;
            if (const auto pin = pic_pin(*to_pin)) pic_gsi_[*pin] = gsi;
            if (const auto pin = ioapic_pin(*to_pin)) ioapic_gsi_[*pin] = gsi;
        }
    }
}

std::optional<Gsi> Board::gsi_of(const PinRoute& pin) const {
    if (const auto input = pic_pin(pin)) return pic_gsi_[*input];
    if (const auto input = ioapic_pin(pin)) return ioapic_gsi_[*input];
    return std::nullopt;
}

Response Board::unlisten(Gsi gsi, ListenerId listener) {
    Turn turn(*this);
    turn.resample(gsi, resampler_.remove(gsi, listener));
    return turn.finish();
}

Response Board::restore(const Pic& pic, const IoApic& ioapic_state) {
    Turn turn(*this);
    pic_ = pic;
    ioapic_ = ioapic_state;
    for (unsigned pin = 0; pin < ioapic_pins; ++pin) {
        const auto entry = ioapic_.entry(pin);
        // A masked pin in service still needs its route, or its EOI never comes back.
        if (!entry.get(entry.masked) || entry.get(entry.remote_irr))
            turn.update_route(pin, ioapic_.message(pin));
    }
    for (unsigned pin = 0; pin < ioapic_pins; ++pin) turn.from_ioapic(ioapic_.deliver_pending(pin));
    return turn.finish();
}

std::string text(const WireEvent& event) {
    return std::visit(
        Overloaded{
            [](const wire::LineChanged& e) {
                return fmt::format("{} pin {} {}", chip_name(e.chip), e.pin, e.asserted ? "up" : "down");
            },
            [](const wire::RegisterWritten& e) {
                return e.chip == ioapic ? fmt::format("{}[{}] = {:#x}", e.name, e.index, e.value)
                                        : fmt::format("{} {} = {:#x}", chip_name(e.chip), e.name, e.value);
            },
            [](const wire::Delivered& e) {
                return fmt::format("ioapic pin {} sends vector {:#x} to {}", e.pin, e.message.vector,
                                   destination(e.message));
            },
            [](const wire::EoiSeen& e) { return fmt::format("{} pin {} ended", chip_name(e.chip), e.pin); },
            [](const wire::PendingDropped& e) {
                return fmt::format("ioapic pin {} pending dropped, resampled", e.pin);
            },
            [](const wire::StormDelayed& e) { return fmt::format("ioapic pin {} storms, delayed", e.pin); },
            [](const wire::PicAcknowledged& e) {
                return fmt::format("pic acknowledged, vector {:#x}", e.vector);
            },
            [](const wire::IntrChanged& e) { return fmt::format("INTR {}", e.level ? "up" : "down"); },
            [](const wire::IpiSent& e) {
                return fmt::format("lapic {} sends {} to {}", e.cpu, kind_of(e.message),
                                   recipients(e.message, e.shorthand));
            },
        },
        event);
}

std::optional<PinRoute> pin_of(const WireEvent& event) {
    return std::visit(
        Overloaded{
            [](const wire::LineChanged& e) {
                return std::optional(PinRoute{e.chip, e.pin});
            },
            [](const wire::EoiSeen& e) {
                return std::optional(PinRoute{e.chip, e.pin});
            },
            [](const wire::RegisterWritten& e) {
                return e.chip == ioapic ? std::optional(PinRoute{e.chip, e.index}) : std::nullopt;
            },
            [](const wire::Delivered& e) {
                return std::optional(PinRoute{ioapic, e.pin});
            },
            [](const wire::PendingDropped& e) {
                return std::optional(PinRoute{ioapic, e.pin});
            },
            [](const wire::StormDelayed& e) {
                return std::optional(PinRoute{ioapic, e.pin});
            },
            [](const wire::PicAcknowledged&) { return std::optional<PinRoute>(); },
            [](const wire::IntrChanged&) { return std::optional<PinRoute>(); },
            [](const wire::IpiSent&) { return std::optional<PinRoute>(); },
        },
        event);
}

}  // namespace irqbench::routing::x86
