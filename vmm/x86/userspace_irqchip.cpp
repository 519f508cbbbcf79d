#include "vmm/x86/userspace_irqchip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "routing/x86.hpp"
#include "vmm/named.hpp"
#include "vmm/x86/cpu_facts.hpp"

// What the host and the guest do to the controllers. What the controllers do to the vCPUs is in
// userspace_cpus.cpp, and what time does in userspace_time.cpp.
namespace irqbench::vmm::x86 {

using routing::x86::PlatformRequest;
using routing::x86::PlatformResponse;
namespace lapic = irqchip::x86::lapic;
namespace msr = irqchip::x86::msr;
namespace request = routing::x86::request;

namespace {

constexpr unsigned pins = irqchip::x86::IoApic::pin_count;

/// CPUID.80000008H:EAX[7:0] of a guest, see set_cpuid(), as far as a local APIC can have it.
unsigned address_bits(std::span<const kvm_cpuid_entry2> cpuid) {
    constexpr std::uint32_t address_leaf = 0x80000008;
    for (const kvm_cpuid_entry2& entry : cpuid)
        if (entry.function == address_leaf) return std::clamp(entry.eax & 0xff, 33U, physical_address_bits);
    return 36;
}

routing::x86::PlatformOptions options_of(const MachineConfig& config,
                                         irqchip::x86::DestinationFormat destinations,
                                         std::span<const kvm_cpuid_entry2> cpuid) {
    routing::x86::PlatformOptions options;
    options.apic_ids = config.vcpu_ids;
    options.ioapic = {
        config.ioapic_version == 0x20 ? irqchip::x86::IoApicModel::v20 : irqchip::x86::IoApicModel::v11,
        false};
    options.lapic.physical_address_bits = address_bits(cpuid);
    options.destinations = destinations;
    options.pit = config.pit;
    return options;
}

}  // namespace

UserspaceIrqchip::UserspaceIrqchip(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                                   Recorder& recorder)
    : X86Placement(system, vm, config, recorder),
      free_(config.run == RunMode::free),
      platform_(options_of(config, destinations(), cpuid())),
      cpus_(config.vcpu_ids.size()),
      irqfds_(std::make_unique<model::Irqfds>(inputs())),
      timers_(config.vcpu_ids.size()) {}

void UserspaceIrqchip::create_controllers() {
    constexpr std::array<kvm::Vm::MsrRange, 4> ours{
        {{msr::apic_base, 1}, {msr::tsc_deadline, 1}, {msr_tsc, 1}, {msr_tsc_adjust, 1}}};
    vm_.exit_on_msrs(std::span(ours).first(free_ ? 2 : ours.size()));
    platform_.route(routing::x86::default_table());
}

void UserspaceIrqchip::start(VcpuSlot& slot, bool running) {
    const std::lock_guard lock(mutex_);
    add(slot);
    Cpu& cpu = cpus_.at(slot.index);
    cpu.reset = reset_state(slot.vcpu);
    if (!running) {
        cpu.activity = Activity::not_started;
        return;
    }
    enter_agent(slot.vcpu, slot.index, config_.x2apic);
    if (config_.x2apic) {
        const irqchip::x86::ApicBase base{platform_.lapic(slot.index).apic_base()};
        act(platform_.write_msr(slot.index, msr::apic_base, base.with(base.extended, true).raw(), {})
                .value());
    }
    constexpr std::uint32_t enabled = 0x1ff;
    constexpr std::uint32_t masked = 0x10000;
    write_lapic(slot.index, lapic::svr, enabled);
    write_lapic(slot.index, lapic::lvt_lint0, masked);
    write_lapic(slot.index, lapic::lvt_lint1, masked);
}

void UserspaceIrqchip::write_lapic(std::size_t cpu, std::uint16_t offset, std::uint32_t value) {
    const auto base = platform_.lapic(cpu).mmio_base();
    const auto response = base ? platform_.mmio_write(cpu, *base + offset, sizeof value, value, clocks(cpu))
                               : platform_.write_msr(cpu, msr::x2apic + offset / 16U, value, clocks(cpu));
    if (response) act(*response);
}

void UserspaceIrqchip::finish() {
    constexpr std::uint16_t master_data = 0x21;
    constexpr std::uint16_t slave_data = 0xa1;
    const std::lock_guard lock(mutex_);
    for (const std::uint16_t port : {master_data, slave_data})
        if (const auto response = platform_.port_out(port, 1, 0xff, clocks(0))) act(*response);
    for (const VcpuSlot* slot : slots_) set_tsc(*slot);
    if (free_) timer_thread_ = std::thread([this] { serve_timers(); });
}

std::vector<StateAccess> UserspaceIrqchip::state() {
    return {sregs_state(),
            regs_state(),
            tsc_state(),
            msrs_state(),
            events_state(),
            state_access<Controllers>(
                "controllers",
                [this] {
                    const std::lock_guard lock(mutex_);
                    return Controllers{
                        platform_,  cpus_,   std::make_shared<model::Irqfds>(*irqfds_, inputs()),
                        doorbells_, timers_, now()};
                },
                [this](const Controllers& saved) {
                    const std::lock_guard lock(mutex_);
                    platform_ = saved.platform;
                    cpus_ = saved.cpus;
                    irqfds_ = std::make_unique<model::Irqfds>(*saved.irqfds, inputs());
                    doorbells_ = saved.doorbells;
                    timers_ = saved.timers;
                    virtual_now_ = saved.now;
                    stood_still_ = recorder_.now() - saved.now;
                })};
}

void UserspaceIrqchip::resume() {
    const std::lock_guard lock(mutex_);
    if (!free_) return;
    for (const VcpuSlot* slot : slots_) set_tsc(*slot);
    timer_thread_ = std::thread([this] { serve_timers(); });
}

void UserspaceIrqchip::set_tsc(const VcpuSlot& slot) {
    timers_.set_tsc(slot.index,
                    {slot.clock.counter, free_ ? slot.clock.at - stood_still_ : Time{}, tsc_khz(slot)});
}

std::uint32_t UserspaceIrqchip::tsc_khz(const VcpuSlot& slot) {
    const std::uint32_t khz = slot.vcpu.tsc_khz();
    return khz != 0 ? khz : ControllerTimers::Tsc{}.khz;
}

void UserspaceIrqchip::act(const PlatformResponse& response) {
    for (const routing::x86::WireEvent& event : response.events) {
        std::optional<std::uint32_t> gsi;
        if (const auto pin = routing::x86::pin_of(event)) gsi = platform_.board().gsi_of(*pin);
        recorder_.add(Lane::wire, event::Wire{gsi, routing::x86::text(event)});
    }
    for (const PlatformRequest& todo : response.requests) act(todo);
}

void UserspaceIrqchip::act(const PlatformRequest& todo) {
    if (const auto* look = std::get_if<request::LookAtCpu>(&todo)) {
        if (!cpus_[look->cpu].window && platform_.interrupt(look->cpu)) call(look->cpu);
    } else if (const auto* signal = std::get_if<request::SignalCpu>(&todo)) {
        signal_cpu(signal->cpu, signal->signal, signal->vector);
    } else if (const auto* notify = std::get_if<request::NotifyListeners>(&todo)) {
        for (const routing::ListenerId listener : notify->listeners) irqfds_->ended(listener);
    } else {
        const auto before = timers_.next();
        static_cast<void>(timers_.take(todo, now()));
        if (timers_.next() != before) timers_changed_.notify_one();
    }
}

Outcome UserspaceIrqchip::set_line(std::uint32_t gsi, bool level, bool want_status) {
    const std::lock_guard lock(mutex_);
    if (!want_status) {
        act(platform_.set_gsi(gsi, level));
        return {};
    }
    const Platform::Sent sent = platform_.set_gsi_status(gsi, level);
    act(sent.response);
    return {sent.status, 0};
}

Outcome UserspaceIrqchip::msi(const MsiMessage& message) {
    constexpr std::uint64_t reserved = std::uint64_t{0xff} << 32;
    if (config_.x2apic_ids && (message.address & reserved) != 0) return {0, EINVAL};
    const std::lock_guard lock(mutex_);
    const auto sent = platform_.send({message.address, message.data});
    if (!sent) return {};
    act(sent->response);
    return {sent->status, 0};
}

Outcome UserspaceIrqchip::route(const routing::RoutingTable& table) {
    const std::lock_guard lock(mutex_);
    if (const auto refusal = validate(table, routing::x86::kernel_rules(config_.x2apic_ids)))
        return {0, refusal->error};
    platform_.route(table);
    return {};
}

Outcome UserspaceIrqchip::assign_irqfd(const IrqfdSpec& spec) {
    // What the kernel says of an irqfd without an irqchip.
    if (spec.via_kernel) return {0, EINVAL};
    const std::lock_guard lock(mutex_);
    return irqfds_->assign(spec);
}

Outcome UserspaceIrqchip::deassign_irqfd(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return irqfds_->deassign(name);
}

void UserspaceIrqchip::signal(std::string_view name, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    if (count != 0) irqfds_->signal(name);
}

void UserspaceIrqchip::drive(std::uint32_t gsi, bool level, irqchip::LineSource source) {
    act(platform_.set_gsi(gsi, level, source));
}

void UserspaceIrqchip::listen(std::uint32_t gsi, routing::ListenerId listener) {
    static_cast<void>(platform_.listen(gsi, listener));
}

void UserspaceIrqchip::unlisten(std::uint32_t gsi, routing::ListenerId listener) {
    act(platform_.unlisten(gsi, listener));
}

std::vector<event::Resampled> UserspaceIrqchip::take_resampled() {
    const std::lock_guard lock(mutex_);
    return irqfds_->take_resampled();
}

bool UserspaceIrqchip::handle(VcpuSlot& slot, const kvm::Exit& exit) {
    const std::lock_guard lock(mutex_);
    Cpu& cpu = cpus_.at(slot.index);
    cpu.away = false;
    fetch_cr8(slot);
    if (std::holds_alternative<kvm::HltExit>(exit)) {
        halt(slot, cpu);
        return true;
    }
    if (std::holds_alternative<kvm::IrqWindowOpenExit>(exit) || std::holds_alternative<kvm::SetTprExit>(exit))
        return true;
    if (const auto* access = std::get_if<kvm::MsrExit>(&exit)) return handle_msr(slot, *access);
    if (const auto* io = std::get_if<kvm::IoExit>(&exit); io != nullptr && handle_io(slot, *io)) return true;
    if (const auto* mmio = std::get_if<kvm::MmioExit>(&exit); mmio != nullptr && handle_mmio(slot, *mmio))
        return true;
    return ring(exit) || X86Placement::handle(slot, exit);
}

std::optional<Outcome> UserspaceIrqchip::assign_ioeventfd(const IoeventfdSpec& spec) {
    const std::lock_guard lock(mutex_);
    const bool ours = spec.port ? platform_.claims_port(spec.address) : platform_.claims(spec.address);
    if (!ours) return std::nullopt;
    return doorbells_.assign(spec);
}

std::optional<Outcome> UserspaceIrqchip::deassign_ioeventfd(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (!doorbells_.has(name)) return std::nullopt;
    return doorbells_.deassign(name);
}

std::vector<event::DoorbellRung> UserspaceIrqchip::take_rung() {
    const std::lock_guard lock(mutex_);
    return doorbells_.take_rung();
}

/// A write that no controller took.
bool UserspaceIrqchip::ring(const kvm::Exit& exit) {
    if (const auto* mmio = std::get_if<kvm::MmioExit>(&exit); mmio != nullptr && mmio->write)
        return doorbells_.ring(false, mmio->address, static_cast<unsigned>(mmio->data.size()),
                               kvm::value_of(mmio->data));
    return false;
}

bool UserspaceIrqchip::handle_msr(VcpuSlot& slot, const kvm::MsrExit& access) {
    // An instruction that INIT cuts off has no effect.
    if (cpus_[slot.index].init) {
        slot.vcpu.complete_msr(0);
        return true;
    }
    if (access.index == msr_tsc || access.index == msr_tsc_adjust) {
        slot.vcpu.complete_msr(access_tsc(slot, access));
        return true;
    }
    if (!access.write) {
        slot.vcpu.complete_msr(platform_.read_msr(slot.index, access.index, clocks(slot.index)));
        return true;
    }
    if (access.index == msr::tsc_deadline && free_) {
        // The guest may have written its counter since.
        slot.clock = clock(slot);
        set_tsc(slot);
    }
    const auto response = platform_.write_msr(slot.index, access.index, access.data, clocks(slot.index));
    slot.vcpu.complete_msr(response ? std::optional<std::uint64_t>(0) : std::nullopt);
    if (!response) return true;
    act(*response);
    // CPUID.01H:EDX.APIC follows it (SDM vol. 3, 11.4.3).
    if (access.index == msr::apic_base)
        slot.vcpu.set_msr(msr::apic_base, platform_.lapic(slot.index).apic_base());
    return true;
}

/// Stepped, the counter is that of the virtual time. @returns what it reads
std::uint64_t UserspaceIrqchip::access_tsc(VcpuSlot& slot, const kvm::MsrExit& access) {
    Cpu& cpu = cpus_[slot.index];
    const std::uint64_t before = clocks(slot.index).lapic.tsc;
    if (!access.write) return access.index == msr_tsc ? before : cpu.tsc_adjust;
    const std::uint64_t ahead = access.data - (access.index == msr_tsc ? before : cpu.tsc_adjust);
    cpu.tsc_adjust += ahead;
    timers_.set_tsc(slot.index, {before + ahead, now(), tsc_khz(slot)});
    return 0;
}

bool UserspaceIrqchip::handle_io(VcpuSlot& slot, const kvm::IoExit& io) {
    if (cpus_[slot.index].init) return true;
    for (std::uint32_t i = 0; i < io.count; ++i) {
        const auto data = io.data.subspan(std::size_t{i} * io.size, io.size);
        if (io.direction == kvm::IoExit::Direction::out) {
            const auto value = static_cast<std::uint32_t>(kvm::value_of(data));
            const auto response = platform_.port_out(io.port, io.size, value, clocks(slot.index));
            if (!response) return false;
            act(*response);
        } else {
            const auto read = platform_.port_in(io.port, io.size, clocks(slot.index));
            if (!read) return false;
            kvm::answer(data, read->value);
            act(read->response);
        }
    }
    return true;
}

bool UserspaceIrqchip::handle_mmio(VcpuSlot& slot, const kvm::MmioExit& mmio) {
    if (cpus_[slot.index].init) return true;
    const auto size = static_cast<unsigned>(mmio.data.size());
    if (mmio.write) {
        const auto response = platform_.mmio_write(slot.index, mmio.address, size, kvm::value_of(mmio.data),
                                                   clocks(slot.index));
        if (response) act(*response);
        return response.has_value();
    }
    const auto value = platform_.mmio_read(slot.index, mmio.address, size, clocks(slot.index));
    if (value) kvm::answer(mmio.data, *value);
    return value.has_value();
}

std::vector<NamedValue> UserspaceIrqchip::inspect(std::string_view controller, std::uint32_t index) {
    const std::lock_guard lock(mutex_);
    const routing::x86::Board& board = platform_.board();
    if (controller == "ioapic" && index < pins) return named(board.ioapic().fields(index));
    if (controller == "pic" && index < 2)
        return named(index == 0 ? board.pic().master().fields() : board.pic().slave().fields());
    if (controller == "pit" && platform_.pit() && index < irqchip::x86::Pit::channel_count)
        return named(platform_.pit()->fields(index, clocks(0).pit));
    if (controller == "lapic" && index < slots_.size()) {
        fetch_cr8(*slots_[index]);
        return named(platform_.lapic(index).fields(clocks(index).lapic));
    }
    if (controller == "tsc" && index < slots_.size() && !free_) return {{"tsc", clocks(index).lapic.tsc}};
    return X86Placement::inspect(controller, index);
}

}  // namespace irqbench::vmm::x86
