#include "vmm/kvm_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <thread>
#include <utility>

#include "vmm/architecture.hpp"
#include "vmm/watchdog.hpp"

namespace irqbench::vmm {

KvmMachine::KvmMachine(const MachineConfig& config, Trace& trace) : config_(config), trace_(trace) {
    if (config_.vcpu_ids.empty()) config_.vcpu_ids = {0};
    if (config_.kernel_trace && KernelTrace::unavailable().empty()) kernel_trace_ = KernelTrace::shared();
    build();
    if (kernel_trace_) kernel_trace_->start();
}

KvmMachine::~KvmMachine() {
    close();
    if (kernel_trace_) kernel_trace_->stop();
}

void KvmMachine::create() {
    vm_ = std::make_unique<kvm::Vm>(system_);
    memory_slots_ = std::make_unique<kvm::MemorySlots>(*vm_);
    architecture::add_agent(*vm_, memory_, *memory_slots_, config_.vcpu_ids);
    if (config_.memory != 0) {
        memory_.add(scenario_memory, config_.memory);
        memory_slots_->add(memory_, scenario_memory, config_.memory);
    }
    placement_ = architecture::make_placement(system_, *vm_, memory_, config_, recorder_);
    placement_->create_controllers();
    for (std::uint32_t index = 0; index < config_.vcpu_ids.size(); ++index)
        slots_.push_back(std::make_unique<VcpuSlot>(*vm_, index, config_.vcpu_ids[index], memory_));
}

void KvmMachine::begin() {
    const Runner::Parts parts{config_, *placement_, recorder_, slots_};
    runner_ = config_.run == RunMode::stepped ? make_stepped_runner(parts) : make_free_runner(parts);
}

void KvmMachine::build() {
    create();
    const std::size_t started = config_.started == 0 ? slots_.size() : config_.started;
    for (const auto& slot : slots_) {
        const bool running = slot->index < started;
        placement_->start(*slot, running);
        if (!running) slot->rest.state = event::RestState::not_started;
        slot->clock = placement_->clock(*slot);
    }
    placement_->finish();
    begin();
}

Runner& KvmMachine::runner() {
    if (!runner_) begin();
    return *runner_;
}

std::unique_lock<FairMutex> KvmMachine::hold() {
    return concurrent_ ? std::unique_lock<FairMutex>() : runner().hold();
}

void KvmMachine::concurrent(bool on) {
    if (on && config_.run != RunMode::free)
        throw std::logic_error("several threads need a free-running machine");
    if (!closed_) placement_->concurrent(on);
    runner().expect_many(on);
    concurrent_ = on;
    signalled_ = true;
}

GuestProgress KvmMachine::progress(std::uint32_t vcpu) {
    return closed_ ? GuestProgress::done : runner().progress(*slots_.at(vcpu));
}

/// What was signalled must not be overtaken by the next step. Done when that begins, so that until then a
/// running guest is as free as any; and with no vCPU running, since an EOI must not come while an irqfd is
/// away.
void KvmMachine::drain_irqfds() {
    if (concurrent_ || closed_ || !std::exchange(signalled_, false)) return;
    const auto paused = runner().pause(nullptr);
    const auto held = hold();
    placement_->drain_irqfds();
}

template <class Make>
Outcome KvmMachine::call(std::string name, std::string arguments, std::optional<std::uint32_t> gsi,
                         Make make) {
    if (closed_) return {0, EBADF};
    if (concurrent_) return make();
    const auto at = recorder_.now();
    const Outcome outcome = make();
    recorder_.add_at(at, Lane::host, event::Call{std::move(name), std::move(arguments), gsi, outcome});
    return outcome;
}

Outcome KvmMachine::set_line(std::uint32_t gsi, bool level, bool want_status) {
    drain_irqfds();
    const auto held = hold();
    return call(level ? "raise" : "lower", fmt::format("{}", gsi), gsi,
                [&] { return placement_->set_line(gsi, level, want_status); });
}

Outcome KvmMachine::msi(const MsiMessage& message) {
    drain_irqfds();
    const auto held = hold();
    return call("msi", fmt::format("{:#x} data {:#x}", message.address, message.data), std::nullopt,
                [&] { return placement_->msi(message); });
}

Outcome KvmMachine::route(const routing::RoutingTable& table) {
    drain_irqfds();
    const auto held = hold();
    return call("route", fmt::format("{} entries", table.size()), std::nullopt,
                [&] { return placement_->route(table); });
}

Outcome KvmMachine::assign_irqfd(const IrqfdSpec& spec) {
    drain_irqfds();
    Outcome outcome;
    {
        const auto held = hold();
        outcome = call("irqfd", spec.name, spec.gsi, [&] { return placement_->assign_irqfd(spec); });
    }
    // What waits in an eventfd is signalled by the assignment.
    if (!spec.shares.empty() && !concurrent_) injecting();
    return outcome;
}

/// An irqfd was signalled, and the kernel injects in its own time.
void KvmMachine::injecting() {
    signalled_ = true;
    if (config_.run == RunMode::stepped) drain_irqfds();
}

Outcome KvmMachine::deassign_irqfd(std::string_view name) {
    drain_irqfds();
    const auto held = hold();
    return call("deassign", std::string(name), std::nullopt,
                [&] { return placement_->deassign_irqfd(name); });
}

void KvmMachine::signal(std::string_view irqfd, std::uint64_t count) {
    drain_irqfds();
    {
        const auto held = hold();
        call("signal", count == 1 ? std::string(irqfd) : fmt::format("{} x{}", irqfd, count), std::nullopt,
             [&] {
                 placement_->signal(irqfd, count);
                 return Outcome{};
             });
    }
    if (!concurrent_) injecting();
}

Outcome KvmMachine::assign_ioeventfd(const IoeventfdSpec& spec) {
    return call("ioeventfd", spec.name, std::nullopt, [&] { return make_ioeventfd(spec); });
}

Outcome KvmMachine::make_ioeventfd(const IoeventfdSpec& spec) {
    if (const auto outcome = placement_->assign_ioeventfd(spec)) return *outcome;
    NamedDoorbell doorbell{spec.name,
                           std::make_unique<kvm::EventFd>(),
                           {spec.address, spec.port, spec.length, spec.datamatch},
                           std::nullopt};
    auto attempt = kvm::Ioeventfd::try_assign(*vm_, *doorbell.event, doorbell.doorbell);
    if (attempt.outcome.ok()) {
        doorbell.ioeventfd = std::move(attempt.object);
        std::erase_if(doorbells_, [&](const NamedDoorbell& former) { return former.name == spec.name; });
        doorbells_.push_back(std::move(doorbell));
    }
    return attempt.outcome;
}

Outcome KvmMachine::deassign_ioeventfd(std::string_view name) {
    return call("deassign", std::string(name), std::nullopt, [&] { return end_ioeventfd(name); });
}

Outcome KvmMachine::end_ioeventfd(std::string_view name) {
    if (const auto outcome = placement_->deassign_ioeventfd(name)) return *outcome;
    const auto found = std::find_if(doorbells_.begin(), doorbells_.end(),
                                    [&](const NamedDoorbell& doorbell) { return doorbell.name == name; });
    if (found == doorbells_.end()) return Outcome{0, ENOENT};
    // A second time too: what that is answered is for the kernel to say.
    if (!found->ioeventfd) return kvm::Ioeventfd::try_deassign(*vm_, *found->event, found->doorbell);
    const Outcome outcome = found->ioeventfd->try_deassign();
    found->ioeventfd.reset();
    return outcome;
}

Outcome KvmMachine::reset_controller(std::string_view controller) {
    drain_irqfds();
    const auto paused = runner().pause(nullptr);
    const auto held = hold();
    return call("reset", std::string(controller), std::nullopt,
                [&] { return placement_->reset_controller(controller); });
}

Outcome KvmMachine::nmi(std::uint32_t vcpu) {
    drain_irqfds();
    const auto paused = runner().pause(slots_.at(vcpu).get());
    const auto held = hold();
    return call("nmi", fmt::format("vCPU {}", vcpu), std::nullopt,
                [&] { return placement_->nmi(*slots_.at(vcpu)); });
}

Outcome KvmMachine::inject(std::uint32_t vcpu, std::uint32_t vector, Injection how) {
    drain_irqfds();
    const auto paused = runner().pause(slots_.at(vcpu).get());
    const auto held = hold();
    VcpuSlot& slot = *slots_.at(vcpu);
    return call(how == Injection::interrupt ? "interrupt" : "inject",
                fmt::format("{:#x} on vCPU {}", vector, vcpu), std::nullopt, [&] {
                    // An event is for a vCPU that executes; that an idle one waits in HLT is our doing.
                    if (how == Injection::vcpu_events && !slot.agent.executing() &&
                        placement_->parked(slot) == event::RestState::halted)
                        placement_->unpark(slot);
                    return placement_->inject(slot, vector, how);
                });
}

void KvmMachine::guest(std::uint32_t vcpu, std::span<const GuestOp> operations) {
    if (closed_) return;
    drain_irqfds();
    VcpuSlot& slot = *slots_.at(vcpu);
    const auto post = [&](const GuestOp& op) {
        const auto held = runner().hold();
        return slot.agent.post(op);
    };
    const bool idles = slot.agent.mailbox_empty();
    for (const GuestOp& op : operations) {
        bool posted = post(op);
        // The mailbox is full: what is in it has to be done first.
        if (concurrent_) {
            while (!posted && await_progress(vcpu)) posted = post(op);
            if (!posted) return;
        } else if (!posted && settle()) {
            posted = post(op);
        }
        if (!posted)
            throw std::runtime_error(fmt::format("vCPU {} does not take more operations: {}", vcpu, op.text));
    }
    if (concurrent_ && idles) runner().wake(slot);
}

/// @returns false if there will be none
bool KvmMachine::await_progress(std::uint32_t vcpu) {
    std::this_thread::sleep_for(poll_interval / 10);
    return !closed_ && progress(vcpu) != GuestProgress::stopped;
}

void KvmMachine::handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                         std::optional<std::uint32_t> lowers) {
    VcpuSlot& slot = *slots_.at(vcpu);
    const auto held = hold();
    slot.agent.set_policy(vector, policy);
    slot.lowers.erase(vector);
    if (lowers) slot.lowers.emplace(vector, *lowers);
}

void KvmMachine::collect_eventfds() {
    for (event::Resampled& kick : placement_->take_resampled()) recorder_.add(Lane::host, std::move(kick));
    for (event::DoorbellRung& rung : placement_->take_rung()) recorder_.add(Lane::host, std::move(rung));
    for (const NamedDoorbell& doorbell : doorbells_)
        if (const std::uint64_t count = doorbell.event->drain(); count != 0)
            recorder_.add(Lane::host, event::DoorbellRung{doorbell.name, count});
}

void KvmMachine::collect_kernel_events() {
    if (!kernel_trace_) return;
    KernelTrace::Batch batch = kernel_trace_->take();
    if (batch.lost != 0) {
        const auto at = batch.events.empty() ? recorder_.now() : recorder_.when(batch.events.front().at);
        recorder_.add_at(at, Lane::kernel, event::KernelLost{batch.lost});
    }
    for (KernelTrace::Seen& seen : batch.events)
        recorder_.add_at(recorder_.when(seen.at), Lane::kernel, std::move(seen.event));
}

void KvmMachine::flush() {
    if (!closed_) collect_eventfds();
    collect_kernel_events();
    recorder_.flush(trace_);
}

bool KvmMachine::settle() {
    const bool going = closed_ || runner().settle();
    flush();
    return going;
}

void KvmMachine::wait(const std::function<bool()>& enough) {
    if (closed_ && !concurrent_) {
        flush();
        enough();
        return;
    }
    runner().wait([&] {
        flush();
        return enough();
    });
    flush();
}

void KvmMachine::prove_quiet(const std::vector<std::uint32_t>& vcpus) {
    std::vector<VcpuSlot*> slots;
    for (const std::uint32_t vcpu : vcpus) slots.push_back(slots_.at(vcpu).get());
    drain_irqfds();
    runner().prove_quiet(slots);
    flush();
}

std::vector<NamedValue> KvmMachine::inspect(std::string_view controller, std::uint32_t index) {
    if (closed_) return {};
    drain_irqfds();
    runner().rest();
    const auto paused = runner().pause(nullptr);
    const auto held = hold();
    return placement_->inspect(controller, index);
}

KernelEvents KvmMachine::kernel_events() const {
    if (architecture::own_controllers().contains(config_.placement))
        return {"no controller of " + config_.placement + " mode is in the kernel", {}};
    if (kernel_trace_) return kernel_trace_->events();
    return {config_.kernel_trace ? KernelTrace::unavailable() : "the kernel was not traced", {}};
}

std::unique_ptr<BareMachine> KvmMachine::bare() {
    if (config_.run != RunMode::free) throw std::logic_error("measuring needs a free-running machine");
    const auto rung = [this] {
        std::uint64_t count = 0;
        for (const event::DoorbellRung& each : placement_->take_rung()) count += each.count;
        for (const NamedDoorbell& doorbell : doorbells_) count += doorbell.event->drain();
        return count;
    };
    const auto resampled = [this] {
        std::uint64_t count = 0;
        for (const event::Resampled& each : placement_->take_resampled()) count += each.count;
        return count;
    };
    return std::make_unique<BareMachine>(
        BareMachine::Parts{*vm_, *placement_, runner(), recorder_, slots_, rung, resampled});
}

void KvmMachine::finish() {
    if (closed_ || runner().failed()) return;
    drain_irqfds();
    runner().rest();
    flush();
}

/// The vCPUs first: one that ran on would call a VM that is no more.
void KvmMachine::close_descriptors() {
    drain_irqfds();
    stopped_vcpus_ = runner().pause(nullptr);
    const auto held = runner().hold();
    runner().abandon();
    collect_eventfds();
    call("close", "", std::nullopt, [&] {
        for (const auto& slot : slots_) slot->vcpu.close_file();
        placement_->close_descriptors();
        vm_->close_file();
        return Outcome{};
    });
    closed_ = true;
}

void KvmMachine::close() {
    if (!vm_) return;
    if (runner_) runner_->stop();
    collect_kernel_events();
    recorder_.flush(trace_);
    discard();
}

void KvmMachine::discard() {
    for (NamedDoorbell& doorbell : doorbells_)
        if (doorbell.ioeventfd) doorbell.ioeventfd->abandon();
    stopped_vcpus_.reset();
    runner_.reset();
    closed_ = false;
    doorbells_.clear();
    placement_.reset();
    slots_.clear();
    memory_slots_.reset();
    vm_.reset();
}

}  // namespace irqbench::vmm
