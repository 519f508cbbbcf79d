#include "vmm/x86/kernel_lapic.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "irqchip/x86/lapic_registers.hpp"
#include "vmm/kernel_routing.hpp"
#include "vmm/x86/boot.hpp"
#include "vmm/x86/cpu_facts.hpp"

namespace irqbench::vmm::x86 {

namespace {

constexpr std::uint32_t svr_offset = 0x0f0;
constexpr std::uint32_t tpr_offset = 0x080;
constexpr std::uint32_t svr_enabled = 1U << 8;
constexpr std::uint32_t isr_offset = 0x100;
constexpr std::uint32_t irr_offset = 0x200;
constexpr std::uint32_t lint0_offset = 0x350;
constexpr std::uint32_t lint1_offset = 0x360;
constexpr std::uint32_t lvt_masked = 1U << 16;

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

}  // namespace

KernelLapicPlacement::KernelLapicPlacement(const kvm::System& system, kvm::Vm& vm,
                                           const MachineConfig& config, Recorder& recorder)
    : X86Placement(system, vm, config, recorder), irqfds_(vm, [&system] {
          auto other = std::make_unique<kvm::Vm>(system);
          other->create_irqchip();
          return other;
      }) {
    constexpr std::uint64_t flags = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
    if (config.x2apic_ids) vm_.enable_cap(KVM_CAP_X2APIC_API, {flags});
}

void KernelLapicPlacement::start(VcpuSlot& slot, bool running) {
    add(slot);
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
    return try_set_routing(vm_, table);
}

Outcome KernelLapicPlacement::msi(const MsiMessage& message) { return try_signal(vm_, message); }

Outcome KernelLapicPlacement::nmi(VcpuSlot& slot) { return slot.vcpu.try_nmi(); }

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

X86Placement::MarkerConditions KernelLapicPlacement::marker_conditions(VcpuSlot& slot) {
    const kvm_lapic_state state = slot.vcpu.lapic();
    return {(lapic_word(state, svr_offset) & svr_enabled) != 0, [state](std::uint32_t vector) {
                return has_vector(state, isr_offset, vector) || has_vector(state, irr_offset, vector);
            }};
}

std::vector<NamedValue> KernelLapicPlacement::inspect(std::string_view controller, std::uint32_t index) {
    if (controller != "lapic" || index >= slots_.size()) return X86Placement::inspect(controller, index);
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
