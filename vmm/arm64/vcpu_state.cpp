#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

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

struct SavedTimer {
    std::uint64_t control;
    std::uint64_t compare;
};

struct SavedTimers {
    std::uint64_t counter = 0;
    std::vector<SavedTimer> of_vcpus;
};

}  // namespace

// Only what is different is written: not everything that can be read can be written.
StateAccess ArmPlacement::registers_state() {
    return vcpu_part<Registers>(
        "registers", slots_, [](VcpuSlot& slot) { return registers_of(slot.vcpu); },
        [](VcpuSlot& slot, const Registers& saved) {
            const Registers present = registers_of(slot.vcpu);
            for (const auto& [id, value] : saved) {
                const auto now = present.find(id);
                if (now == present.end() || now->second != value) slot.vcpu.set_reg_bytes(id, value);
            }
        });
}

// The counters of all vCPUs have one offset from the host's, so that one of them is set for all. It is set
// last: it goes on from there.
StateAccess ArmPlacement::timers_state() {
    return state_access<SavedTimers>(
        "timers",
        [this] {
            SavedTimers saved;
            saved.counter = slots_.front()->vcpu.reg(KVM_REG_ARM_TIMER_CNT);
            for (const VcpuSlot* slot : slots_)
                saved.of_vcpus.push_back(
                    {slot->vcpu.reg(KVM_REG_ARM_TIMER_CTL), slot->vcpu.reg(KVM_REG_ARM_TIMER_CVAL)});
            return saved;
        },
        [this](const SavedTimers& saved) {
            for (VcpuSlot* slot : slots_) {
                const SavedTimer& timer = saved.of_vcpus.at(slot->index);
                slot->vcpu.set_reg(KVM_REG_ARM_TIMER_CVAL, timer.compare);
                slot->vcpu.set_reg(KVM_REG_ARM_TIMER_CTL, timer.control);
            }
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

}  // namespace irqbench::vmm::arm64
