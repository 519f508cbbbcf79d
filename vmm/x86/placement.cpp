#include "vmm/x86/placement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "irqchip/x86/lapic_registers.hpp"
#include "vmm/x86/boot.hpp"
#include "vmm/x86/cpu_facts.hpp"

namespace irqbench::vmm::x86 {

using irqchip::x86::DestinationFormat;

namespace {

/// Asked once: it is the same for every VM, and takes as long as making one.
const std::vector<kvm_cpuid_entry2>& host_cpuid(const kvm::System& system) {
    static const std::vector<kvm_cpuid_entry2> entries = system.supported_cpuid();
    return entries;
}

/// Hyper-V's count of 100 ns: read-only (TLFS, 12.4.1), and different whenever it is read. Linux lists it
/// among what makes up a vCPU's state, and old ones (4.4, 4.15) refuse a host that writes it back.
constexpr std::uint32_t msr_time_ref_count = 0x40000020;

/// Those with no part of their own in a saved state.
const std::vector<std::uint32_t>& host_msrs(const kvm::System& system) {
    static const std::vector<std::uint32_t> indices = [&system] {
        std::vector<std::uint32_t> all = system.msr_indices();
        std::erase_if(all, [](std::uint32_t index) {
            return index == msr_tsc || index == irqchip::x86::msr::tsc_deadline ||
                   index == irqchip::x86::msr::apic_base || index == msr_time_ref_count;
        });
        return all;
    }();
    return indices;
}

constexpr std::uint32_t nmi_vector = 2;

}  // namespace

X86Placement::X86Placement(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                           Recorder& recorder)
    : vm_(vm), config_(config), recorder_(recorder), cpuid_(host_cpuid(system)), msrs_(host_msrs(system)) {}

void X86Placement::add(VcpuSlot& slot) {
    slots_.push_back(&slot);
    set_cpuid(slot.vcpu, cpuid_);
    slot.agent.reset(config_.run == RunMode::free ? IDLE_HALT : IDLE_EXIT, default_policy);
    slot.agent.set_policy(nmi_vector, usual_policy(nmi_vector));
    slot.agent.set_word(BLOCK_X2APIC, std::uint32_t{config_.x2apic});
    slot.agent.set_word(BLOCK_LAPIC, lapic_address);
}

// An EOI of the NMI's would be that of the interrupt in service, if there is one.
std::uint8_t X86Placement::usual_policy(std::uint32_t vector) const {
    return vector == nmi_vector ? std::uint8_t{0} : default_policy;
}

DestinationFormat X86Placement::destinations() const { return destination_format(config_); }

Outcome X86Placement::inject(VcpuSlot& slot, std::uint32_t vector, Injection how) {
    if (how == Injection::interrupt) return slot.vcpu.try_interrupt(vector);
    kvm_vcpu_events events = slot.vcpu.vcpu_events();
    events.flags = 0;
    events.interrupt.injected = 1;
    events.interrupt.nr = static_cast<std::uint8_t>(vector);
    events.interrupt.soft = 0;
    return slot.vcpu.try_set_vcpu_events(events);
}

std::optional<AgentExit> X86Placement::agent_exit(const kvm::Exit& exit) const {
    const auto* io = std::get_if<kvm::IoExit>(&exit);
    if (io == nullptr || io->port != AGENT_PORT || io->direction != kvm::IoExit::Direction::out ||
        io->data.empty())
        return std::nullopt;
    const auto word = static_cast<std::uint8_t>(io->data.front());
    if (word < AGENT_EXIT_IDLE || word > AGENT_EXIT_LOWER) return std::nullopt;
    return static_cast<AgentExit>(word);
}

bool X86Placement::handle(VcpuSlot& slot, const kvm::Exit& exit) {
    // An empty bus: reads give all ones, writes go nowhere, as on a PC.
    if (const auto* io = std::get_if<kvm::IoExit>(&exit)) {
        const bool in = io->direction == kvm::IoExit::Direction::in;
        if (in) std::fill(io->data.begin(), io->data.end(), std::byte{0xff});
        recorder_.add(
            Lane::wire,
            event::Wire{std::nullopt, fmt::format("unclaimed port {} {:#x}", in ? "in" : "out", io->port)},
            slot.index);
        return true;
    }
    if (const auto* mmio = std::get_if<kvm::MmioExit>(&exit)) {
        if (!mmio->write) std::fill(mmio->data.begin(), mmio->data.end(), std::byte{0xff});
        recorder_.add(Lane::wire,
                      event::Wire{std::nullopt, fmt::format("unclaimed {} of {:#x}",
                                                            mmio->write ? "write" : "read", mmio->address)},
                      slot.index);
        return true;
    }
    return false;
}

// The lowest vector of the lowest class that can be taken, so that whatever else is pending comes before it.
// One that is pending or in service already, or that the scenario has a handler for, would be mistaken for
// it.
std::optional<Marker> X86Placement::send_marker(VcpuSlot& slot, std::uint32_t priority) {
    const MarkerConditions conditions = marker_conditions(slot);
    if (!conditions.enabled) return std::nullopt;
    const auto used = [&](std::uint32_t vector) {
        return slot.agent.policy(vector) != default_policy || conditions.requested(vector);
    };
    std::uint32_t vector = (priority & 0xf0) + 0x10;
    while (vector < 0x100 && used(vector)) ++vector;
    if (vector >= 0x100) return std::nullopt;
    irqchip::x86::Message message;
    message.destination = slot.vcpu.id();
    message.vector = static_cast<std::uint8_t>(vector);
    const auto encoded = encode(message, destinations());
    if (!encoded) return std::nullopt;
    slot.agent.set_policy(vector, default_policy | POLICY_DECLARED);
    kvm::require(msi({encoded->address, encoded->data, std::nullopt}), "KVM_SIGNAL_MSI");
    return Marker{vector, default_policy};
}

// The sample that took the shortest: how much later the counter is read than the clock, or the other way
// round, nobody knows.
GuestClock X86Placement::clock(VcpuSlot& slot) {
    GuestClock clock;
    auto shortest = std::chrono::nanoseconds::max();
    for (int sample = 0; sample < 3; ++sample) {
        const auto before = recorder_.now();
        const std::uint64_t counter = slot.vcpu.msr(msr_tsc);
        const auto after = recorder_.now();
        if (after - before >= shortest) continue;
        shortest = after - before;
        clock.counter = counter;
        clock.at = after;
        clock.within = shortest;
    }
    if (const auto khz = slot.vcpu.tsc_khz(); khz > 0) clock.ns_per_tick = 1e6 / static_cast<double>(khz);
    return clock;
}

std::string X86Placement::registers(VcpuSlot& slot) {
    const kvm_regs regs = slot.vcpu.regs();
    const kvm_sregs sregs = slot.vcpu.sregs();
    return fmt::format(
        "rip {:#x} rflags {:#x} rsp {:#x} rax {:#x} rbx {:#x} rcx {:#x} rdx {:#x} rsi {:#x} rdi {:#x} r15 "
        "{:#x}\n"
        "cs {:#x} cr0 {:#x} cr2 {:#x} cr3 {:#x} cr4 {:#x} cr8 {:#x} efer {:#x} apic_base {:#x}\n"
        "agent: depth {}, in service {:#x}, {}",
        regs.rip, regs.rflags, regs.rsp, regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.r15,
        sregs.cs.selector, sregs.cr0, sregs.cr2, sregs.cr3, sregs.cr4, sregs.cr8, sregs.efer, sregs.apic_base,
        slot.agent.depth(), slot.agent.in_service(),
        slot.agent.unfinished() == nullptr ? "mailbox empty" : "executing " + slot.agent.unfinished()->text);
}

std::vector<NamedValue> X86Placement::inspect(std::string_view controller, std::uint32_t index) {
    if (controller != "tsc" || index >= slots_.size()) return {};
    return {{"tsc", slots_[index]->vcpu.msr(msr_tsc)}};
}

}  // namespace irqbench::vmm::x86
