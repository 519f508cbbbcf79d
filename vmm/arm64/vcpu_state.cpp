#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/placement.hpp"

// What KVM keeps of a vCPU wherever its GIC is (api.rst, section of each ioctl's name).
namespace irqbench::vmm::arm64 {

namespace {

using Registers = std::map<std::uint64_t, std::vector<std::byte>>;

/// Parts of their own, or not a vCPU's: the physical counter is the host's. KVM gave the ids of CNTV_CVAL_EL0
/// and CNTVCT_EL0 to each other by mistake (api.rst 4.68): what counts is the names of <asm/kvm.h>.
constexpr std::array<std::uint64_t, 4> ids_of_timers{KVM_REG_ARM_TIMER_CTL, KVM_REG_ARM_TIMER_CVAL,
                                                     KVM_REG_ARM_TIMER_CNT, KVM_REG_ARM_PTIMER_CNT};

Registers registers_of(const kvm::Vcpu& vcpu) {
    Registers registers;
    for (const std::uint64_t id : vcpu.reg_list())
        if (std::find(ids_of_timers.begin(), ids_of_timers.end(), id) == ids_of_timers.end())
            registers.emplace(id, vcpu.reg_bytes(id));
    return registers;
}

struct SavedTimers {
    std::uint64_t counter = 0;
    std::vector<TimerState> of_vcpus;
};

// Not everything that can be read can be written: only what is different is.
void restore_registers(kvm::Vcpu& vcpu, const Registers& saved) {
    const Registers present = registers_of(vcpu);
    for (const auto& [id, value] : saved) {
        const auto now = present.find(id);
        if (now == present.end() || now->second != value) vcpu.set_reg_bytes(id, value);
    }
}

TimerState saved_timer(const kvm::Vcpu& vcpu) {
    return {vcpu.reg(KVM_REG_ARM_TIMER_CTL), vcpu.reg(KVM_REG_ARM_TIMER_CVAL)};
}

void restore_timer(kvm::Vcpu& vcpu, const TimerState& timer) {
    vcpu.set_reg(KVM_REG_ARM_TIMER_CVAL, timer.compare);
    vcpu.set_reg(KVM_REG_ARM_TIMER_CTL, timer.control);
}

}  // namespace

StateAccess ArmPlacement::registers_state() {
    return vcpu_part<Registers>(
        "registers", slots_, [](VcpuSlot& slot) { return registers_of(slot.vcpu); },
        [](VcpuSlot& slot, const Registers& saved) { restore_registers(slot.vcpu, saved); });
}

// The counters of all vCPUs have one offset from the host's, so that one of them is set for all. It is set
// last: it goes on from there.
StateAccess ArmPlacement::timers_state() {
    return state_access<SavedTimers>(
        "timers",
        [this] {
            SavedTimers saved;
            saved.counter = slots_.front()->vcpu.reg(KVM_REG_ARM_TIMER_CNT);
            for (const VcpuSlot* slot : slots_) saved.of_vcpus.push_back(saved_timer(slot->vcpu));
            return saved;
        },
        [this](const SavedTimers& saved) {
            for (VcpuSlot* slot : slots_) restore_timer(slot->vcpu, saved.of_vcpus.at(slot->index));
            slots_.front()->vcpu.set_reg(KVM_REG_ARM_TIMER_CNT, saved.counter);
        });
}

std::vector<StateAccess> ArmPlacement::events_state() {
    if (vm_.check_extension(KVM_CAP_VCPU_EVENTS) <= 0) return {};
    return {vcpu_part<kvm_vcpu_events>(
        "vcpu_events", slots_, [](VcpuSlot& slot) { return slot.vcpu.vcpu_events(); },
        [](VcpuSlot& slot, const kvm_vcpu_events& events) { slot.vcpu.set_vcpu_events(events); })};
}

StateAccess ArmPlacement::power_state() {
    return vcpu_part<std::uint32_t>(
        "mp_state", slots_, [](VcpuSlot& slot) { return slot.vcpu.mp_state(); },
        [](VcpuSlot& slot, const std::uint32_t& state) { slot.vcpu.set_mp_state(state); });
}

void ArmPlacement::save_cpus(PortableState& state) {
    for (VcpuSlot* slot : slots_) {
        CpuState& cpu = state.board.cpus.emplace_back();
        cpu.activity =
            slot->vcpu.mp_state() == KVM_MP_STATE_STOPPED ? Activity::not_started : Activity::running;
        const std::uint64_t entry = slot->vcpu.reg(pc_register()) - AGENT_CODE;
        cpu.begins = entry == ENTRY_FIRST || entry == ENTRY_STARTED;
        // It takes interrupts when it has done so, and when it has only just been put where it goes on.
        cpu.interrupts_enabled = cpu.begins || entry == ENTRY_RESUMED || interrupts_enabled(*slot);
        cpu.core = registers_of(slot->vcpu);
        cpu.timer = saved_timer(slot->vcpu);
    }
    state.board.counter = slots_.front()->vcpu.reg(KVM_REG_ARM_TIMER_CNT);
}

void ArmPlacement::restore_cores(const PortableState& state) {
    for (VcpuSlot* slot : slots_) {
        const CpuState& cpu = state.board.cpus.at(slot->index);
        if (cpu.core)
            restore_registers(slot->vcpu, *cpu.core);
        else if (cpu.activity == Activity::running)
            resume_agent(slot->vcpu, slot->index, cpu.interrupts_enabled);
    }
}

// The counter last: it goes on from there.
void ArmPlacement::restore_timers_and_power(const PortableState& state) {
    for (VcpuSlot* slot : slots_) restore_timer(slot->vcpu, state.board.cpus.at(slot->index).timer);
    slots_.front()->vcpu.set_reg(KVM_REG_ARM_TIMER_CNT, state.board.counter);
    for (VcpuSlot* slot : slots_) {
        const bool runs = state.board.cpus.at(slot->index).activity == Activity::running;
        slot->vcpu.set_mp_state(runs ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_STOPPED);
    }
}

}  // namespace irqbench::vmm::arm64
