#include "vmm/x86/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "irqchip/x86/lapic_registers.hpp"
#include "irqchip/x86/msi.hpp"
#include "vmm/x86/boot.hpp"

namespace irqbench::vmm::x86 {

namespace {

constexpr std::uint32_t msr_tsc = 0x10;
constexpr std::uint32_t svr_offset = 0x0f0;
constexpr std::uint32_t tpr_offset = 0x080;
constexpr std::uint32_t svr_enabled = 1U << 8;
constexpr std::uint32_t isr_offset = 0x100;
constexpr std::uint32_t irr_offset = 0x200;
constexpr std::uint32_t lint0_offset = 0x350;
constexpr std::uint32_t lint1_offset = 0x360;
constexpr std::uint32_t lvt_masked = 1U << 16;
constexpr std::uint64_t apic_base_x2apic = 1U << 10;

std::uint32_t lapic_word(const kvm_lapic_state& state, std::uint32_t offset) {
    std::uint32_t word = 0;
    std::memcpy(&word, state.regs + offset, sizeof word);
    return word;
}

void set_lapic_word(kvm_lapic_state& state, std::uint32_t offset, std::uint32_t word) {
    std::memcpy(state.regs + offset, &word, sizeof word);
}

/// The highest vector set in eight 32-bit registers 16 bytes apart, 0 if none is.
std::uint32_t highest_vector(const kvm_lapic_state& state, std::uint32_t offset) {
    for (std::uint32_t word = 8; word-- > 0;)
        if (const std::uint32_t bits = lapic_word(state, offset + word * 16); bits != 0)
            return word * 32 + static_cast<std::uint32_t>(std::bit_width(bits)) - 1;
    return 0;
}

bool has_vector(const kvm_lapic_state& state, std::uint32_t offset, std::uint32_t vector) {
    return (lapic_word(state, offset + vector / 32 * 16) >> vector % 32 & 1) != 0;
}

/// What handlers do unless a scenario says otherwise.
constexpr std::uint8_t default_policy = POLICY_EOI_LAPIC;

/// Asked once: it is the same for every VM, and takes as long as making one.
const std::vector<kvm_cpuid_entry2>& host_cpuid(const kvm::System& system) {
    static const std::vector<kvm_cpuid_entry2> entries = system.supported_cpuid();
    return entries;
}

kvm_irq_routing_entry kernel_entry(const routing::Entry& entry) {
    const routing::RawRoute raw = routing::to_raw(entry.route);
    kvm_irq_routing_entry result{};
    result.gsi = entry.gsi;
    result.type = raw.type;
    result.flags = raw.flags;
    std::copy(raw.words.begin(), raw.words.end(), result.u.pad);
    return result;
}

}  // namespace

KernelLapicPlacement::KernelLapicPlacement(const kvm::System& system, kvm::Vm& vm,
                                           const MachineConfig& config, Recorder& recorder)
    : vm_(vm), config_(config), recorder_(recorder), irqfds_(vm), cpuid_(host_cpuid(system)) {
    constexpr std::uint64_t flags = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
    if (config.x2apic_ids) vm_.enable_cap(KVM_CAP_X2APIC_API, {flags});
}

void KernelLapicPlacement::start(VcpuSlot& slot, bool running) {
    slots_.push_back(&slot);
    set_cpuid(slot.vcpu, cpuid_);
    slot.agent.reset(config_.run == RunMode::free ? IDLE_HALT : IDLE_EXIT, default_policy, config_.x2apic,
                     lapic_address);
    if (!running) {
        slot.vcpu.set_mp_state(KVM_MP_STATE_UNINITIALIZED);
        return;
    }
    enter_agent(slot.vcpu, slot.index, config_.x2apic);
    kvm_lapic_state lapic = slot.vcpu.lapic();
    set_lapic_word(lapic, svr_offset, 0x1ff);
    set_lapic_word(lapic, lint0_offset, lvt_masked);
    set_lapic_word(lapic, lint1_offset, lvt_masked);
    slot.vcpu.set_lapic(lapic);
    slot.vcpu.set_mp_state(KVM_MP_STATE_RUNNABLE);
}

Outcome KernelLapicPlacement::set_routing(const routing::RoutingTable& table) {
    std::vector<kvm_irq_routing_entry> entries;
    entries.reserve(table.size());
    for (const routing::Entry& entry : table.entries()) entries.push_back(kernel_entry(entry));
    return vm_.try_set_gsi_routing(entries);
}

Outcome KernelLapicPlacement::msi(const MsiMessage& message) {
    kvm_msi request{};
    request.address_lo = static_cast<std::uint32_t>(message.address);
    request.address_hi = static_cast<std::uint32_t>(message.address >> 32);
    request.data = message.data;
    if (message.device_id) {
        request.flags = KVM_MSI_VALID_DEVID;
        request.devid = *message.device_id;
    }
    return vm_.try_signal_msi(request);
}

Outcome KernelLapicPlacement::nmi(VcpuSlot& slot) { return slot.vcpu.try_nmi(); }

Outcome KernelLapicPlacement::inject(VcpuSlot& slot, std::uint32_t vector, Injection how) {
    if (how == Injection::interrupt) return slot.vcpu.try_interrupt(vector);
    kvm_vcpu_events events = slot.vcpu.vcpu_events();
    events.flags = 0;
    events.interrupt.injected = 1;
    events.interrupt.nr = static_cast<std::uint8_t>(vector);
    events.interrupt.soft = 0;
    return slot.vcpu.try_set_vcpu_events(events);
}

std::optional<AgentExit> KernelLapicPlacement::agent_exit(const kvm::Exit& exit) const {
    const auto* io = std::get_if<kvm::IoExit>(&exit);
    if (io == nullptr || io->port != AGENT_PORT || io->direction != kvm::IoExit::Direction::out ||
        io->data.empty())
        return std::nullopt;
    const auto word = static_cast<std::uint8_t>(io->data.front());
    if (word < AGENT_EXIT_IDLE || word > AGENT_EXIT_LOWER) return std::nullopt;
    return static_cast<AgentExit>(word);
}

bool KernelLapicPlacement::handle(VcpuSlot& slot, const kvm::Exit& exit) {
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

std::optional<event::RestState> KernelLapicPlacement::parked(VcpuSlot& slot) {
    switch (slot.vcpu.mp_state()) {
        case KVM_MP_STATE_HALTED: return event::RestState::halted;
        case KVM_MP_STATE_UNINITIALIZED: return event::RestState::not_started;
        case KVM_MP_STATE_INIT_RECEIVED: return event::RestState::wait_for_sipi;
        default: return std::nullopt;
    }
}

void KernelLapicPlacement::unpark(VcpuSlot& slot) { slot.vcpu.set_mp_state(KVM_MP_STATE_RUNNABLE); }

// Computed from TPR and ISR instead of read from PPR, which a LAPIC in hardware need not keep current here
// (SDM vol. 3, 11.8.3.1).
std::uint32_t KernelLapicPlacement::running_priority(VcpuSlot& slot) {
    const kvm_lapic_state state = slot.vcpu.lapic();
    const std::uint32_t tpr = lapic_word(state, tpr_offset) & 0xff;
    const std::uint32_t in_service = highest_vector(state, isr_offset);
    return tpr >> 4 >= in_service >> 4 ? tpr : in_service & 0xf0;
}

// The lowest vector of the lowest class that can be taken, so that whatever else is pending comes before it.
// One that is pending or in service already, or that the scenario has a handler for, would be mistaken for
// it.
std::optional<Marker> KernelLapicPlacement::send_marker(VcpuSlot& slot, std::uint32_t priority) {
    using namespace irqchip::x86;
    const kvm_lapic_state state = slot.vcpu.lapic();
    if ((lapic_word(state, svr_offset) & svr_enabled) == 0) return std::nullopt;
    const auto used = [&](std::uint32_t vector) {
        return slot.agent.policy(vector) != default_policy || has_vector(state, isr_offset, vector) ||
               has_vector(state, irr_offset, vector);
    };
    std::uint32_t vector = (priority & 0xf0) + 0x10;
    while (vector < 0x100 && used(vector)) ++vector;
    if (vector >= 0x100) return std::nullopt;
    Message message;
    message.destination = slot.vcpu.id();
    message.vector = static_cast<std::uint8_t>(vector);
    const auto encoded =
        encode(message, config_.x2apic_ids ? DestinationFormat::x2apic_api : DestinationFormat::compatible);
    if (!encoded) return std::nullopt;
    slot.agent.set_policy(vector, default_policy | POLICY_DECLARED);
    kvm::require(msi({encoded->address, encoded->data, std::nullopt}), "KVM_SIGNAL_MSI");
    return Marker{vector, default_policy};
}

// The sample that took the shortest: how much later the counter is read than the clock, or the other way
// round, nobody knows.
GuestClock KernelLapicPlacement::clock(VcpuSlot& slot) {
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
    }
    if (const auto khz = slot.vcpu.tsc_khz(); khz > 0) clock.ns_per_tick = 1e6 / static_cast<double>(khz);
    return clock;
}

std::string KernelLapicPlacement::registers(VcpuSlot& slot) {
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

std::vector<NamedValue> KernelLapicPlacement::inspect(std::string_view controller, std::uint32_t index) {
    if (index >= slots_.size()) return {};
    if (controller == "tsc") return {{"tsc", slots_[index]->vcpu.msr(msr_tsc)}};
    if (controller != "lapic") return {};
    std::vector<NamedValue> fields = lapic_fields(slots_[index]->vcpu.lapic());
    if ((slots_[index]->vcpu.sregs().apic_base & apic_base_x2apic) == 0)
        for (NamedValue& field : fields)
            if (field.name == "id") field.value >>= 24;
    return fields;
}

std::vector<NamedValue> lapic_fields(const kvm_lapic_state& state) {
    std::vector<NamedValue> fields;
    for (const irqchip::x86::LapicRegister& row : irqchip::x86::lapic_registers)
        fields.push_back({std::string(row.name), lapic_word(state, row.offset)});
    return fields;
}

}  // namespace irqbench::vmm::x86
