#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "routing/x86.hpp"
#include "vmm/x86/boot.hpp"
#include "vmm/x86/kernel_chips.hpp"
#include "vmm/x86/kernel_irqchip.hpp"
#include "vmm/x86/split_irqchip.hpp"
#include "vmm/x86/userspace_irqchip.hpp"

// The state of each placement in the form that all of them have in common.
namespace irqbench::vmm::x86 {

using irqchip::LineSource;
using routing::PinRoute;

namespace {

constexpr std::uint32_t driver(LineSource source) { return 1U << static_cast<unsigned>(source); }

/// The drivers of a pin; null if there is no such pin.
std::uint32_t* drivers_of(routing::x86::PlatformState& chips, const PinRoute& pin) {
    if (pin.chip == routing::x86::ioapic)
        return pin.pin < chips.ioapic.drivers.size() ? &chips.ioapic.drivers[pin.pin] : nullptr;
    const auto chip = static_cast<std::uint32_t>(pin.chip);
    if (chip >= chips.pic.size() || pin.pin >= chips.pic[chip].drivers.size()) return nullptr;
    return &chips.pic[chip].drivers[pin.pin];
}

std::vector<PinRoute> driven_by(routing::x86::PlatformState chips, LineSource source) {
    std::vector<PinRoute> pins;
    for (const routing::ChipInfo& info : routing::x86::chips)
        for (std::uint32_t pin = 0; pin < info.pins; ++pin)
            if ((*drivers_of(chips, {info.chip, pin}) & driver(source)) != 0)
                pins.push_back({info.chip, pin});
    return pins;
}

/// Pins that resampling irqfds hold and that still ask for an interrupt. One whose unmasking asked the
/// devices anew is held, but pending no more until one of them signals (Linux, arch/x86/kvm/ioapic.c,
/// ioapic_write_indirect).
std::vector<PinRoute> resample_asks(const routing::x86::PlatformState& chips) {
    std::vector<PinRoute> pins = driven_by(chips, LineSource::resample);
    std::erase_if(pins, [&chips](const PinRoute& pin) {
        if (pin.chip != routing::x86::ioapic) return false;
        using irqchip::x86::RedirectionEntry;
        const RedirectionEntry entry(chips.ioapic.entries[pin.pin]);
        const bool level = entry.get(entry.trigger) == irqchip::x86::Trigger::level;
        const bool waits =
            entry.get(entry.masked) || entry.get(entry.remote_irr) || (chips.ioapic.irr >> pin.pin & 1) != 0;
        return level && !waits;
    });
    return pins;
}

std::uint32_t mp_state_of(Activity activity) {
    switch (activity) {
        case Activity::running: return KVM_MP_STATE_RUNNABLE;
        case Activity::halted: return KVM_MP_STATE_HALTED;
        case Activity::wait_for_sipi: return KVM_MP_STATE_INIT_RECEIVED;
        case Activity::not_started: return KVM_MP_STATE_UNINITIALIZED;
    }
    return KVM_MP_STATE_RUNNABLE;
}

Activity activity_of(std::uint32_t mp_state) {
    switch (mp_state) {
        case KVM_MP_STATE_HALTED: return Activity::halted;
        case KVM_MP_STATE_INIT_RECEIVED: return Activity::wait_for_sipi;
        case KVM_MP_STATE_UNINITIALIZED: return Activity::not_started;
        default: return Activity::running;
    }
}

/// What the kernel tells the age of its timers by.
std::chrono::nanoseconds monotonic_time() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace

void KernelLapicPlacement::save_cpus(PortableState& state) {
    for (VcpuSlot* slot : slots_) {
        CpuState cpu = save_cpu(*slot);
        cpu.activity = activity_of(slot->vcpu.mp_state());
        state.pc.chips.waits_for_sipi.push_back(cpu.activity == Activity::wait_for_sipi);
        state.pc.chips.lapics.push_back(saved(slot->vcpu.lapic(), slot->vcpu.sregs().apic_base,
                                              slot->vcpu.msr(irqchip::x86::msr::tsc_deadline),
                                              slot->vcpu.id()));
        state.pc.cpus.push_back(std::move(cpu));
    }
}

void KernelLapicPlacement::restore_cpus(const PortableState& state) {
    for (VcpuSlot* slot : slots_) {
        const CpuState& cpu = state.pc.cpus.at(slot->index);
        const irqchip::x86::LapicState& lapic = state.pc.chips.lapics.at(slot->index);
        restore_core(*slot, cpu, lapic);
        slot->vcpu.set_lapic(kernel_form(lapic, slot->vcpu.id(), config_.x2apic_ids));
        restore_msrs_and_events(*slot, cpu, true);
        slot->vcpu.set_msr(irqchip::x86::msr::tsc_deadline, lapic.tsc_deadline);
        slot->vcpu.set_mp_state(mp_state_of(cpu.activity));
    }
}

void KernelIrqchip::save(PortableState& state) {
    save_cpus(state);
    routing::x86::PlatformState& chips = state.pc.chips;
    for (std::uint32_t chip = 0; chip < chips.pic.size(); ++chip)
        chips.pic[chip] = saved(vm_.get_irqchip(chip).chip.pic);
    chips.ioapic = saved(vm_.get_irqchip(KVM_IRQCHIP_IOAPIC).chip.ioapic);
    if (config_.pit) chips.pit = saved(vm_.pit2(), monotonic_time());
    state.routes = table_;
    state.irqfds = irqfds_.save_portable();
    for (const PinRoute& pin : lines_.held())
        if (std::uint32_t* drivers = drivers_of(chips, pin)) *drivers |= driver(LineSource::wire);
    for (const PinRoute& pin : resampled())
        if (std::uint32_t* drivers = drivers_of(chips, pin)) *drivers |= driver(LineSource::resample);
}

void KernelIrqchip::restore(const PortableState& state) {
    const routing::x86::PlatformState& chips = state.pc.chips;
    restore_cpus(state);
    kvm::require(set_routing(state.routes), "KVM_SET_GSI_ROUTING");
    table_ = state.routes;
    for (std::uint32_t chip = 0; chip < chips.pic.size(); ++chip) {
        kvm_irqchip pic = vm_.get_irqchip(chip);
        pic.chip.pic = kernel_form(chips.pic[chip], pic.chip.pic.elcr_mask);
        vm_.set_irqchip(pic);
    }
    kvm_irqchip ioapic = vm_.get_irqchip(KVM_IRQCHIP_IOAPIC);
    ioapic.chip.ioapic = kernel_form(chips.ioapic);
    vm_.set_irqchip(ioapic);
    if (chips.pit) vm_.set_pit2(kernel_form(*chips.pit));
    drive_again(driven_by(chips, LineSource::wire));
    hold_again(resample_asks(chips));
    irqfds_.restore_portable(state.irqfds);
}

void SplitIrqchip::save(PortableState& state) {
    const std::lock_guard lock(mutex_);
    save_cpus(state);
    state.pc.chips.pic = board_.pic().state();
    state.pc.chips.ioapic = board_.ioapic().state();
    state.routes = table_;
    state.irqfds = irqfds_.save_portable();
}

void SplitIrqchip::restore(const PortableState& state) {
    const std::lock_guard lock(mutex_);
    restore_cpus(state);
    table_ = state.routes;
    board_.route(table_);
    const irqchip::x86::Pic pic(state.pc.chips.pic);
    const irqchip::x86::IoApic ioapic(board_.ioapic().options(), state.pc.chips.ioapic);
    act(board_.restore(pic, ioapic));
    kvm::require(set_routing(kernel_table(table_)), "KVM_SET_GSI_ROUTING");
    // The eventfds first: who serves an irqfd is for the routes to say, also after they have changed.
    std::vector<SavedIrqfd> eventfds = state.irqfds;
    for (SavedIrqfd& irqfd : eventfds) irqfd.assigned = false;
    irqfds_.restore_portable(eventfds);
    for (const SavedIrqfd& irqfd : state.irqfds) {
        if (!irqfd.assigned) continue;
        IrqfdSpec spec = irqfd.spec;
        spec.shares = spec.name;
        // One that resamples may have been led from its pin to a message: it stays here then.
        const bool here = spec.resample && !spec.via_kernel && !spec.other_vm;
        kvm::require(here ? serve_irqfd(spec) : add_irqfd(spec), "KVM_IRQFD");
    }
}

void UserspaceIrqchip::save(PortableState& state) {
    const std::lock_guard lock(mutex_);
    // What is due has happened.
    expire_timers();
    for (VcpuSlot* slot : slots_) {
        fetch_cr8(*slot);
        const Cpu& cpu = cpus_[slot->index];
        CpuState saved = save_cpu(*slot);
        saved.activity = cpu.activity;
        saved.nmis = static_cast<std::uint8_t>(saved.nmis + cpu.nmis);
        saved.smi = saved.smi || cpu.smi;
        saved.tsc = clocks(slot->index).lapic.tsc;
        if (!free_) saved.tsc_adjust = cpu.tsc_adjust;
        state.pc.cpus.push_back(std::move(saved));
    }
    state.pc.chips = platform_.state([this](std::size_t cpu) { return clocks(cpu); });
    state.routes = platform_.board().routes();
    state.irqfds = irqfds_->save();
    state.ioeventfds = doorbells_.save();
}

void UserspaceIrqchip::restore(const PortableState& state) {
    const std::lock_guard lock(mutex_);
    for (VcpuSlot* slot : slots_) {
        const CpuState& saved = state.pc.cpus.at(slot->index);
        const irqchip::x86::LapicState& lapic = state.pc.chips.lapics.at(slot->index);
        Cpu& cpu = cpus_.at(slot->index);
        cpu.reset = reset_state(slot->vcpu);
        restore_core(*slot, saved, lapic);
        cpu.activity = saved.activity;
        // One that waits keeps them for later.
        const bool waits = waits_to_start(cpu);
        restore_msrs_and_events(*slot, saved, !waits);
        cpu.nmis = waits ? std::min<unsigned>(saved.nmis, 1) : 0;
        cpu.nmi_in_kvm = !waits && (saved.nmis != 0 || saved.nmi_injected);
        cpu.smi = waits && saved.smi;
        cpu.tsc_adjust = saved.tsc_adjust;
        cpu.cr8 = slot->vcpu.cr8();
        timers_.set_tsc(slot->index, {saved.tsc, now(), tsc_khz(*slot)});
    }
    platform_.route(state.routes);
    act(platform_.restore(state.pc.chips, [this](std::size_t cpu) { return clocks(cpu); }));
    irqfds_->restore(state.irqfds);
}

}  // namespace irqbench::vmm::x86
