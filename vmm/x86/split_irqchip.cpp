#include "vmm/x86/split_irqchip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "irqchip/x86/ioapic_registers.hpp"
#include "routing/x86.hpp"
#include "vmm/model/irqfds.hpp"
#include "vmm/named.hpp"
#include "vmm/x86/traits.hpp"

namespace irqbench::vmm::x86 {

using irqchip::LineSource;
namespace request = routing::x86::request;

namespace {

irqchip::x86::IoApicOptions ioapic_options(const MachineConfig& config) {
    return {config.ioapic_version == 0x20 ? irqchip::x86::IoApicModel::v20 : irqchip::x86::IoApicModel::v11,
            false};
}

bool leads_to_pin(const routing::RoutingTable& table, std::uint32_t gsi) {
    const auto routes = table.routes(gsi);
    return std::any_of(routes.begin(), routes.end(), [](const routing::Route& route) {
        return std::holds_alternative<routing::PinRoute>(route);
    });
}

/// Whether an irqfd of this GSI must not be the kernel's: it leads to a pin, or to nothing although the
/// kernel has a pin's message under its number.
bool served_here(const routing::RoutingTable& table, std::uint32_t gsi) {
    return leads_to_pin(table, gsi) || (gsi < irqchip::x86::IoApic::pin_count && table.routes(gsi).empty());
}

}  // namespace

SplitIrqchip::SplitIrqchip(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                           Recorder& recorder)
    : KernelLapicPlacement(system, vm, config, recorder),
      board_(ioapic_options(config)),
      eoi_at_delivery_(config.run == RunMode::free && has_trait(lapic_eoi_at_delivery)) {}

void SplitIrqchip::create_controllers() {
    // KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, younger than some <linux/kvm.h>; refused without a split
    // irqchip.
    constexpr std::uint64_t enable_suppress_eoi_broadcast = 1U << 2;
    vm_.enable_cap(KVM_CAP_SPLIT_IRQCHIP, {pins});
    if (config_.eoi_suppression) vm_.enable_cap(KVM_CAP_X2APIC_API, {enable_suppress_eoi_broadcast});
    table_ = routing::x86::default_table();
    board_.route(table_);
}

void SplitIrqchip::finish() {
    constexpr std::uint16_t master_data = 0x21;
    constexpr std::uint16_t slave_data = 0xa1;
    const std::lock_guard lock(mutex_);
    for (const std::uint16_t port : {master_data, slave_data})
        if (const auto response = board_.port_out(port, 1, 0xff)) act(*response);
}

std::vector<StateAccess> SplitIrqchip::state() {
    std::vector<StateAccess> parts = vcpu_state();
    // Who holds a line is known to the board.
    parts.push_back(state_access<Controllers>(
        "controllers",
        [this] {
            return Controllers{board_, storm_timers_, owed_exits_, next_listener_};
        },
        [this](const Controllers& saved) {
            board_ = saved.board;
            storm_timers_ = saved.storm_timers;
            owed_exits_ = saved.owed_exits;
            next_listener_ = saved.next_listener;
        }));
    parts.push_back(state_access<Routing>(
        "routing",
        [this] {
            return Routing{table_, pin_messages_};
        },
        [this](const Routing& saved) {
            table_ = saved.table;
            pin_messages_ = saved.pin_messages;
            kvm::require(set_routing(kernel_table(table_)), "KVM_SET_GSI_ROUTING");
        }));
    // The kernel holds no line of a pin here.
    parts.push_back(irqfds_.state());
    return parts;
}

/// What the kernel gets for `table`: its messages as they are, and for each pin whose number they leave the
/// message it sends.
routing::RoutingTable SplitIrqchip::kernel_table(const routing::RoutingTable& table) const {
    routing::RoutingTable result;
    for (const routing::Entry& entry : table.entries())
        if (!std::holds_alternative<routing::PinRoute>(entry.route)) result.add(entry.gsi, entry.route);
    for (unsigned pin = 0; pin < pins; ++pin) {
        if (!result.routes(pin).empty() || !pin_messages_[pin]) continue;
        if (const auto msi = encode(*pin_messages_[pin], destinations()))
            result.set(pin, {routing::MsiRoute{msi->address, msi->data}});
    }
    return result;
}

Outcome SplitIrqchip::route(const routing::RoutingTable& table) {
    const std::lock_guard lock(mutex_);
    if (const auto refusal = validate(table, routing::x86::kernel_rules(config_.x2apic_ids)))
        return {0, refusal->error};
    if (routing::x86::message_in_the_way(table, board_.ioapic().state().entries)) return {0, EINVAL};
    using Server = KernelIrqfds::Server;
    const auto moving = rehomed(table);
    const auto alone = moving.empty() ? std::unique_lock<FairSharedMutex>() : std::unique_lock(homes_);
    // What was signalled goes by the former routes: the kernel injects what it has when the irqfd leaves.
    for (const KernelIrqfds::Binding& irqfd : moving) {
        if (irqfd.server == Server::kernel)
            irqfds_.move(irqfd.spec.name, Server::machine);
        else
            read_eventfd(irqfd.spec.name);
    }
    const Outcome outcome = set_routing(kernel_table(table));
    if (outcome.ok()) {
        table_ = table;
        board_.route(table);
    }
    const Server leaves = outcome.ok() ? Server::machine : Server::kernel;
    for (const KernelIrqfds::Binding& irqfd : moving)
        if (irqfd.server == leaves) irqfds_.move(irqfd.spec.name, Server::kernel);
    return outcome;
}

Outcome SplitIrqchip::set_line(std::uint32_t gsi, bool level, bool want_status) {
    std::unique_lock lock(mutex_);
    if (!leads_to_pin(table_, gsi)) {
        if (gsi < pins && table_.routes(gsi).empty()) return {want_status ? -1 : 0, 0};
        lock.unlock();
        return want_status ? vm_.try_irq_line_status(gsi, level) : vm_.try_irq_line(gsi, level);
    }
    if (!want_status) {
        act(board_.set_gsi(gsi, level));
        return {};
    }
    // Whether a pin counts is only known when a LAPIC has taken its message or not.
    const Board::Status status = board_.status_before(gsi, level);
    delivered_ = {};
    act(board_.set_gsi(gsi, level));
    return {status.sum(delivered_), 0};
}

void SplitIrqchip::act(const routing::x86::Response& response) {
    for (const routing::x86::WireEvent& event : response.events) {
        std::optional<std::uint32_t> gsi;
        if (const auto pin = routing::x86::pin_of(event)) gsi = table_.gsi_of(pin->chip, pin->pin);
        recorder_.add(Lane::wire, event::Wire{gsi, routing::x86::text(event)});
    }
    for (const routing::x86::Request& todo : response.requests) {
        if (const auto* deliver_pin = std::get_if<request::Deliver>(&todo)) {
            deliver(deliver_pin->pin);
        } else if (const auto* update = std::get_if<request::UpdateRoute>(&todo)) {
            pin_messages_[update->pin] = update->message;
            kvm::require(set_routing(kernel_table(table_)), "KVM_SET_GSI_ROUTING");
        } else if (const auto* send = std::get_if<request::SendMsi>(&todo)) {
            kvm::require(msi({send->msi.address, send->msi.data, std::nullopt}), "KVM_SIGNAL_MSI");
        } else if (const auto* notify = std::get_if<request::NotifyListeners>(&todo)) {
            irqfds_.kick(notify->listeners);
        } else if (const auto* storm = std::get_if<request::ArmStormTimer>(&todo)) {
            storm_timers_[storm->pin] = Clock::now() + storm->delay;
        } else if (const auto* intr = std::get_if<request::SetIntr>(&todo); intr != nullptr && intr->level) {
            if (!slots_.empty()) wake(*slots_.front());
        }
    }
}

void SplitIrqchip::deliver(unsigned pin) {
    int status = 0;
    if (table_.routes(pin).empty() || leads_to_pin(table_, pin)) {
        status = vm_.irq_line_status(pin, true);
    } else {
        // The GSI of this number carries a message of the scenario's own.
        if (const auto encoded = encode(board_.ioapic().message(pin), destinations()))
            status = msi({encoded->address, encoded->data, std::nullopt}).value;
    }
    delivered_[pin] = status;
    if (status <= 0) board_.refused(pin);
}

void SplitIrqchip::taken(VcpuSlot& slot, std::uint32_t vector) {
    if (!eoi_at_delivery_) return;
    const std::lock_guard lock(mutex_);
    for (unsigned pin = 0; pin < pins; ++pin) {
        const auto entry = board_.ioapic().entry(pin);
        if (entry.get(entry.remote_irr) && entry.get(entry.vector) == vector)
            owed_exits_[slot.index].insert(vector);
    }
}

std::optional<std::uint32_t> SplitIrqchip::take_owed_exit(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    auto& owed = owed_exits_[slot.index];
    if (owed.empty()) return std::nullopt;
    return owed.extract(owed.begin()).value();
}

void SplitIrqchip::run_timers() {
    const std::lock_guard lock(mutex_);
    for (unsigned pin = 0; pin < pins; ++pin) {
        if (!storm_timers_[pin] || Clock::now() < *storm_timers_[pin]) continue;
        storm_timers_[pin].reset();
        act(board_.storm_expired(pin));
    }
}

std::string SplitIrqchip::timer_armed() {
    const std::lock_guard lock(mutex_);
    const auto would_send = [&chip = board_.ioapic()](unsigned pin) {
        const auto entry = chip.entry(pin);
        return chip.pending(pin) && !entry.get(entry.masked);
    };
    for (unsigned pin = 0; pin < pins; ++pin)
        if (storm_timers_[pin] && would_send(pin))
            return fmt::format("IOAPIC pin {} is held back after a storm", pin);
    return {};
}

bool SplitIrqchip::before_run(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    if (slot.index != 0) return true;
    if (board_.intr() && slot.vcpu.ready_for_interrupt_injection()) {
        const auto acknowledged = board_.acknowledge();
        slot.vcpu.interrupt(acknowledged.vector);
        act(acknowledged.response);
    }
    slot.vcpu.set_request_interrupt_window(board_.intr());
    return true;
}

bool SplitIrqchip::has_interrupt_for(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    return slot.index == 0 && board_.intr() && slot.vcpu.ready_for_interrupt_injection();
}

bool SplitIrqchip::handle(VcpuSlot& slot, const kvm::Exit& exit) {
    const std::lock_guard lock(mutex_);
    if (const auto* eoi = std::get_if<kvm::IoapicEoiExit>(&exit)) {
        owed_exits_[slot.index].erase(eoi->vector);
        recorder_.add(Lane::wire, event::EoiExit{eoi->vector}, slot.index);
        act(board_.eoi(eoi->vector));
        return true;
    }
    if (std::holds_alternative<kvm::IrqWindowOpenExit>(exit)) return true;
    if (const auto* io = std::get_if<kvm::IoExit>(&exit); io != nullptr && handle_io(*io)) return true;
    if (const auto* mmio = std::get_if<kvm::MmioExit>(&exit); mmio != nullptr && handle_mmio(*mmio))
        return true;
    return KernelLapicPlacement::handle(slot, exit);
}

bool SplitIrqchip::handle_io(const kvm::IoExit& io) {
    for (std::uint32_t i = 0; i < io.count; ++i) {
        const auto data = io.data.subspan(std::size_t{i} * io.size, io.size);
        if (io.direction == kvm::IoExit::Direction::out) {
            const auto response =
                board_.port_out(io.port, io.size, static_cast<std::uint32_t>(kvm::value_of(data)));
            if (!response) return false;
            act(*response);
        } else {
            const auto read = board_.port_in(io.port, io.size);
            if (!read) return false;
            kvm::answer(data, read->value);
            act(read->response);
        }
    }
    return true;
}

bool SplitIrqchip::handle_mmio(const kvm::MmioExit& mmio) {
    const auto size = static_cast<unsigned>(mmio.data.size());
    if (mmio.write) {
        const auto response = board_.mmio_write(mmio.address, size, kvm::value_of(mmio.data));
        if (response) act(*response);
        return response.has_value();
    }
    const auto value = board_.mmio_read(mmio.address, size);
    if (value) kvm::answer(mmio.data, *value);
    return value.has_value();
}

Outcome SplitIrqchip::assign_irqfd(const IrqfdSpec& spec) {
    const std::lock_guard lock(mutex_);
    return add_irqfd(spec);
}

Outcome SplitIrqchip::add_irqfd(const IrqfdSpec& spec) {
    const bool here = !spec.via_kernel && !spec.other_vm && served_here(table_, spec.gsi);
    return here ? serve_irqfd(spec) : irqfds_.assign(spec);
}

Outcome SplitIrqchip::serve_irqfd(const IrqfdSpec& spec) {
    const auto listener = spec.resample ? std::optional(next_listener_++) : std::nullopt;
    const Outcome outcome = irqfds_.serve(spec, listener);
    if (!outcome.ok()) return outcome;
    if (listener) listen(spec.gsi, *listener);
    read_eventfd(spec.name);
    return outcome;
}

Outcome SplitIrqchip::deassign_irqfd(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto [outcome, ended] = irqfds_.deassign(name);
    if (ended && ended->listener) unlisten(ended->spec.gsi, *ended->listener);
    return outcome;
}

/// A new table may lead an irqfd's GSI to a pin, or away from one. The kernel has no resamplefds beside
/// controllers of ours.
std::vector<KernelIrqfds::Binding> SplitIrqchip::rehomed(const routing::RoutingTable& table) const {
    std::vector<KernelIrqfds::Binding> moving = irqfds_.assigned();
    std::erase_if(moving, [&table](const KernelIrqfds::Binding& irqfd) {
        const IrqfdSpec& spec = irqfd.spec;
        if (spec.via_kernel || spec.other_vm || spec.resample) return true;
        return served_here(table, spec.gsi) == (irqfd.server == KernelIrqfds::Server::machine);
    });
    return moving;
}

void SplitIrqchip::signal(std::string_view name, std::uint64_t count) {
    {
        const std::shared_lock written(homes_);
        irqfds_.signal(name, count);
        if (!irqfds_.is_for_machine(name)) return;
    }
    // Who moved it since has read it.
    const std::lock_guard lock(mutex_);
    read_eventfd(name);
}

void SplitIrqchip::read_eventfd(std::string_view name) {
    if (const auto irqfd = irqfds_.take_event(name)) model::trigger(*this, *irqfd);
}

void SplitIrqchip::drive(std::uint32_t gsi, bool level, LineSource source) {
    act(board_.set_gsi(gsi, level, source));
}

void SplitIrqchip::listen(std::uint32_t gsi, routing::ListenerId listener) {
    static_cast<void>(board_.listen(gsi, listener));
}

void SplitIrqchip::unlisten(std::uint32_t gsi, routing::ListenerId listener) {
    act(board_.unlisten(gsi, listener));
}

std::vector<NamedValue> SplitIrqchip::inspect(std::string_view controller, std::uint32_t index) {
    std::vector<irqchip::NamedValue> fields;
    const std::lock_guard lock(mutex_);
    if (controller == "ioapic" && index < pins) {
        fields = board_.ioapic().fields(index);
    } else if (controller == "pic" && index < 2) {
        fields = index == 0 ? board_.pic().master().fields() : board_.pic().slave().fields();
    } else {
        return KernelLapicPlacement::inspect(controller, index);
    }
    return named(fields);
}

}  // namespace irqbench::vmm::x86
