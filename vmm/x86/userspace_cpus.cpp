#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/x86/userspace_irqchip.hpp"

namespace irqbench::vmm::x86 {

/// Beyond this many NMIs merge whatever the CPU does (SDM vol. 3, 6.7.1): one is taken and one remembered.
/// Where none can be taken one is remembered.
static constexpr unsigned most_nmis = 2;

void UserspaceIrqchip::call(std::size_t cpu) {
    if (cpu < slots_.size() && std::exchange(cpus_[cpu].away, false)) wake(*slots_[cpu]);
}

void UserspaceIrqchip::signal_cpu(std::size_t index, irqchip::CpuSignal signal, std::uint8_t vector) {
    Cpu& cpu = cpus_[index];
    switch (signal) {
        case irqchip::CpuSignal::nmi:
            cpu.nmis = std::min(cpu.nmis + 1, cpu.init || waits_to_start(cpu) ? 1 : most_nmis);
            break;
        case irqchip::CpuSignal::smi: cpu.smi = true; break;
        case irqchip::CpuSignal::init:
            cpu.init = true;
            cpu.start_page.reset();
            cpu.nmis = 0;
            cpu.smi = false;
            break;
        case irqchip::CpuSignal::start_up: cpu.start_page = vector; break;
    }
    call(index);
}

Outcome UserspaceIrqchip::nmi(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    signal_cpu(slot.index, irqchip::CpuSignal::nmi, 0);
    return {};
}

Outcome UserspaceIrqchip::inject(VcpuSlot& slot, std::uint32_t vector, Injection how) {
    const std::lock_guard lock(mutex_);
    const Outcome outcome = X86Placement::inject(slot, vector, how);
    Cpu& cpu = cpus_[slot.index];
    if (outcome.ok() && cpu.activity == Activity::halted && slot.vcpu.if_flag()) {
        cpu.activity = Activity::running;
        call(slot.index);
    }
    return outcome;
}

/// The guest may have written CR8 since.
void UserspaceIrqchip::fetch_cr8(VcpuSlot& slot) {
    Cpu& cpu = cpus_[slot.index];
    // After an INIT the local APIC is newer than what KVM says.
    if (cpu.init || slot.vcpu.cr8() == cpu.cr8) return;
    cpu.cr8 = slot.vcpu.cr8();
    platform_.set_cr8(slot.index, static_cast<std::uint8_t>(cpu.cr8));
}

void UserspaceIrqchip::reset(VcpuSlot& slot, Cpu& cpu) {
    slot.vcpu.complete_access();
    init_cpu(slot.vcpu, cpu.reset);
    cpu.cr8 = slot.vcpu.cr8();
    cpu.init = false;
    cpu.nmi_in_kvm = false;
    // SDM vol. 3, 9.4.1: the bootstrap processor goes on at the reset vector, the others wait.
    cpu.activity = platform_.lapic(slot.index).bootstrap() ? Activity::running : Activity::wait_for_sipi;
}

/// A CPU that halts while NMIs are blocked is not woken by one.
void UserspaceIrqchip::deliver_nmis(VcpuSlot& slot, Cpu& cpu) {
    for (; cpu.nmis != 0; --cpu.nmis) slot.vcpu.nmi();
    cpu.nmi_in_kvm = true;
    if (cpu.activity == Activity::halted && slot.vcpu.vcpu_events().nmi.masked == 0)
        cpu.activity = Activity::running;
}

/// A CPU does not halt with an NMI to take. KVM may still have one: a KVM that interprets the guest executes
/// IRET and the HLT after it in one go.
void UserspaceIrqchip::halt(VcpuSlot& slot, Cpu& cpu) {
    if (cpu.nmi_in_kvm) {
        const auto nmi = slot.vcpu.vcpu_events().nmi;
        cpu.nmi_in_kvm = nmi.pending != 0 || nmi.injected != 0;
        if (cpu.nmi_in_kvm && nmi.masked == 0) return;
    }
    cpu.activity = Activity::halted;
}

/// Does what was asked of the CPU. One that waits for a SIPI, or for its first start, keeps everything else
/// for later.
void UserspaceIrqchip::carry_out(VcpuSlot& slot, Cpu& cpu) {
    if (cpu.init) reset(slot, cpu);
    if (const auto page = std::exchange(cpu.start_page, std::nullopt)) {
        start_at_page(slot.vcpu, *page);
        cpu.activity = Activity::running;
    }
    if (waits_to_start(cpu)) return;
    if (std::exchange(cpu.smi, false)) {
        if (const Outcome outcome = slot.vcpu.try_smi(); outcome.ok())
            cpu.activity = Activity::running;
        else
            recorder_.add(Lane::wire,
                          event::Wire{std::nullopt, "an SMI is lost: " + errno_text(outcome.error)},
                          slot.index);
    }
    if (cpu.nmis != 0) deliver_nmis(slot, cpu);
}

/// Whether there is an interrupt that ends the CPU's halt.
bool UserspaceIrqchip::wakes(const VcpuSlot& slot) const {
    return slot.vcpu.if_flag() && platform_.interrupt(slot.index).has_value();
}

void UserspaceIrqchip::take_interrupt(VcpuSlot& slot, Cpu& cpu) {
    const Platform::Acknowledged acknowledged = platform_.acknowledge(slot.index);
    act(acknowledged.response);
    // What the acknowledge cycle moves may come back as INIT, which nothing outlives.
    if (cpu.init)
        carry_out(slot, cpu);
    else
        slot.vcpu.interrupt(acknowledged.vector);
}

bool UserspaceIrqchip::before_run(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    Cpu& cpu = cpus_[slot.index];
    cpu.away = false;
    fetch_cr8(slot);
    carry_out(slot, cpu);
    if (cpu.activity == Activity::halted && wakes(slot)) cpu.activity = Activity::running;
    if (cpu.activity == Activity::running && platform_.interrupt(slot.index) &&
        slot.vcpu.ready_for_interrupt_injection())
        take_interrupt(slot, cpu);
    cpu.away = true;
    if (cpu.activity != Activity::running) {
        cpu.window = false;
        return false;
    }
    const bool interrupt = platform_.interrupt(slot.index).has_value();
    cpu.window = interrupt;
    slot.vcpu.set_request_interrupt_window(interrupt);
    if (const std::uint64_t cr8 = platform_.lapic(slot.index).cr8(); cr8 != cpu.cr8)
        slot.vcpu.set_cr8(cpu.cr8 = cr8);
    return true;
}

bool UserspaceIrqchip::has_interrupt_for(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    fetch_cr8(slot);
    const Cpu& cpu = cpus_[slot.index];
    if (cpu.init || cpu.nmis != 0 || cpu.smi) return true;
    return wakes(slot);
}

// One that is about to wake does not stand anywhere any more.
std::optional<event::RestState> UserspaceIrqchip::parked(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    switch (cpus_[slot.index].activity) {
        case Activity::running: return std::nullopt;
        case Activity::halted: return wakes(slot) ? std::nullopt : std::optional(event::RestState::halted);
        case Activity::wait_for_sipi: return event::RestState::wait_for_sipi;
        case Activity::not_started: return event::RestState::not_started;
    }
    return std::nullopt;
}

void UserspaceIrqchip::unpark(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    if (cpus_[slot.index].activity != Activity::halted) return;
    cpus_[slot.index].activity = Activity::running;
    call(slot.index);
}

std::uint32_t UserspaceIrqchip::running_priority(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    fetch_cr8(slot);
    return platform_.lapic(slot.index).ppr();
}

X86Placement::MarkerConditions UserspaceIrqchip::marker_conditions(VcpuSlot& slot) {
    const std::lock_guard lock(mutex_);
    const irqchip::x86::LocalApic& lapic = platform_.lapic(slot.index);
    return {lapic.software_enabled(), [irr = lapic.irr(), isr = lapic.isr()](std::uint32_t vector) {
                const auto number = static_cast<std::uint8_t>(vector);
                return irr.test(number) || isr.test(number);
            }};
}

std::string UserspaceIrqchip::registers(VcpuSlot& slot) {
    std::string text = X86Placement::registers(slot);
    const std::lock_guard lock(mutex_);
    const irqchip::x86::LocalApic& lapic = platform_.lapic(slot.index);
    const auto vector = [](const std::optional<std::uint8_t>& highest) {
        return highest ? vector_text(*highest) : std::string("none");
    };
    return text + fmt::format("\nlocal APIC: base {:#x}, TPR {:#x}, highest in IRR {}, in ISR {}",
                              lapic.apic_base(), lapic.tpr(), vector(lapic.irr().highest()),
                              vector(lapic.isr().highest()));
}

}  // namespace irqbench::vmm::x86
